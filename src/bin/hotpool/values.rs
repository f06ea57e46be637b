//! What the flags' values mean.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

/// `-H`: a header to send, or one not to send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Header {
    Leave(HeaderName),
    Send(HeaderName, HeaderValue),
}

impl FromStr for Header {
    type Err = String;

    /// As in curl: `Name:` leaves out what would be sent otherwise, `Name;` sends the header empty.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = |name: &str| {
            HeaderName::from_str(name.trim()).map_err(|_| format!("{name:?} is no header name"))
        };
        let Some((before, after)) = text.split_once(':') else {
            return match text.strip_suffix(';') {
                Some(before) => Ok(Self::Send(name(before)?, HeaderValue::from_static(""))),
                None => Err("expected 'Name: value'".into()),
            };
        };
        match after.trim() {
            "" => Ok(Self::Leave(name(before)?)),
            value => {
                let value = HeaderValue::from_bytes(value.as_bytes())
                    .map_err(|_| "the value has a control character")?;
                Ok(Self::Send(name(before)?, value))
            }
        }
    }
}

/// `-d`: where the content comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Data {
    File(PathBuf),
    Given(String),
    Stdin,
}

impl FromStr for Data {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            None => Self::Given(text.to_owned()),
            Some("-") => Self::Stdin,
            Some(path) => Self::File(path.into()),
        })
    }
}

/// Seconds, fractions allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(|| "expected seconds, such as 30 or 0.5: more than 0, at most a year".into())
}

/// Keeps clock arithmetic far from overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sent_emptied_or_left_out() {
        let sent = |name, value| Ok(Header::Send(HeaderName::from_static(name), value));
        assert_eq!(
            "X-A:  b: c ".parse(),
            sent("x-a", HeaderValue::from_static("b: c"))
        );
        assert_eq!("X-A;".parse(), sent("x-a", HeaderValue::from_static("")));
        assert_eq!(
            "Accept:".parse(),
            Ok(Header::Leave(HeaderName::from_static("accept")))
        );
        for text in ["", "x", "a b: c", ": c", "x: a\nb"] {
            assert!(text.parse::<Header>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn data_is_given_or_read() {
        assert_eq!("a=b".parse(), Ok(Data::Given("a=b".into())));
        assert_eq!("@-".parse(), Ok(Data::Stdin));
        assert_eq!("@a b".parse(), Ok(Data::File("a b".into())));
    }

    #[test]
    fn seconds_have_fractions_and_are_more_than_none() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("3"), Ok(Duration::from_secs(3)));
        for text in ["0", "-1", "NaN", "inf", "1e300", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
