//! Could a client have sent this hello? The draw that it would have needed, and where that does not suffice.
//!
//! What the client draws at random is read off the hello, the hello is made anew from that draw, and the two are compared: whatever
//! the profile fixes must then be equal byte for byte. What was drawn is checked for being what the client can draw.

mod compare;
mod draw;
mod drawn;
mod opening;
mod taken;

use std::fmt;

use super::ClientHello;
use super::template::{HelloDraw, HelloTemplate};
use compare::compare;
use draw::draw_of_both;
pub(super) use draw::ech_of;
use drawn::check_drawn;
pub(super) use drawn::{hybrid_key, payload_fits};
pub(super) use opening::Replay;
use taken::Taken;
pub(super) use taken::shares;

/// Something in a hello or an HTTP/2 opening that the profile's client would have sent otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Where: `cipher_suites`, `extensions`, `extension key_share`; in a hello after a HelloRetryRequest `second hello, extension key_share`;
    /// in an opening `SETTINGS`, `request on stream 3, header accept`.
    pub place: String,
    /// What the client would have sent there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Difference {
    pub(crate) fn new(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected {}, found {}",
            self.place, self.expected, self.found
        )
    }
}

impl HelloTemplate {
    /// What is in `hello`, and after a HelloRetryRequest in `retry`, that this template's client would not have sent.
    pub(crate) fn differences(
        &self,
        hello: &ClientHello,
        retry: Option<&ClientHello>,
    ) -> Vec<Difference> {
        let template = self.adopt(hello);
        let template = &*template;
        let (mut draw, mut differences) = draw_of_both(template, hello, retry);
        differences.extend(check_drawn(template, &draw, hello));
        differences.extend(template.rendered_differences(&mut draw, hello, false));
        if let Some(retry) = retry {
            let second = template.rendered_differences(&mut draw, retry, true);
            differences.extend(second.into_iter().map(|difference| Difference {
                place: format!("second hello, {}", difference.place),
                ..difference
            }));
        }
        differences
    }

    fn rendered_differences(
        &self,
        draw: &mut HelloDraw,
        hello: &ClientHello,
        retry: bool,
    ) -> Vec<Difference> {
        let taken = Taken::from_hello(hello, retry);
        let rendered = self.render(&taken.inputs(), draw);
        match rendered
            .ok()
            .and_then(|message| ClientHello::from_message(&message).ok())
        {
            // Writing out what is equal would take longer than all the rest.
            Some(expected) if expected.is_same(hello, self.record_version(retry)) => Vec::new(),
            Some(expected) => compare(&expected, hello, self.record_version(retry)),
            None => vec![Difference::new(
                "hello",
                "one that fits into a record",
                "none that could be made",
            )],
        }
    }
}

#[cfg(test)]
mod tests;
