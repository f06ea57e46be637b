//! Where a profile comes from, and how long it can be believed.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Where a profile comes from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Provenance {
    /// How much of it was seen.
    pub kind: ProvenanceKind,
    /// The client's name: `Chromium`.
    pub client: String,
    /// The client's version: `156.0.8078.79`.
    pub version: String,
    /// The operating system that the client ran on: `Debian 12`.
    pub os: String,
    /// The day of the capture or transcription, `2026-11-20`.
    pub date: Day,
    /// The last day on which it can be expected to be what its client sends; listing and loading warn after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    /// What else there is to know: the source, what was not seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Provenance {
    /// This crate's own.
    pub(crate) fn own() -> Self {
        Self {
            kind: ProvenanceKind::Own,
            client: "rustls".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            os: String::new(),
            date: Day::of(SystemTime::UNIX_EPOCH),
            expires: None,
            note: String::new(),
        }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|last| Day::of(now) > last)
    }
}

/// How much of a profile was seen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProvenanceKind {
    /// All of it comes from bytes that the client sent.
    Captured,
    /// It follows from another profile and what is known of the difference.
    Derived,
    /// It was written from facts that others published.
    Transcribed,
    /// It is not a copy of another client: it is what this crate itself does.
    Own,
}

impl fmt::Display for ProvenanceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Captured => "captured",
            Self::Derived => "derived",
            Self::Transcribed => "transcribed",
            Self::Own => "own",
        })
    }
}

/// A day of the calendar, UTC.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// The day of this moment.
    pub fn of(moment: SystemTime) -> Self {
        let seconds = moment
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut days = seconds / SECONDS_A_DAY;
        let mut year = 1970;
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_of_month(year, month).into() {
            days -= u64::from(days_of_month(year, month));
            month += 1;
        }
        Self {
            year,
            month,
            day: u8::try_from(days + 1).unwrap_or(1),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            self.year, self.month, self.day
        )
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = text.splitn(3, '-');
        let mut part = |length| {
            parts.next().filter(|digits| {
                digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_digit())
            })
        };
        let day = (|| {
            let year = part(4)?.parse().ok()?;
            let month = part(2)?.parse().ok()?;
            let day = part(2)?.parse().ok()?;
            ((1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day))
                .then_some(Self { year, month, day })
        })();
        day.ok_or_else(|| format!("{text:?} is no day: write 2026-11-20"))
    }
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

const fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_has_its_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_219_199, "2026-11-20"),
            (1_795_219_200, "2026-11-21"),
        ] {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Day::of(moment).to_string(), day);
        }
    }

    #[test]
    fn only_days_are_days() {
        for text in ["2026-11-20", "2024-02-29"] {
            assert_eq!(String::from(Day::try_from(text.to_owned()).unwrap()), text);
        }
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2025-02-29",
            "2026-00-10",
            "2026-1-1",
            "2026-11-200",
            "yesterday",
        ] {
            assert!(
                Day::try_from(text.to_owned())
                    .unwrap_err()
                    .contains("is no day"),
                "{text}"
            );
        }
    }
}
