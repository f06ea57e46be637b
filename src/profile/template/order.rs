//! In which order the extensions of one connection go.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::ExtensionTemplate;

/// A shuffle of all that is not pinned among the places that they have, every order as likely as every other.
pub(super) fn permute(extensions: &[ExtensionTemplate], rng: &mut impl Rng) -> Vec<usize> {
    let mut free: Vec<usize> = (0..extensions.len())
        .zip(extensions)
        .filter(|(_, extension)| !extension.pinned)
        .map(|(index, _)| index)
        .collect();
    free.shuffle(rng);
    in_places(extensions, free)
}

/// `free` in the places of what is not pinned.
pub(crate) fn in_places(extensions: &[ExtensionTemplate], free: Vec<usize>) -> Vec<usize> {
    let mut free = free.into_iter();
    extensions
        .iter()
        .enumerate()
        .filter_map(|(index, extension)| match extension.pinned {
            true => Some(index),
            false => free.next(),
        })
        .collect()
}

/// One of `choices`, each with the same chance.
pub(super) fn one_of<T: Copy>(choices: &[T], rng: &mut impl Rng) -> Option<T> {
    match choices.len() {
        0 => None,
        length => choices.get(rng.random_range(..length)).copied(),
    }
}
