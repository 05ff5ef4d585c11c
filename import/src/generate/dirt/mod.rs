//! Dirt: every fault and every older form that a set may bring, spread over the rows of one file.
//!
//! Faults come in turn, so that a set of a few thousand products has each of them; which rows they meet is random. At
//! most one row in [`ONE_IN`] is touched and most faults cost no row, so no file comes near the limit beyond which it is
//! taken for the wrong one, not even those whose parents' parents lose rows, too.

mod faults;
mod fields;
mod style;

use std::collections::VecDeque;

use atelier_import::File;

use self::faults::{Fault, Given};
use self::style::Style;
use super::random::{Dice, Purpose};

/// How many rows there are for one that is touched.
const ONE_IN: u32 = 40;

/// How many rows later a row may come a second time.
const FAR: u64 = 700;

/// The dirt of one file.
#[derive(Debug)]
pub(super) struct Dirt {
    seed: u64,
    file: File,
    style: Style,
    faults: Vec<Fault>,
    /// Which fault comes next.
    next: usize,
    /// Whether it waits for a row it fits.
    due: bool,
    rows: u64,
    /// The row before, as it would have been.
    before: Vec<u8>,
    /// A row that comes behind the next one.
    held: Option<Vec<u8>>,
    /// Rows that come again, with the row after which they do.
    again: VecDeque<(u64, Vec<u8>)>,
}

impl Dirt {
    /// The dirt of `file`.
    pub(super) fn new(seed: u64, file: File) -> Self {
        Self {
            seed,
            file,
            style: Style::of(file),
            faults: faults::of(file),
            next: 0,
            due: false,
            rows: 0,
            before: Vec::new(),
            held: None,
            again: VecDeque::new(),
        }
    }

    /// Writes the header as this file has it.
    pub(super) fn header(&self, into: &mut Vec<u8>) {
        self.style.header(self.file, into);
    }

    /// Takes the row from `begin` on, and puts there what becomes of it. Says how many rows that are.
    pub(super) fn row(&mut self, buffer: &mut Vec<u8>, begin: usize) -> u64 {
        self.rows += 1;
        let row = buffer.split_off(begin);
        let mut given = Given { before: &self.before, out: Vec::new(), held: None, again: None };
        let place = u32::try_from(self.rows).unwrap_or(u32::MAX);
        self.due |= Dice::new(self.seed, Purpose::Dirt, self.file, place).once_in(ONE_IN);
        if self.due && self.faults[self.next].touch(&row, &mut given) {
            self.due = false;
            self.next = (self.next + 1) % self.faults.len();
        } else {
            given.out.clear();
            given.out.push(row.clone());
        }
        let Given { mut out, held, again, .. } = given;
        // Whatever was held back comes behind this row.
        out.extend(self.held.take());
        self.held = held;
        self.again.extend(again.map(|row| (self.rows + FAR, row)));
        if self.again.front().is_some_and(|(when, _)| *when <= self.rows) {
            out.extend(self.again.pop_front().map(|(_, row)| row));
        }
        self.before = row;
        self.put(&out, buffer)
    }

    /// Writes what is still to come, and ends the file as this one ends.
    pub(super) fn end(&mut self, buffer: &mut Vec<u8>) -> u64 {
        let mut rest: Vec<_> = self.held.take().into_iter().collect();
        rest.extend(self.again.drain(..).map(|(_, row)| row));
        let rows = self.put(&rest, buffer);
        self.style.end(buffer);
        rows
    }

    fn put(&self, rows: &[Vec<u8>], buffer: &mut Vec<u8>) -> u64 {
        for row in rows {
            self.style.line(row, buffer);
        }
        rows.iter().filter(|row| !faults::is_blank(row)).count() as u64
    }
}
