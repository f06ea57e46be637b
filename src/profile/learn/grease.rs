//! Which GREASE values are one.

use crate::profile::document::Registry;
use crate::profile::{ClientHello, is_grease};

/// The GREASE places of a client, and what each is called.
pub(super) struct Labels {
    places: Vec<(Place, String)>,
}

/// A place where GREASE stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Suite(usize),
    Group(usize),
    KeyShare(usize),
    Version(usize),
    SignatureAlgorithm(usize),
}

/// From this many captures on, two values that were always equal are one: one in 16² pairs that are not would look so.
const TELLING: usize = 3;

impl Labels {
    pub(super) fn of(hellos: &[&ClientHello]) -> Self {
        let Some(base) = hellos.first() else {
            return Self { places: Vec::new() };
        };
        let mut places: Vec<(Place, String)> = Vec::new();
        for place in all(base) {
            let equal = places
                .iter()
                .find(|(other, _)| Self::is_one(hellos, *other, place));
            let label = equal.map_or_else(|| name(place), |(_, label)| label.clone());
            places.push((place, label));
        }
        Self { places }
    }

    fn is_one(hellos: &[&ClientHello], one: Place, other: Place) -> bool {
        let both =
            |hello: &&&ClientHello| value(hello, one).is_some() && value(hello, other).is_some();
        let seen: Vec<_> = hellos.iter().filter(both).collect();
        let related = matches!((one, other), (Place::Group(_), Place::KeyShare(_)));
        (related || seen.len() >= TELLING)
            && seen
                .iter()
                .all(|hello| value(hello, one) == value(hello, other))
    }

    pub(super) fn suites(&self, hello: &ClientHello) -> Vec<String> {
        self.list(hello.cipher_suites(), Registry::CipherSuite, Place::Suite)
    }

    /// The texts of a list's numbers, GREASE with its label.
    pub(super) fn list(
        &self,
        numbers: &[u16],
        registry: Registry,
        place: impl Fn(usize) -> Place,
    ) -> Vec<String> {
        let text = |(index, number): (usize, &u16)| match is_grease(*number) {
            true => self.text(place(index)),
            false => registry.text(*number),
        };
        numbers.iter().enumerate().map(text).collect()
    }

    fn text(&self, place: Place) -> String {
        let label = self
            .places
            .iter()
            .find(|(other, _)| *other == place)
            .map(|(_, label)| label);
        label.map_or_else(|| "GREASE".to_owned(), |label| format!("GREASE:{label}"))
    }
}

fn all(hello: &ClientHello) -> Vec<Place> {
    let mut places = Vec::new();
    let mut add = |numbers: &[u16], place: fn(usize) -> Place| {
        let grease = numbers
            .iter()
            .enumerate()
            .filter(|(_, number)| is_grease(**number));
        places.extend(grease.map(|(index, _)| place(index)));
    };
    add(hello.cipher_suites(), Place::Suite);
    add(hello.supported_groups(), Place::Group);
    add(hello.key_share_groups(), Place::KeyShare);
    add(hello.supported_versions(), Place::Version);
    add(hello.signature_algorithms(), Place::SignatureAlgorithm);
    places
}

fn value(hello: &ClientHello, place: Place) -> Option<u16> {
    let (numbers, index) = match place {
        Place::Suite(index) => (hello.cipher_suites(), index),
        Place::Group(index) => (hello.supported_groups(), index),
        Place::KeyShare(index) => (hello.key_share_groups(), index),
        Place::Version(index) => (hello.supported_versions(), index),
        Place::SignatureAlgorithm(index) => (hello.signature_algorithms(), index),
    };
    numbers
        .get(index)
        .copied()
        .filter(|number| is_grease(*number))
}

fn name(place: Place) -> String {
    let (name, index) = match place {
        Place::Suite(index) => ("cipher", index),
        Place::Group(index) => ("group", index),
        Place::KeyShare(index) => ("key_share", index),
        Place::Version(index) => ("version", index),
        Place::SignatureAlgorithm(index) => ("signature", index),
    };
    if index == 0 {
        name.to_owned()
    } else {
        format!("{name}-{index}")
    }
}
