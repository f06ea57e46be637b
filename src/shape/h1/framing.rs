//! Where a request's body ends (RFC 9112 §6).

/// How far a body goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    None,
    /// Bytes still to come.
    Length(u64),
    Chunked(Chunks),
}

/// Where in a chunked body (§7.1) we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunks {
    /// In the line with a chunk's size.
    Size { size: u64, digits: bool },
    /// Bytes of the chunk and of the line end behind it.
    Data(u64),
    /// Behind the last chunk: in a line of the trailers, which has this many bytes before its end.
    Trailers { line: u64 },
}

impl Framing {
    /// What this header says about it.
    pub(super) fn with(self, name: &[u8], value: &[u8]) -> Self {
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Self::Chunked(Chunks::FIRST);
        }
        let length = || std::str::from_utf8(value).ok()?.trim().parse().ok();
        match self {
            Self::None if name.eq_ignore_ascii_case(b"content-length") => {
                length().map_or(Self::None, Self::Length)
            }
            known => known,
        }
    }

    /// Takes the bytes of `body` that belong to it, and tells how many those are. What is over is [`None`](Self::None) afterwards.
    pub(super) fn take(&mut self, body: &[u8]) -> usize {
        match self {
            Self::None => 0,
            Self::Length(left) => {
                let taken = body.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::None;
                }
                taken
            }
            Self::Chunked(chunks) => {
                let (taken, over) = chunks.take(body);
                if over {
                    *self = Self::None;
                }
                taken
            }
        }
    }
}

impl Chunks {
    const FIRST: Self = Self::Size {
        size: 0,
        digits: true,
    };

    fn take(&mut self, body: &[u8]) -> (usize, bool) {
        let mut taken = 0;
        while let Some(&byte) = body.get(taken) {
            match self {
                Self::Data(left) => {
                    let rest = (body.len() - taken) as u64;
                    let part = rest.min(*left);
                    *left -= part;
                    taken += part as usize;
                    if *left == 0 {
                        *self = Self::FIRST;
                    }
                    continue;
                }
                Self::Size { size, digits } => match (byte, char::from(byte).to_digit(16)) {
                    (b'\n', _) if *size == 0 => *self = Self::Trailers { line: 0 },
                    (b'\n', _) => *self = Self::Data(size.saturating_add(LINE_END)),
                    (_, Some(digit)) if *digits => {
                        *size = size.saturating_mul(16).saturating_add(digit.into());
                    }
                    _ => *digits = false,
                },
                Self::Trailers { line } => match byte {
                    b'\n' if *line == 0 => return (taken + 1, true),
                    b'\n' => *line = 0,
                    b'\r' => {}
                    _ => *line += 1,
                },
            }
            taken += 1;
        }
        (taken, false)
    }
}

/// The line end behind a chunk's data.
const LINE_END: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_tell() {
        let none = Framing::None;
        assert_eq!(none.with(b"content-length", b" 12"), Framing::Length(12));
        assert_eq!(none.with(b"Content-Length", b" x"), Framing::None);
        let chunked = Framing::Length(1).with(b"Transfer-Encoding", b" chunked");
        assert_eq!(chunked, Framing::Chunked(Chunks::FIRST));
        assert_eq!(chunked.with(b"content-length", b"3"), chunked);
    }

    #[test]
    fn the_end_is_found_however_it_is_cut() {
        let chunked: &[u8] =
            b"4;x=\"0\"\r\nGET \r\n1A\r\n0\r\n\r\nabcdefghijklmnopqrstu\r\n0\r\nsum: 1\r\n\r\n";
        for (framing, body) in [
            (Framing::Chunked(Chunks::FIRST), chunked),
            (Framing::Chunked(Chunks::FIRST), b"0\r\n\r\n"),
            (Framing::Length(5), b"12345"),
        ] {
            let followed = [body, b"GET / HTTP/1.1\r\n"].concat();
            for size in 1..followed.len() {
                let mut framing = framing;
                let mut taken = 0;
                while framing != Framing::None {
                    let next = &followed[taken..(taken + size).min(followed.len())];
                    taken += framing.take(next);
                }
                assert_eq!(taken, body.len(), "{size} at a time");
            }
        }
    }
}
