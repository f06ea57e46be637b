//! As much of a certificate as delegated credentials need (RFC 5280 section 4.1): its key, when it begins, two extensions.

use crate::profile::read::Reader;

/// What is read of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Certificate<'a> {
    /// In seconds since 1970.
    pub(super) not_before: u64,
    /// Algorithm identifier (the content of its sequence) and public key.
    pub(super) key: (&'a [u8], &'a [u8]),
    /// Whether its key may sign: what the key usage extension says, if there is one.
    pub(super) may_sign: Option<bool>,
    /// Whether it may delegate (RFC 9345 section 4.2).
    pub(super) delegates: bool,
}

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Reader::new(expect(&mut Reader::new(der), SEQUENCE)?);
        let mut body = Reader::new(expect(&mut certificate, SEQUENCE)?);
        let (version, _) = element(&mut body)?;
        if version == VERSION {
            expect(&mut body, INTEGER)?;
        }
        // Signature algorithm, issuer.
        element(&mut body)?;
        element(&mut body)?;
        let mut validity = Reader::new(expect(&mut body, SEQUENCE)?);
        let (kind, begin) = element(&mut validity)?;
        let not_before = seconds(kind, begin)?;
        // Subject.
        element(&mut body)?;
        let key = public_key_of(expect(&mut body, SEQUENCE)?)?;
        let mut read = Self {
            not_before,
            key,
            may_sign: None,
            delegates: false,
        };
        while !body.is_empty() {
            let (kind, content) = element(&mut body)?;
            if kind == EXTENSIONS {
                let mut list = Reader::new(expect(&mut Reader::new(content), SEQUENCE)?);
                while !list.is_empty() {
                    read.extension(expect(&mut list, SEQUENCE)?)?;
                }
            }
        }
        Some(read)
    }

    fn extension(&mut self, content: &[u8]) -> Option<()> {
        let mut reader = Reader::new(content);
        let id = expect(&mut reader, OBJECT_IDENTIFIER)?;
        let (mut kind, mut value) = element(&mut reader)?;
        if kind == BOOLEAN {
            (kind, value) = element(&mut reader)?;
        }
        (kind == OCTET_STRING).then_some(())?;
        match id {
            KEY_USAGE => {
                let bits = expect(&mut Reader::new(value), BIT_STRING)?;
                const DIGITAL_SIGNATURE: u8 = 0x80;
                let first = bits.get(1).copied().unwrap_or_default();
                self.may_sign = Some(first & DIGITAL_SIGNATURE != 0);
            }
            DELEGATION_USAGE => self.delegates = true,
            _ => {}
        }
        Some(())
    }
}

/// Algorithm identifier and key of a SubjectPublicKeyInfo, without its outermost header.
fn public_key_of(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(content);
    let algorithm = expect(&mut reader, SEQUENCE)?;
    let key = expect(&mut reader, BIT_STRING)?;
    // A whole number of bytes.
    let (0, key) = key.split_first()? else {
        return None;
    };
    Some((algorithm, key))
}

/// A time (RFC 5280 section 4.1.2.5), always in UTC.
fn seconds(kind: u8, text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"Z")?;
    let mut numbers = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok()?.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let year = match kind {
        UTC_TIME => match next()? {
            late @ 50.. => 1900 + late,
            early => 2000 + early,
        },
        GENERALIZED_TIME => next()? * 100 + next()?,
        _ => return None,
    };
    let (month, day) = (next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month + 9),
        _ => (year, month - 3),
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(DAYS_TO_1970)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// From 0000-03-01.
const DAYS_TO_1970: u64 = 719_468;

fn expect<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    element(reader).and_then(|(kind, content)| (kind == wanted).then_some(content))
}

/// The next element: its tag and content.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    let length = match reader.u8()? {
        short @ ..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        0x83 => usize::try_from(reader.u24()?).ok()?,
        _ => return None,
    };
    Some((kind, reader.take(length)?))
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

/// 1.3.6.1.4.1.44363.44.
const DELEGATION_USAGE: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xda, 0x4b, 0x2c];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(seconds(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, b"261120220129Z"), Some(1_795_212_089));
        assert_eq!(
            seconds(GENERALIZED_TIME, b"20000229120000Z"),
            Some(951_825_600)
        );
        assert_eq!(seconds(UTC_TIME, b"261320220129Z"), None);
        assert_eq!(seconds(UTC_TIME, b"2611202201Z"), None);
        assert_eq!(seconds(UTC_TIME, b"261120220129+0100"), None);
    }

    #[test]
    fn a_certificate_without_extensions_for_it_does_not_delegate() {
        let one = rcgen::generate_simple_self_signed(["one".to_owned()]).unwrap();
        let read = Certificate::read(one.cert.der()).unwrap();
        assert!(!read.delegates);
        assert_eq!(read.may_sign, None);
        assert_eq!(read.key.1.len(), 65);
        for length in 0..one.cert.der().len() {
            assert_eq!(Certificate::read(&one.cert.der()[..length]), None);
        }
    }
}
