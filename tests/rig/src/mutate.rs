//! Inputs made of others by chance.

use fastrand::Rng;

/// Bytes that mean something to most parsers.
const MEANT: &[u8] = b"\"\\{}[]:,;=?&/%+-.0123456789*\n\r \0\xff";

/// `input` with bytes or short parts of it changed, left out, doubled, or taken from `other`: one such change up to
/// `most`.
pub fn changed(input: &[u8], other: &[u8], most: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=most) {
        let place = rng.usize(..bytes.len() + 1);
        let end = (place + rng.usize(1..9)).min(bytes.len());
        match rng.u8(..6) {
            0 if place < bytes.len() => bytes[place] ^= 1 << rng.u8(..8),
            1 => bytes.insert(place, rng.u8(..)),
            2 => drop(bytes.drain(place..end)),
            3 => {
                let part = bytes[place..end].to_vec();
                bytes.splice(place..place, part);
            }
            4 => bytes.insert(place, MEANT[rng.usize(..MEANT.len())]),
            _ => {
                let from = rng.usize(..other.len() + 1);
                let to = (from + rng.usize(1..17)).min(other.len());
                bytes.splice(place..end, other[from..to].iter().copied());
            }
        }
    }
    bytes
}
