//! The two ways of reading records, behind one.

use std::io::Read;

use crate::file::File;
use crate::photos::Lines;
use crate::record::{Oddities, Record, RecordError, Records};

/// Either reader of records.
pub(super) enum Reader<R> {
    Csv(Box<Records<R>>),
    Lines(Box<Lines<R>>),
}

impl<R: Read> Reader<R> {
    pub(super) fn new(file: File, input: R) -> Self {
        if file == File::Photos {
            Self::Lines(Box::new(Lines::new(input)))
        } else {
            Self::Csv(Box::new(Records::new(input)))
        }
    }

    pub(super) fn read(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        match self {
            Self::Csv(records) => records.read(),
            Self::Lines(lines) => lines.read(),
        }
    }

    pub(super) fn oddities(&self) -> Oddities {
        match self {
            Self::Csv(records) => records.oddities,
            Self::Lines(lines) => lines.oddities,
        }
    }
}
