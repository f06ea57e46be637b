//! Hellos as they are kept in files.

use crate::profile::read::Reader;
use crate::profile::{ClientHello, HelloError, hex};

/// What one connection's client sent first.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HelloCapture {
    /// The first hello.
    pub hello: ClientHello,
    /// The one after a HelloRetryRequest.
    pub retry: Option<ClientHello>,
}

impl HelloCapture {
    /// A connection without a HelloRetryRequest.
    pub const fn new(hello: ClientHello) -> Self {
        Self { hello, retry: None }
    }

    /// The captures in a text of hex, the TLS records of one hello on each line. Of two hellos with the same random, the second is
    /// the one after a HelloRetryRequest, on its own line or on the same, with or without a ChangeCipherSpec record between them.
    /// Empty lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    ///
    /// The number of the line, from one, that is no hello.
    pub fn from_text(text: &str) -> Result<Vec<Self>, (usize, HelloError)> {
        let mut captures: Vec<Self> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = hex::decode(line).ok_or((number, HelloError::NotClientHello))?;
            for hello in hellos(&bytes).map_err(|error| (number, error))? {
                match captures.last_mut() {
                    Some(last) if last.retry.is_none() && last.hello.random() == hello.random() => {
                        last.retry = Some(hello);
                    }
                    _ => captures.push(Self::new(hello)),
                }
            }
        }
        Ok(captures)
    }
}

/// The hellos in a client's first flights, at least one.
fn hellos(bytes: &[u8]) -> Result<Vec<ClientHello>, HelloError> {
    let mut hellos = vec![ClientHello::from_records(bytes)?];
    let mut rest = Reader::new(bytes);
    // The first hello's records, up to the first of another kind.
    while rest.rest().first() == Some(&HANDSHAKE) {
        skip_record(&mut rest)?;
    }
    while let Some(kind) = rest.rest().first() {
        match *kind {
            HANDSHAKE => {
                hellos.push(ClientHello::from_records(rest.rest())?);
                return Ok(hellos);
            }
            _ => skip_record(&mut rest)?,
        }
    }
    Ok(hellos)
}

const HANDSHAKE: u8 = 22;

fn skip_record(reader: &mut Reader<'_>) -> Result<(), HelloError> {
    let mut skipped = || {
        reader.u8()?;
        reader.u16()?;
        reader.vector16()
    };
    skipped().map(|_| ()).ok_or(HelloError::Truncated)
}
