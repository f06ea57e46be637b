//! What clients of one family have in common.

use super::Contradiction;
use super::agent::UserAgent;
use super::relatives::{Relative, all};
use crate::profile::http2::{PseudoHeader, SettingTemplate};
use crate::profile::installation::Installation;

/// What does not change from one version of a client to the next. What is not known of an installation is `None`.
#[derive(Debug, Default)]
pub(super) struct Traits(Vec<(&'static str, &'static str, Option<String>)>);

pub(super) fn contradictions(installation: &Installation, agent: &UserAgent) -> Vec<Contradiction> {
    let is_relative = |relative: &&Relative| agent.includes(&relative.agent);
    let relatives: Vec<&Relative> = all().iter().filter(is_relative).collect();
    let own = Traits::of(installation);
    let traits = own.0.iter().enumerate();
    traits
        .filter_map(|(index, (place, what, own))| {
            let of = |relative: &&Relative| {
                let (_, _, value) = relative.traits.0.get(index)?;
                value.clone()
            };
            let (first, others) = relatives.split_first()?;
            let theirs = of(first)?;
            // Where they differ among themselves, anything goes.
            let is_common = others.iter().all(|other| of(other).as_ref() == Some(&theirs));
            let own = own.as_ref()?;
            (is_common && *own != theirs).then(|| {
                Contradiction::new(
                    *place,
                    format!(
                        "{what} is {own}; that of {}, which call themselves as this does, is {theirs}",
                        names(&relatives)
                    ),
                )
            })
        })
        .collect()
}

impl Traits {
    pub(super) fn of(installation: &Installation) -> Self {
        let hello = installation.client_hello.as_ref();
        let http2 = installation.http2.as_ref();
        let requests = installation.requests.as_ref();
        let has = |extensions: &[u16]| {
            hello.map(|hello| {
                let mut extensions = extensions.iter();
                yes(extensions.any(|extension| hello.extension(*extension).is_some()))
            })
        };
        let kind = requests.and_then(|requests| requests.kind(None));
        Self(vec![
            (
                "client_hello",
                "whether the hello is shaped",
                Some(yes(hello.is_some())),
            ),
            (
                "client_hello.extensions",
                "whether the hello has GREASE",
                hello.map(|hello| yes(!hello.slots.is_empty())),
            ),
            (
                "client_hello.extensions",
                "whether the hello has ALPS",
                has(&APPLICATION_SETTINGS),
            ),
            (
                "client_hello.extensions",
                "whether the hello has encrypted_client_hello",
                has(&[ENCRYPTED_CLIENT_HELLO]),
            ),
            (
                "http2.settings",
                "the list of settings",
                http2.map(|http2| list(&http2.settings, setting)),
            ),
            (
                "http2.pseudo_headers",
                "the order of pseudo-headers",
                http2.map(|http2| list(&http2.pseudo_headers, pseudo_header)),
            ),
            (
                "http2.first_stream",
                "the first stream",
                http2.map(|http2| http2.first_stream.to_string()),
            ),
            (
                "http2.stream_window_update",
                "whether requests enlarge their windows",
                http2.map(|http2| yes(http2.stream_window_update.is_some())),
            ),
            (
                "requests",
                "whether the default kind of request has sec-ch-ua",
                kind.map(|kind| yes(kind.http2.fixed("sec-ch-ua").is_some())),
            ),
            (
                "requests",
                "whether the default kind of request has priority fields",
                kind.map(|kind| yes(kind.priority.is_some())),
            ),
        ])
    }
}

fn names(relatives: &[&Relative]) -> String {
    let mut names: Vec<&str> = relatives.iter().map(|one| one.profile.as_str()).collect();
    names.dedup();
    names.join(", ")
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn list<T>(items: &[T], text: impl Fn(&T) -> Option<String>) -> String {
    let texts: Vec<String> = items.iter().filter_map(text).collect();
    texts.join(",")
}

/// Without values, which change with versions; GREASE is tried with some.
fn setting(setting: &SettingTemplate) -> Option<String> {
    match setting {
        SettingTemplate::Fixed { id, .. } => Some(id.to_string()),
        SettingTemplate::Grease => None,
    }
}

/// Those that every request has.
fn pseudo_header(pseudo: &PseudoHeader) -> Option<String> {
    let initial = match pseudo {
        PseudoHeader::Method => "m",
        PseudoHeader::Authority => "a",
        PseudoHeader::Scheme => "s",
        PseudoHeader::Path => "p",
        PseudoHeader::Protocol => return None,
    };
    Some(initial.to_owned())
}

const APPLICATION_SETTINGS: [u16; 2] = [0x4469, 0x44cd];
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
