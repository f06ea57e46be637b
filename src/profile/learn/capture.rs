//! Hellos as they are kept in files.

use crate::profile::read::Reader;
use crate::profile::{ClientHello, HelloError, Http1Head, Http2Opening, hex};

/// What one connection's client sent first.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HelloCapture {
    /// The first hello.
    pub hello: ClientHello,
    /// The one after a HelloRetryRequest.
    pub retry: Option<ClientHello>,
    /// What it sent first over HTTP/2.
    pub opening: Option<Http2Opening>,
    /// What it sent first over HTTP/1.1.
    pub http1: Option<Http1Head>,
}

impl HelloCapture {
    /// A connection without a HelloRetryRequest, of which there is nothing more.
    pub const fn new(hello: ClientHello) -> Self {
        Self {
            hello,
            retry: None,
            opening: None,
            http1: None,
        }
    }

    /// What one connection's client sent first, as bytes: the TLS records of its hello, and those of the one after a HelloRetryRequest if
    /// it follows. Whatever else follows is ignored.
    ///
    /// # Errors
    ///
    /// The bytes do not begin with a whole hello. [`HelloError::Truncated`] means that more of them are needed.
    pub fn from_records(records: &[u8]) -> Result<Self, HelloError> {
        let hello = ClientHello::from_records(records)?;
        let second = after(records, &hello).and_then(|rest| ClientHello::from_records(rest).ok());
        let retry = second.filter(|second| second.random() == hello.random());
        Ok(Self {
            retry,
            ..Self::new(hello)
        })
    }

    /// The records of each of the hellos that [`from_records`](Self::from_records) finds, without what is between and behind them.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn records_in(records: &[u8]) -> Result<Vec<&[u8]>, HelloError> {
        let Self { hello, retry, .. } = Self::from_records(records)?;
        let second = retry.and_then(|retry| Some((after(records, &hello)?, retry)));
        let each = [Some((records, hello)), second].into_iter().flatten();
        Ok(each
            .map(|(records, hello)| records_of(records, &hello))
            .collect())
    }

    /// The captures in a text of hex, the TLS records of one hello on each line. Of two hellos with the same random, the second is
    /// the one after a HelloRetryRequest, on its own line or on the same, with or without a ChangeCipherSpec record between them.
    /// Empty lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    ///
    /// The number of the line, from one, that is no hello.
    pub fn from_text(text: &str) -> Result<Vec<Self>, (usize, HelloError)> {
        let numbered = Self::numbered_from_text(text)?;
        Ok(numbered.into_iter().map(|(_, capture)| capture).collect())
    }

    /// As [`from_text`](Self::from_text), each with the number of the line that its first hello is on.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn numbered_from_text(text: &str) -> Result<Vec<(usize, Self)>, (usize, HelloError)> {
        let mut captures: Vec<(usize, Self)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = hex::decode(line).ok_or((number, HelloError::NotClientHello))?;
            for hello in hellos(&bytes).map_err(|error| (number, error))? {
                match captures.last_mut() {
                    Some((_, last))
                        if last.retry.is_none() && last.hello.random() == hello.random() =>
                    {
                        last.retry = Some(hello);
                    }
                    _ => captures.push((number, Self::new(hello))),
                }
            }
        }
        Ok(captures)
    }
}

/// The one or two hellos in a client's first flights.
fn hellos(bytes: &[u8]) -> Result<Vec<ClientHello>, HelloError> {
    let mut hellos = vec![ClientHello::from_records(bytes)?];
    if let Some(rest) = hellos.first().and_then(|first| after(bytes, first)) {
        hellos.push(ClientHello::from_records(rest)?);
    }
    Ok(hellos)
}

/// Those of `records` that carry `hello`, which is at their beginning.
fn records_of<'a>(records: &'a [u8], hello: &ClientHello) -> &'a [u8] {
    let mut rest = Reader::new(records);
    let mut carried = 0;
    while carried < hello.message_length()
        && let Some(length) = skip_record(&mut rest)
    {
        carried += length;
    }
    let length = records.len() - rest.rest().len();
    records.get(..length).unwrap_or_default()
}

/// The next handshake record after those of `hello`, and all behind it.
fn after<'a>(records: &'a [u8], hello: &ClientHello) -> Option<&'a [u8]> {
    let mut rest = Reader::new(records.get(records_of(records, hello).len()..)?);
    while *rest.rest().first()? != HANDSHAKE {
        skip_record(&mut rest)?;
    }
    Some(rest.rest())
}

const HANDSHAKE: u8 = 22;

/// How many bytes the next record carries, which is skipped.
fn skip_record(reader: &mut Reader<'_>) -> Option<usize> {
    reader.u8()?;
    reader.u16()?;
    Some(reader.vector16()?.rest().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Profile, SampleOptions};

    fn pair() -> (Vec<u8>, Vec<u8>) {
        let options = SampleOptions {
            retry: Some("secp384r1".to_owned()),
            ..SampleOptions::default()
        };
        let chromium = Profile::named("chromium").unwrap();
        let sampled = chromium.sample(&options, &mut rand::rng()).unwrap();
        (sampled.first, sampled.retry.unwrap())
    }

    #[test]
    fn the_second_hello_is_found_whatever_is_between() {
        let (first, second) = pair();
        for between in [&[][..], &[20, 3, 3, 0, 1, 1]] {
            let bytes = [&first, between, &second].concat();
            let capture = HelloCapture::from_records(&bytes).unwrap();
            assert!(capture.retry.is_some(), "{between:?}");
            let records = HelloCapture::records_in(&bytes).unwrap();
            assert_eq!(records, [&*first, &*second]);
            let line = hex::encode(&bytes);
            assert_eq!(HelloCapture::from_text(&line), Ok(vec![capture]));
        }
    }

    #[test]
    fn what_follows_a_hello_and_is_none_is_ignored() {
        let (first, _) = pair();
        let alone = HelloCapture::from_records(&first).unwrap();
        let (other, _) = pair();
        for following in [
            &[20, 3, 3, 0, 1, 1][..],
            &[22, 3, 3, 0, 5, 16, 0, 0, 1, 9],
            &[22, 3],
            &[99],
            &other,
        ] {
            let bytes = [&first, following].concat();
            assert_eq!(HelloCapture::from_records(&bytes), Ok(alone.clone()));
            assert_eq!(HelloCapture::records_in(&bytes), Ok(vec![&*first]));
        }
        let cut = &first[..first.len() - 1];
        assert_eq!(HelloCapture::from_records(cut), Err(HelloError::Truncated));
    }

    #[test]
    fn a_capture_has_its_line() {
        let ((first, second), (other, _)) = (pair(), pair());
        let [first, second, other] = [first, second, other].map(|hello| hex::encode(&hello));
        let text = format!("# two connections\n{first}\n{second}\n\n{other}\n");
        let numbered = HelloCapture::numbered_from_text(&text).unwrap();
        let lines: Vec<_> = numbered
            .iter()
            .map(|(line, capture)| (*line, capture.retry.is_some()))
            .collect();
        assert_eq!(lines, [(2, true), (5, false)]);
        let wrong = format!("{first}\nnonsense");
        let error = HelloCapture::numbered_from_text(&wrong).unwrap_err();
        assert_eq!(error, (2, HelloError::NotClientHello));
    }
}
