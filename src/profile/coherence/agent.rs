//! Who a client says that it is.

use std::collections::BTreeMap;

use super::system::System;
use crate::profile::installation::Installation;

/// A `user-agent` (RFC 9110 section 10.1.5).
#[derive(Debug)]
pub(super) struct UserAgent {
    pub(super) text: String,
    /// The products and the first numbers of their versions, without the comments.
    products: BTreeMap<String, Option<u32>>,
}

impl UserAgent {
    /// That of the first kind of request that has one.
    pub(super) fn of(installation: &Installation) -> Option<Self> {
        let requests = installation.requests.as_ref()?;
        let texts = requests.kinds.iter();
        let text = texts
            .filter_map(|kind| kind.http2.fixed("user-agent"))
            .next()?;
        Some(Self::parse(text))
    }

    fn parse(text: &str) -> Self {
        let mut depth = 0_usize;
        let without_comments = text.chars().filter(|&character| {
            let is_outside = depth == 0 && character != '(';
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            is_outside
        });
        let without_comments: String = without_comments.collect();
        let product = |token: &str| {
            let (name, version) = token.split_once('/').unwrap_or((token, ""));
            (name.to_owned(), major(version))
        };
        Self {
            text: text.to_owned(),
            products: without_comments.split_whitespace().map(product).collect(),
        }
    }

    /// Whether this is what the other is, or something that calls itself so and more.
    pub(super) fn includes(&self, other: &Self) -> bool {
        let mut names = other.products.keys();
        names.all(|name| self.products.contains_key(name))
    }

    /// Whether some product of it is of this major version.
    pub(super) fn is_of_version(&self, version: u32) -> bool {
        self.products.values().any(|major| *major == Some(version))
    }

    pub(super) fn system(&self) -> Option<System> {
        System::named_in(&self.text)
    }

    pub(super) fn is_mobile(&self) -> bool {
        self.text.contains("Mobile")
    }
}

/// The number that a version begins with.
pub(super) fn major(version: &str) -> Option<u32> {
    let end = version.find(|character: char| !character.is_ascii_digit());
    version.get(..end.unwrap_or(version.len()))?.parse().ok()
}
