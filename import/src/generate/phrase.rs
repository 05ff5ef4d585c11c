//! Words put together: sentences, people, addresses of pictures, instants.

use super::random::Dice;
use super::words::{ENDINGS, FIRST, MIDDLES, OPENINGS, SECOND};

/// The beginning of 2018 and how many milliseconds lie between it and the summer of 2021: when the public set was written.
const FIRST_INSTANT: u64 = 1_514_764_800_000;
const INSTANTS: u64 = 108_000_000_000;

/// An instant, in milliseconds since 1970.
pub(super) fn instant(dice: &mut Dice) -> u64 {
    FIRST_INSTANT + dice.next() % INSTANTS
}

/// A few sentences of a customer.
pub(super) fn opinion(dice: &mut Dice, sentences: u32, into: &mut Vec<u8>) {
    for nth in 0..sentences {
        if nth > 0 {
            into.push(b' ');
        }
        for (part, piece) in [&OPENINGS[..], &MIDDLES[..], &ENDINGS[..]].into_iter().enumerate() {
            if part > 0 {
                into.push(b' ');
            }
            into.extend_from_slice(dice.one_of(piece).as_bytes());
        }
    }
}

/// A person: a name as people choose them, and the digits behind it.
pub(super) struct Person {
    first: &'static str,
    second: &'static str,
    digits: itoa::Buffer,
    number: u32,
}

impl Person {
    /// Somebody.
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            first: dice.one_of(&FIRST),
            second: dice.one_of(&SECOND),
            digits: itoa::Buffer::new(),
            number: dice.below(1000),
        }
    }

    /// The pieces of the name.
    pub(super) fn name(&mut self) -> [&str; 4] {
        [self.first, "_", self.second, self.digits.format(self.number)]
    }

    /// The pieces of the e-mail address.
    pub(super) fn mail(&mut self) -> [&str; 5] {
        [self.first, ".", self.second, self.digits.format(self.number), "@example.com"]
    }
}

/// The address of a picture in a folder; as long as those of the public set are on average.
pub(super) fn picture(dice: &mut Dice, folder: &str, id: u32, size: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(b"https://img.example/");
    into.extend_from_slice(folder.as_bytes());
    into.push(b'/');
    let bits = dice.next();
    for place in 0..16 {
        into.push(b"0123456789abcdef"[(bits >> (4 * place)) as usize & 15]);
    }
    into.push(b'/');
    into.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    into.extend_from_slice(b".jpg?fit=crop&q=80&w=");
    into.extend_from_slice(size.as_bytes());
}
