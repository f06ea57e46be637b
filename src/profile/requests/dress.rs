//! A request's own headers and its profile's, in the client's order.

use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::template::{DefaultValue, HeaderSlot, HeaderTemplate};

/// What of a request, apart from its headers, its defaults depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) method: &'a Method,
    /// `http` or `https`.
    pub(crate) scheme: &'a str,
    /// `host` or `host:port`.
    pub(crate) authority: &'a str,
    /// Instead of the profile's own.
    pub(crate) accept_language: Option<&'a HeaderValue>,
    /// Whether there are any.
    pub(crate) defaults: bool,
    /// Those to leave out.
    pub(crate) without: &'a [HeaderName],
}

impl Occasion<'_> {
    /// Whether all defaults stand as the profile has them.
    fn is_plain(&self) -> bool {
        self.defaults && self.without.is_empty() && self.accept_language.is_none()
    }
}

/// A request's headers as the client would have sent them.
#[derive(Debug)]
pub(crate) struct Dressed {
    pub(crate) headers: HeaderMap,
    /// `accept-encoding` is the profile's: whoever made the request may know nothing of the codings that it asks for.
    pub(crate) asks_for_codings: bool,
}

impl HeaderTemplate {
    /// Puts `own` headers, which win, and the defaults together. Costs a hash and a copy of a reference for each header.
    pub(crate) fn dress(&self, own: &HeaderMap, occasion: &Occasion<'_>) -> Dressed {
        if own.is_empty()
            && occasion.is_plain()
            && let Some(bare) = &self.bare
        {
            return Dressed {
                asks_for_codings: bare.contains_key(ACCEPT_ENCODING),
                headers: bare.clone(),
            };
        }
        let mut dressed = Dressed {
            headers: HeaderMap::with_capacity(self.slots.len() + own.keys_len()),
            asks_for_codings: false,
        };
        for (place, slot) in self.slots.iter().enumerate() {
            if place == self.others {
                self.add_others(own, &mut dressed.headers);
            }
            if own.contains_key(&slot.name) {
                self.add_own(own, &slot.name, &mut dressed.headers);
            } else if let Some(value) = slot.value(occasion) {
                dressed.asks_for_codings |= slot.name == ACCEPT_ENCODING;
                dressed.headers.append(&slot.name, value);
            }
        }
        if self.others >= self.slots.len() {
            self.add_others(own, &mut dressed.headers);
        }
        dressed
    }

    fn add_own(&self, own: &HeaderMap, name: &HeaderName, headers: &mut HeaderMap) {
        for value in own.get_all(name) {
            match value.to_str() {
                Ok(text) if self.splits_cookies && *name == COOKIE && text.contains("; ") => {
                    add_crumbs(text, value.is_sensitive(), headers);
                }
                _ => {
                    headers.append(name, value.clone());
                }
            }
        }
    }

    fn add_others(&self, own: &HeaderMap, headers: &mut HeaderMap) {
        for name in own.keys() {
            if !self.slots.iter().any(|slot| slot.name == *name) {
                self.add_own(own, name, headers);
            }
        }
    }
}

impl HeaderSlot {
    fn value(&self, occasion: &Occasion<'_>) -> Option<HeaderValue> {
        let default = self.default.as_ref().filter(|_| occasion.defaults)?;
        if !self.only.holds(occasion.method) || occasion.without.contains(&self.name) {
            return None;
        }
        if self.name == ACCEPT_LANGUAGE
            && let Some(instead) = occasion.accept_language
        {
            return Some(instead.clone());
        }
        let Occasion {
            scheme, authority, ..
        } = occasion;
        match default {
            DefaultValue::Fixed(value) => Some(value.clone()),
            DefaultValue::Authority => HeaderValue::from_str(authority).ok(),
            DefaultValue::Origin { before, after } => {
                HeaderValue::from_str(&format!("{before}{scheme}://{authority}{after}")).ok()
            }
        }
    }
}

