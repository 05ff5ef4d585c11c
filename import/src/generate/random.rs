//! Numbers that look random and depend on nothing but the seed and the place they are asked for.
//!
//! There is no generator that is handed from row to row: each row has dice of its own, so files can be written in any
//! order, by any number of threads, and the bytes are the same.

use atelier_import::File;

/// The odd constant of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the dice of a place are thrown for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// How many rows a parent has.
    Count,
    /// What stands in a row.
    Content,
    /// What goes wrong with a row.
    Dirt,
}

/// The dice of one place.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of place `at` (a row, a parent) in `file`.
    pub(super) fn new(seed: u64, purpose: Purpose, file: File, at: u32) -> Self {
        let stream = (purpose as u64) << 8 | file as u64;
        // Mixed twice: neighbouring places must not be neighbours on one stream.
        Self(mix(mix(seed ^ (stream + 1).wrapping_mul(STEP)) ^ u64::from(at).wrapping_mul(STEP)))
    }

    /// 64 random bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from 0 to `end` - 1; 0 when there is none.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// One of a list that is not empty.
    pub(super) fn one_of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u32) as usize]
    }
}

/// The finisher of splitmix64.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_always_throws_the_same_and_no_other_place_does() {
        let throw = |seed, purpose, file, at| Dice::new(seed, purpose, file, at).next();
        let here = throw(1, Purpose::Content, File::Skus, 7);
        assert_eq!(here, throw(1, Purpose::Content, File::Skus, 7));
        for other in [
            throw(2, Purpose::Content, File::Skus, 7),
            throw(1, Purpose::Count, File::Skus, 7),
            throw(1, Purpose::Content, File::Photos, 7),
            throw(1, Purpose::Content, File::Skus, 8),
        ] {
            assert_ne!(here, other);
        }
    }

    #[test]
    fn numbers_below_an_end_are_spread_evenly() {
        let mut found = [0_u32; 6];
        for at in 0..60_000 {
            found[Dice::new(0, Purpose::Count, File::Skus, at).below(6) as usize] += 1;
        }
        assert!(found.iter().all(|count| (9_500..10_500).contains(count)), "{found:?}");
        assert_eq!(Dice::new(0, Purpose::Count, File::Skus, 1).below(0), 0);
    }
}
