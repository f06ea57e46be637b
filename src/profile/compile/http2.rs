//! What a client's HTTP/2 connections are, checked against RFC 9113.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::hpack::hpack;
use super::{Fault, Result};
use crate::profile::document::{
    DependenciesDocument, Http2Document, PriorityFrameDocument, PseudoHeaderDocument, Registry,
    SettingDocument,
};
use crate::profile::http2::{Http2Template, PseudoHeader, SettingTemplate, StreamDependencies};
use crate::profile::opening::Priority;

/// The template of `document`. Fields are named by their path below `http2`.
pub(in crate::profile) fn http2(document: &Http2Document) -> Result<Http2Template> {
    let template = Http2Template {
        settings: settings(&document.settings)?,
        connection_window_update: window_update(
            "connection_window_update",
            document.connection_window_update,
        )?,
        stream_window_update: window_update("stream_window_update", document.stream_window_update)?,
        priority_frames: priority_frames(&document.priority_frames)?,
        first_stream: document.first_stream,
        dependencies: match document.dependencies {
            DependenciesDocument::Fixed => StreamDependencies::Fixed,
            DependenciesDocument::Chained => StreamDependencies::Chained,
        },
        pseudo_headers: pseudo_headers(&document.pseudo_headers)?,
        hpack: Arc::new(hpack(&document.hpack)?),
        coalesces: document.coalesces,
    };
    windows(&template)?;
    if template.first_stream.is_multiple_of(2) || template.first_stream > MOST_31_BITS {
        return Err(Fault::new(
            "first_stream",
            "a client's streams are odd, and have 31 bits (RFC 9113 section 5.1.1)",
        ));
    }
    if template.first_stream > MOST_FIRST_STREAM {
        return Err(Fault::new(
            "first_stream",
            format!(
                "more than {MOST_FIRST_STREAM}: a connection would have too few streams for its requests"
            ),
        ));
    }
    Ok(template)
}

/// The weight of a stream as it is on the wire, one less.
pub(super) fn weight_less_one(field: &str, weight: u16) -> Result<u8> {
    let less = weight
        .checked_sub(1)
        .and_then(|less| u8::try_from(less).ok());
    less.ok_or_else(|| {
        Fault::new(
            format!("{field}.weight"),
            "a weight is 1 to 256 (RFC 7540 section 5.3.2)",
        )
    })
}

pub(super) fn dependency(field: &str, stream: u32) -> Result<u32> {
    if stream > MOST_31_BITS {
        return Err(Fault::new(
            format!("{field}.depends_on"),
            "a stream has 31 bits",
        ));
    }
    Ok(stream)
}

fn settings(documents: &[SettingDocument]) -> Result<Vec<SettingTemplate>> {
    if documents.len() > MOST_SETTINGS {
        return Err(Fault::new(
            "settings",
            format!("a frame holds at most {MOST_SETTINGS}"),
        ));
    }
    let settings = documents.iter().enumerate();
    settings
        .map(|(index, document)| setting(&format!("settings[{index}]"), document))
        .collect()
}

fn setting(field: &str, document: &SettingDocument) -> Result<SettingTemplate> {
    let (name, value) = match document {
        SettingDocument::Drawn((name,)) if name == GREASE => return Ok(SettingTemplate::Grease),
        SettingDocument::Drawn((name,)) => {
            return Err(Fault::new(field, format!("{name} has no value")));
        }
        SettingDocument::Fixed(name, value) => (name, *value),
    };
    if name == GREASE {
        return Err(Fault::new(
            field,
            "the value of a GREASE setting is drawn: write [\"GREASE\"]",
        ));
    }
    let id = Registry::Setting.number(name).ok_or_else(|| {
        Fault::new(
            field,
            format!("{name:?} is no HTTP/2 setting: neither a name that is known here nor hex like 0x0009"),
        )
    })?;
    if id & GREASE_MASK == GREASE_BITS {
        return Err(Fault::new(
            field,
            format!(
                "{name} is a GREASE setting, which is drawn anew each time: write [\"GREASE\"]"
            ),
        ));
    }
    let range = values(id);
    if !range.contains(&value) {
        return Err(Fault::new(
            field,
            format!(
                "{} is {} to {}, not {value}",
                Registry::Setting.text(id),
                range.start(),
                range.end()
            ),
        ));
    }
    Ok(SettingTemplate::Fixed { id, value })
}