/// RFC 9113 §8.2.3: each cookie on its own compresses better.
fn add_crumbs(cookies: &str, sensitive: bool, headers: &mut HeaderMap) {
    for crumb in cookies.split("; ") {
        if let Ok(mut crumb) = HeaderValue::from_str(crumb) {
            crumb.set_sensitive(sensitive);
            headers.append(COOKIE, crumb);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::requests::MethodCondition;

    /// `name: value`, or a place only.
    fn slot(line: &str) -> HeaderSlot {
        let (name, value) = match line.split_once(": ") {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        HeaderSlot {
            name: name.parse().unwrap(),
            spelled: name.into(),
            default: value.map(|value| match value.split_once("{origin}") {
                Some((before, after)) => DefaultValue::Origin {
                    before: before.into(),
                    after: after.into(),
                },
                None => DefaultValue::Fixed(value.parse().unwrap()),
            }),
            only: MethodCondition::All,
        }
    }

    fn template(lines: &[&str], others: usize) -> HeaderTemplate {
        HeaderTemplate::new(lines.iter().copied().map(slot).collect(), others, true)
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    const GET: Occasion<'_> = Occasion {
        method: &Method::GET,
        scheme: "https",
        authority: "example.com:8443",
        accept_language: None,
        defaults: true,
        without: &[],
    };

    fn dressed(template: &HeaderTemplate, own: &[&str], occasion: &Occasion<'_>) -> Vec<String> {
        let dressed = template.dress(&headers(own), occasion);
        let lines = dressed.headers.iter();
        lines
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn defaults_stand_where_nothing_is_set() {
        let template = template(&["user-agent: x", "referer: {origin}/", "accept"], 3);
        assert_eq!(
            dressed(&template, &[], &GET),
            ["user-agent: x", "referer: https://example.com:8443/"]
        );
    }

    #[test]
    fn own_headers_win_in_the_clients_order() {
        let template = template(
            &["sec-ch-ua: q", "user-agent: x", "referer", "accept: */*"],
            2,
        );
        let own = [
            "x-b: 1",
            "accept: text/css",
            "referer: r",
            "x-a: 2",
            "x-b: 3",
            "user-agent: mine",
        ];
        assert_eq!(
            dressed(&template, &own, &GET),
            [
                "sec-ch-ua: q",
                "user-agent: mine",
                "x-b: 1",
                "x-b: 3",
                "x-a: 2",
                "referer: r",
                "accept: text/css"
            ]
        );
    }

    #[test]
    fn a_default_can_be_left_out() {
        let template = template(&["te: trailers", "priority: u=0, i"], 0);
        let te = [http::header::TE];
        let occasion = Occasion {
            without: &te,
            ..GET
        };
        assert_eq!(
            dressed(&template, &["x: y"], &occasion),
            ["x: y", "priority: u=0, i"]
        );
    }

    #[test]
    fn a_language_of_ones_own_replaces_the_profiles_only() {
        let german = HeaderValue::from_static("de");
        let occasion = Occasion {
            accept_language: Some(&german),
            ..GET
        };
        let with = template(&["accept-language: en"], 1);
        assert_eq!(dressed(&with, &[], &occasion), ["accept-language: de"]);
        let own = dressed(&with, &["accept-language: fr"], &occasion);
        assert_eq!(own, ["accept-language: fr"]);
        let without = template(&["accept-language"], 1);
        assert!(dressed(&without, &[], &occasion).is_empty());
    }

    #[test]
    fn what_only_unsafe_methods_have() {
        let mut template = template(&["origin: {origin}"], 1);
        template.slots[0].only = MethodCondition::Unsafe;
        let template = HeaderTemplate::new(template.slots, 1, true);
        assert!(dressed(&template, &[], &GET).is_empty());
        let post = Occasion {
            method: &Method::POST,
            ..GET
        };
        assert_eq!(
            dressed(&template, &[], &post),
            ["origin: https://example.com:8443"]
        );
    }

    #[test]
    fn cookies_become_crumbs() {
        let mut template = template(&["cookie", "priority: u=0"], 2);
        let own = ["cookie: a=1; b=2", "cookie: c=3"];
        assert_eq!(
            dressed(&template, &own, &GET),
            ["cookie: a=1", "cookie: b=2", "cookie: c=3", "priority: u=0"]
        );
        template.splits_cookies = false;
        assert_eq!(
            dressed(&template, &own, &GET),
            ["cookie: a=1; b=2", "cookie: c=3", "priority: u=0"]
        );
    }

    #[test]
    fn it_is_known_who_asked_for_codings() {
        let template = template(&["accept-encoding: gzip"], 1);
        assert!(template.dress(&HeaderMap::new(), &GET).asks_for_codings);
        let own = headers(&["accept-encoding: br"]);
        assert!(!template.dress(&own, &GET).asks_for_codings);
    }
}
