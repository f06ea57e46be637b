//! What is logged when a profile is loaded. Alone in its process: another thread could load one, and settle for all that nobody listens.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{self, Write};
use std::sync::Arc;

use hotpool::profile::Profile;
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Warnings, one on each line.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<String>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock();
        event.record(&mut Line(&mut text));
        text.push('\n');
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

fn child(requests: &str) -> String {
    let provenance = r#""provenance": {"kind": "derived", "client": "Chromium", "version": "156", "os": "Linux", "date": "2026-11-21"}"#;
    format!(
        r#"{{"name": "child", "extends": "chromium-156", {provenance}, "requests": {requests}}}"#
    )
}

#[test]
fn loading_warns() {
    let coherent = child("{}");
    let incoherent = child(r#"{"values": {"sec-ch-ua-mobile": "?1"}}"#);
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        Profile::from_json("coherent.json", &coherent).unwrap();
        assert_eq!(*warnings.0.lock(), "");
        Profile::from_json("incoherent.json", &incoherent).unwrap();
    });
    let text = warnings.0.lock();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in [
        "profile=\"child\"",
        "requests.kinds.navigation.sec-ch-ua-mobile: ?1 says otherwise",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
