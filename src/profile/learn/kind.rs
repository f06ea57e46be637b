//! Which kind of request one is, by what Fetch says of it in its own headers.

/// The name of the kind: what `sec-fetch-dest` says, or `request` where there is no such header.
pub(super) fn kind(method: &str, path: &str, header: impl Fn(&str) -> Option<String>) -> String {
    if method == "OPTIONS" && header("access-control-request-method").is_some() {
        return "preflight".to_owned();
    }
    let is_websocket = |value: String| value.eq_ignore_ascii_case("websocket");
    if ["upgrade", ":protocol"]
        .into_iter()
        .any(|name| header(name).is_some_and(is_websocket))
    {
        return "websocket".to_owned();
    }
    let Some(destination) = header("sec-fetch-dest") else {
        return REQUEST.to_owned();
    };
    match destination.as_str() {
        "document" if matches!(method, "GET" | "HEAD") => "navigation",
        "document" => "form",
        "iframe" | "frame" => "iframe",
        "empty" => "fetch",
        "image" if path.ends_with("/favicon.ico") => "favicon",
        other if is_name(other) => other,
        _ => REQUEST,
    }
    .to_owned()
}

/// The names of several kinds that have the same one otherwise, by their number from zero.
pub(super) fn numbered(name: &str, number: usize) -> String {
    match (name, number) {
        (name, 0) => name.to_owned(),
        ("image", 1) => "image-low".to_owned(),
        (name, number) => format!("{name}-{}", number + 1),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

const REQUEST: &str = "request";

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn names() {
        for (method, path, headers, wanted) in [
            (
                "GET",
                "/",
                &[("sec-fetch-dest", "document")][..],
                "navigation",
            ),
            ("POST", "/", &[("sec-fetch-dest", "document")], "form"),
            ("GET", "/a", &[("sec-fetch-dest", "empty")], "fetch"),
            (
                "GET",
                "/favicon.ico",
                &[("sec-fetch-dest", "image")],
                "favicon",
            ),
            ("GET", "/", &[("sec-fetch-dest", "font")], "font"),
            ("GET", "/", &[("sec-fetch-dest", "No Name")], "request"),
            ("GET", "/", &[], "request"),
            ("GET", "/", &[("upgrade", "WebSocket")], "websocket"),
            (
                "OPTIONS",
                "/",
                &[
                    ("sec-fetch-dest", "empty"),
                    ("access-control-request-method", "PUT"),
                ],
                "preflight",
            ),
        ] {
            let header = |wanted: &str| {
                let mut headers = headers.iter();
                let found = headers.find(|(name, _)| *name == wanted);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(kind(method, path, header), wanted);
        }
    }
}
