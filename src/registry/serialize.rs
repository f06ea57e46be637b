//! How plain data is written where serde has no way of its own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serializer;

pub(super) fn seconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Seconds since 1970, to the microsecond.
pub(super) fn unix_time<S: Serializer>(
    time: &SystemTime,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    seconds(&since.unwrap_or_default(), serializer)
}

pub(super) fn text<S: Serializer>(
    text: &Option<Arc<str>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => serializer.serialize_some(&**text),
        None => serializer.serialize_none(),
    }
}

pub(super) fn texts<S: Serializer>(texts: &[Arc<str>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(|text| &**text))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use crate::registry::{CloseReason, Direction, Draft, Identity, Protocol, Registry, State};

    #[tokio::test(start_paused = true)]
    async fn what_a_listing_needs_is_json() {
        let registry = Registry::new();
        let draft = Draft::new(Direction::Inbound, Protocol::WebSocket);
        let registration = registry.register(draft.remote_addr(([192, 0, 2, 1], 443).into()));
        let identity = Identity::new().user("ada".into());
        registration.set_identity(identity.peer_certificate([1_u8].into()));
        registration.add_label("red").unwrap();
        registration.set_state(State::Open);
        registration.stats().record_sent(5);
        tokio::time::advance(std::time::Duration::from_millis(1_500)).await;

        let expected = json!({
            "id": registration.id().as_u64(),
            "direction": "inbound",
            "protocol": "websocket",
            "host": null,
            "remote_addr": "192.0.2.1:443",
            "client_addr": "192.0.2.1:443",
            "local_addr": null,
            "state": "open",
            "activity": "idle",
            "in_flight": 0,
            "health": "healthy",
            "identity": { "user": "ada", "display_name": null },
            "labels": ["red"],
            "age": 1.5,
            "idle_for": 1.5,
            "stats": {
                "bytes_received": 0, "bytes_sent": 5,
                "messages_received": 0, "messages_sent": 0, "requests": 0, "errors": 0,
            },
            "close_reason": null,
        });
        assert_eq!(to_value(registration.snapshot()).unwrap(), expected);

        registration.close(CloseReason::PeerClosed);
        let closed = to_value(registry.recently_closed(1)).unwrap();
        assert_eq!(closed[0]["reason"], "peer-closed");
        assert_eq!(closed[0]["snapshot"]["state"], "closed");
        assert!(closed[0]["closed_at"].as_f64().unwrap() > 1.7e9);

        let stats = to_value(registry.stats()).unwrap();
        assert_eq!(stats["closed_by_reason"], json!({ "peer-closed": 1 }));
        assert_eq!(stats["by_protocol"]["websocket"]["bytes_sent"], 5);
        assert_eq!(stats["average_lifetime"], 1.5);
    }
}
