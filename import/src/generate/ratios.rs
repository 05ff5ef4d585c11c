//! How many rows a parent has: the averages of the public set, spread unevenly.
//!
//! A real catalogue has many rows with few children and few rows with many. Here the expected number of children falls
//! like 1/x over 256 kinds of parents, some of which have none at all; the fraction that is left is settled by chance.
//! So an average is kept exactly, and no parent has more than the first kind allows.

use atelier_import::File;

use super::random::{Dice, Purpose};

/// How many kinds of parents there are.
const KINDS: usize = 256;

/// How the number of children of one file is spread over parents.
#[derive(Debug)]
pub(super) struct Spread {
    /// The expected number of each kind, in 65536ths.
    expected: [u32; KINDS],
}

impl Spread {
    /// `thousandths` is the average; the smaller `head`, the more the first kinds have; `none` kinds have nothing.
    fn new(thousandths: u64, head: u64, none: usize) -> Self {
        let weight = |kind: usize| if kind < KINDS - none { (1 << 32) / (kind as u64 + head) } else { 0 };
        let all: u64 = (0..KINDS).map(weight).sum();
        let expected = std::array::from_fn(|kind| {
            let share = u128::from(weight(kind)) * (KINDS as u128) * u128::from(thousandths << 16);
            (share / (u128::from(all) * 1000)) as u32
        });
        Self { expected }
    }

    fn throw(&self, dice: &mut Dice) -> u32 {
        let bits = dice.next();
        (self.expected[bits as usize % KINDS] + (bits >> 48) as u32) >> 16
    }
}

/// The spreads of all files that have a parent.
#[derive(Debug)]
pub(super) struct Ratios([Spread; File::ALL.len()]);

impl Ratios {
    /// The averages of the public set: its rows divided by those of the parent.
    pub(super) fn public() -> Self {
        Self(File::ALL.map(|file| match file {
            File::Styles => Spread::new(1958, 32, 8),
            File::Features => Spread::new(2219, 32, 24),
            File::Related => Spread::new(4508, 32, 8),
            // No kind of product expects more than six, and there are six names.
            File::Characteristics => Spread::new(3348, 200, 8),
            File::Reviews => Spread::new(5775, 2, 16),
            File::Questions => Spread::new(3519, 8, 16),
            File::Photos => Spread::new(2888, 64, 8),
            File::Skus => Spread::new(5783, 96, 8),
            File::ReviewsPhotos => Spread::new(475, 6, 16),
            File::Answers => Spread::new(1955, 8, 24),
            File::AnswersPhotos => Spread::new(300, 4, 16),
            // Products have no parent; a review rates each characteristic of its product, which gives the public ratio.
            File::Product | File::CharacteristicReviews | File::Cart => Spread::new(0, 1, 0),
        }))
    }

    /// How many rows of `file` the parent has.
    pub(super) fn children(&self, seed: u64, file: File, parent: u32) -> u32 {
        self.0[file as usize].throw(&mut Dice::new(seed, Purpose::Count, file, parent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_keeps_its_average_and_its_bounds() {
        for (thousandths, head, none, most) in [(5775, 2, 16, 160), (3348, 200, 8, 6), (300, 4, 16, 5)] {
            let spread = Spread::new(thousandths, head, none);
            let all: u64 = spread.expected.iter().map(|expected| u64::from(*expected)).sum();
            let average = all * 1000 / 65536 / KINDS as u64;
            assert!(average.abs_diff(thousandths) <= 1, "{average} instead of {thousandths}");
            assert!(spread.expected[0].div_ceil(65536) <= most, "{}", spread.expected[0] >> 16);
            assert_eq!(spread.expected.iter().filter(|expected| **expected == 0).count(), none);
        }
    }
}