/// What a setting can be (RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1).
const fn values(id: u16) -> RangeInclusive<u32> {
    match id {
        SettingTemplate::ENABLE_PUSH
        | SettingTemplate::ENABLE_CONNECT_PROTOCOL
        | SettingTemplate::NO_RFC7540_PRIORITIES => 0..=1,
        SettingTemplate::INITIAL_WINDOW_SIZE => 0..=MOST_31_BITS,
        SettingTemplate::MAX_FRAME_SIZE => 1 << 14..=(1 << 24) - 1,
        _ => 0..=u32::MAX,
    }
}

fn window_update(field: &str, increment: Option<u32>) -> Result<Option<NonZeroU32>> {
    let Some(increment) = increment else {
        return Ok(None);
    };
    let checked = NonZeroU32::new(increment).filter(|increment| increment.get() <= MOST_31_BITS);
    checked.map(Some).ok_or_else(|| {
        Fault::new(
            field,
            format!("an increment is 1 to {MOST_31_BITS} (RFC 9113 section 6.9)"),
        )
    })
}

/// Windows end at 2^31-1 (RFC 9113 section 6.9.1).
fn windows(template: &Http2Template) -> Result<()> {
    let limits = template.limits();
    for (field, window) in [
        ("connection_window_update", limits.connection_window),
        ("stream_window_update", limits.stream_window),
    ] {
        if window > MOST_31_BITS {
            return Err(Fault::new(
                field,
                format!(
                    "with what it is added to it makes {window}, more than the largest window, {MOST_31_BITS}"
                ),
            ));
        }
    }
    Ok(())
}

fn priority_frames(documents: &[PriorityFrameDocument]) -> Result<Vec<Priority>> {
    let frames = documents.iter().enumerate();
    frames
        .map(|(index, document)| {
            let field = format!("priority_frames[{index}]");
            if !(1..=MOST_31_BITS).contains(&document.stream) {
                return Err(Fault::new(
                    format!("{field}.stream"),
                    "stream 0 has no priority, and others have 31 bits",
                ));
            }
            let dependency = dependency(&field, document.depends_on)?;
            if dependency == document.stream {
                return Err(Fault::new(
                    format!("{field}.depends_on"),
                    "a stream cannot depend on itself (RFC 7540 section 5.3.1)",
                ));
            }
            Ok(Priority {
                stream: document.stream,
                exclusive: document.exclusive,
                dependency,
                weight: u16::from(weight_less_one(&field, document.weight)?) + 1,
            })
        })
        .collect()
}

fn pseudo_headers(documents: &[PseudoHeaderDocument]) -> Result<Vec<PseudoHeader>> {
    for (index, document) in documents.iter().enumerate() {
        if documents
            .iter()
            .take(index)
            .any(|before| before == document)
        {
            return Err(Fault::new(
                format!("pseudo_headers[{index}]"),
                "it is there twice",
            ));
        }
    }
    for (needed, name) in [
        (PseudoHeaderDocument::Method, "method"),
        (PseudoHeaderDocument::Authority, "authority"),
        (PseudoHeaderDocument::Scheme, "scheme"),
        (PseudoHeaderDocument::Path, "path"),
    ] {
        if !documents.contains(&needed) {
            return Err(Fault::new(
                "pseudo_headers",
                format!("{name} is missing, which every request has"),
            ));
        }
    }
    let pseudo_header = |document: &PseudoHeaderDocument| match document {
        PseudoHeaderDocument::Method => PseudoHeader::Method,
        PseudoHeaderDocument::Authority => PseudoHeader::Authority,
        PseudoHeaderDocument::Scheme => PseudoHeader::Scheme,
        PseudoHeaderDocument::Path => PseudoHeader::Path,
        PseudoHeaderDocument::Protocol => PseudoHeader::Protocol,
    };
    Ok(documents.iter().map(pseudo_header).collect())
}

const GREASE: &str = "GREASE";

/// Identifiers of the form 0x?a?a, which browsers draw from.
const GREASE_MASK: u16 = 0x0f0f;
const GREASE_BITS: u16 = 0x0a0a;

/// Six bytes each, in a frame of 16,384: no server allows more before its own SETTINGS is there.
const MOST_SETTINGS: usize = (1 << 14) / 6;

/// Browsers begin at 1 to 15. A connection whose streams are used up takes no request, and this leaves 2^30 of them but for 2^15.
const MOST_FIRST_STREAM: u32 = 1 << 16;

/// Streams and windows have 31 bits.
const MOST_31_BITS: u32 = (1 << 31) - 1;
