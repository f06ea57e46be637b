//! What a client draws at random for one connection.

use aws_lc_rs::agreement::{PrivateKey, X25519};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::order::{one_of, permute};
use super::{Content, EchDraw, EchKey, EchPayload, EchTemplate, HelloTemplate, Slot};

/// The random part of one connection's hellos.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HelloDraw {
    /// By the template's slots.
    pub(super) grease: Vec<u16>,
    /// Indices into the template's extensions.
    pub(super) order: Vec<usize>,
    pub(super) ech: Option<EchDraw>,
    /// For what is filled when its length is known.
    filler: [u8; 32],
}

impl HelloTemplate {
    /// Draws for one connection: GREASE values and orders uniformly, an ECH key that is one if the profile's is.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> HelloDraw {
        HelloDraw {
            grease: grease(&self.slots, rng),
            order: permute(&self.extensions, rng),
            ech: self.ech().map(|template| ech(template, rng)),
            filler: rng.random(),
        }
    }

    pub(crate) fn ech(&self) -> Option<&EchTemplate> {
        self.extensions
            .iter()
            .find_map(|extension| match &extension.content {
                Content::Ech(template) => Some(template),
                _ => None,
            })
    }
}

impl HelloTemplate {
    pub(crate) fn ech_mut(&mut self) -> Option<&mut EchTemplate> {
        self.extensions
            .iter_mut()
            .find_map(|extension| match &mut extension.content {
                Content::Ech(template) => Some(template),
                _ => None,
            })
    }
}

impl HelloDraw {
    pub(crate) fn new(grease: Vec<u16>, order: Vec<usize>, ech: Option<EchDraw>) -> Self {
        Self {
            grease,
            order,
            ech,
            filler: [0; 32],
        }
    }

    pub(crate) fn grease(&self, slot: usize) -> u16 {
        self.grease.get(slot).copied().unwrap_or(FIRST_GREASE)
    }

    pub(crate) const fn ech(&self) -> Option<&EchDraw> {
        self.ech.as_ref()
    }

    /// Fills `bytes` at random, the same for every hello of this connection.
    pub(super) fn fill(filler: [u8; 32], bytes: &mut [u8]) {
        StdRng::from_seed(filler).fill(bytes);
    }

    /// Random bytes in place of a key that nobody could use, the same in every hello of this connection.
    pub(super) fn listed_key(&self, group: u16, length: usize) -> Vec<u8> {
        let mut seed = self.filler;
        let [first, second, ..] = &mut seed;
        let [high, low] = group.to_be_bytes();
        (*first, *second) = (*first ^ high, *second ^ low ^ 1);
        let mut key = vec![0; length];
        Self::fill(seed, &mut key);
        key
    }

    pub(super) const fn filler(&self) -> [u8; 32] {
        self.filler
    }
}

const FIRST_GREASE: u16 = 0x0a0a;

/// The first GREASE value and 15 steps of this are all sixteen (RFC 8701 section 2).
const GREASE_STEP: u16 = 0x1010;

/// What turns a GREASE value into another one, for an extension whose number is taken. Every client of the corpus that greases
/// extensions does it so; a client that draws again instead would need a field of the profile's.
const OTHER_GREASE: u16 = 0x1010;

fn grease(slots: &[Slot], rng: &mut impl Rng) -> Vec<u16> {
    let mut drawn: Vec<u16> = Vec::with_capacity(slots.len());
    for slot in slots {
        let mut value = FIRST_GREASE + GREASE_STEP * rng.random_range(0..16);
        let taken = |value| {
            slot.is_extension
                && slots
                    .iter()
                    .zip(&drawn)
                    .any(|(other, drawn)| other.is_extension && *drawn == value)
        };
        if taken(value) {
            value ^= OTHER_GREASE;
        }
        // Only where there are three or more extension slots.
        while taken(value) {
            value = FIRST_GREASE + GREASE_STEP * rng.random_range(0..16);
        }
        drawn.push(value);
    }
    drawn
}

fn ech(template: &EchTemplate, rng: &mut impl Rng) -> EchDraw {
    let mut key: [u8; 32] = rng.random();
    if template.key == EchKey::X25519 {
        // The base point times any scalar is a public key; a failure leaves random bytes, of which every second is one as well.
        let public = PrivateKey::from_private_key(&X25519, &key)
            .and_then(|key| Ok(key.compute_public_key()?));
        if let Some(public) = public
            .ok()
            .and_then(|public| public.as_ref().try_into().ok())
        {
            key = public;
        }
    }
    EchDraw {
        aead: one_of(&template.aeads, rng).unwrap_or_default(),
        config_id: rng.random(),
        key: key.into(),
        length: match &template.payload {
            EchPayload::Lengths(lengths) => one_of(lengths, rng),
            EchPayload::Inner { .. } => None,
        },
        payload: None,
    }
}
