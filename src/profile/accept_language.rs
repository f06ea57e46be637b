//! Which languages requests say that their reader prefers.

use http::HeaderValue;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::error::{Error, ErrorKind, Result};

/// `accept-language`, where a request has none of its own and its profile's client sends one.
///
/// The default is the profile's: what most of its client's users send.
#[derive(Clone, Debug, Default)]
pub struct AcceptLanguage(Choice);

#[derive(Clone, Debug, Default)]
enum Choice {
    #[default]
    Profile,
    Fixed(HeaderValue),
    Random {
        languages: Vec<String>,
        fewest: usize,
        most: usize,
    },
}

/// Weights fall by a tenth from 1 on, and the last is a tenth: this many can be told apart.
const MOST_LANGUAGES: usize = 10;

impl AcceptLanguage {
    /// The profile's own.
    pub const fn profile() -> Self {
        Self(Choice::Profile)
    }

    /// Always this value: `de-DE,de;q=0.9,en;q=0.8`.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) if a header cannot have it.
    pub fn fixed(value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value)
            .map_err(|error| invalid("it cannot stand in a header").with_source(error))?;
        Ok(Self(Choice::Fixed(value)))
    }

    /// For each connection `fewest` to `most` of these languages, in random order, with weights that fall by a tenth.
    ///
    /// **This identifies its user.** Browsers send what their installation was set up with, and most installations of a language
    /// send the very same value; hardly any of them sends the few languages that a draw puts together, and nobody else keeps changing
    /// it from one connection to the next while the address stays. A server that compares the connections of an address, or that asks
    /// which languages go together, finds exactly the clients that draw. It is for tests of servers, not for blending in.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) if a language cannot stand in a header or has a comma in it, or
    /// `fewest` to `most` is no range within 1 to 10 and the number of languages.
    pub fn random<'a>(
        languages: impl IntoIterator<Item = &'a str>,
        fewest: usize,
        most: usize,
    ) -> Result<Self> {
        let languages: Vec<String> = languages.into_iter().map(str::to_owned).collect();
        if let Some(language) = languages.iter().find(|language| !is_range(language)) {
            return Err(invalid(&format!("{language:?} is no language")));
        }
        if fewest < 1 || fewest > most || most > languages.len().min(MOST_LANGUAGES) {
            return Err(invalid(&format!(
                "{fewest} to {most} of {} languages cannot be drawn",
                languages.len()
            )));
        }
        Ok(Self(Choice::Random {
            languages,
            fewest,
            most,
        }))
    }

    /// What a new connection's requests say instead of the profile's.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Option<HeaderValue> {
        match &self.0 {
            Choice::Profile => None,
            Choice::Fixed(value) => Some(value.clone()),
            Choice::Random {
                languages,
                fewest,
                most,
            } => {
                let count = rng.random_range(*fewest..=*most);
                let drawn: Vec<String> = languages
                    .sample(rng, count)
                    .enumerate()
                    .map(|(place, language)| match place {
                        0 => language.clone(),
                        _ => format!("{language};q=0.{}", MOST_LANGUAGES - place),
                    })
                    .collect();
                HeaderValue::try_from(drawn.join(",")).ok()
            }
        }
    }
}

/// A language range (RFC 4647 §2.1), as far as a header needs it to be one.
fn is_range(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*'))
}

fn invalid(fault: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(format!("accept_language: {fault}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const LANGUAGES: [&str; 4] = ["de-DE", "fr", "sr-Latn-RS", "en"];

    #[test]
    fn the_profiles_own_is_the_default() {
        let mut rng = StdRng::seed_from_u64(1);
        assert!(AcceptLanguage::default().draw(&mut rng).is_none());
        assert!(AcceptLanguage::profile().draw(&mut rng).is_none());
        let fixed = AcceptLanguage::fixed("de;q=0.3").unwrap();
        assert_eq!(fixed.draw(&mut rng).unwrap(), "de;q=0.3");
    }

    #[test]
    fn a_draw_has_different_languages_with_falling_weights() {
        let random = AcceptLanguage::random(LANGUAGES, 2, 3).unwrap();
        let mut rng = StdRng::seed_from_u64(2);
        let mut seen = BTreeSet::new();
        for _ in 0..300 {
            let value = random.draw(&mut rng).unwrap();
            let value = value.to_str().unwrap();
            let parts: Vec<&str> = value.split(',').collect();
            assert!((2..=3).contains(&parts.len()), "{value}");
            let mut languages = BTreeSet::new();
            for (place, part) in parts.iter().enumerate() {
                let (language, weight) = part.split_once(';').unwrap_or((part, "q=1"));
                assert!(LANGUAGES.contains(&language) && languages.insert(language));
                assert_eq!(weight, ["q=1", "q=0.9", "q=0.8"][place]);
            }
            seen.insert(value.to_owned());
        }
        // 12 ordered pairs and 24 ordered triples.
        assert_eq!(seen.len(), 36);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (languages, fewest, most) in [
            (&LANGUAGES[..], 0, 2),
            (&LANGUAGES[..], 3, 2),
            (&LANGUAGES[..], 1, 5),
            (&["de,en"][..], 1, 1),
            (&[""][..], 1, 1),
            (&["a"; 20][..], 1, 11),
        ] {
            let error = AcceptLanguage::random(languages.iter().copied(), fewest, most);
            let error = error.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidConfiguration,
                "{languages:?}"
            );
        }
        assert!(AcceptLanguage::fixed("a\nb").is_err());
    }
}
