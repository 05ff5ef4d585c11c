//! The way to the first row: the reader that a file needs, and its header.

use std::io::{self, Read};

use super::{COLUMNS_MAX, CleanError};
use crate::file::File;
use crate::photos::Lines;
use crate::record::{Oddities, Record, RecordError, Records};
use crate::source::Source;

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

/// Where each column of a file stands in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// The place of each column of [`File::columns`] among the fields.
    pub(super) place: [usize; COLUMNS_MAX],
}

/// Opens `file`, checks its header and says no more. For a look at every file before anything is loaded.
///
/// # Errors
/// When it cannot be opened or read, or the header is wrong.
pub fn check_header(source: &dyn Source, file: File) -> Result<(), CleanError<io::Error>> {
    let input = source.open().map_err(|source| CleanError::Open { file, source })?;
    header(&mut Reader::new(file, input), file).map(|_| ())
}

/// Reads the header, which is the first record.
pub(super) fn header<R: Read, E>(reader: &mut Reader<R>, file: File) -> Result<Header, CleanError<E>> {
    let Some(record) = reader.read().map_err(|error| CleanError::Record { file, error })? else {
        return Err(CleanError::Header {
            file,
            line: 1,
            problem: "the file is empty: the header is missing".to_owned(),
        });
    };
    let line = record.line;
    let mut place = [usize::MAX; COLUMNS_MAX];
    let mut problems = Vec::new();
    for (at, field) in fields(&record).enumerate() {
        // The older edition has a blank before some names.
        let name = String::from_utf8_lossy(field);
        let name = name.trim_ascii();
        match file.columns().iter().position(|column| column.name == name) {
            Some(column) if place[column] == usize::MAX => place[column] = at,
            Some(_) => problems.push(format!("the column name {name:?} is repeated")),
            None => problems.push(format!("the column name {:?} is unknown", shortened(name))),
        }
    }
    for (column, at) in file.columns().iter().zip(place) {
        if at == usize::MAX {
            problems.push(format!("the column {:?} is missing", column.name));
        }
    }
    if problems.is_empty() {
        return Ok(Header { place });
    }
    let expected: Vec<_> = file.columns().iter().map(|column| column.name).collect();
    let problem = format!("{}; the header should be {}", problems.join("; "), expected.join(","));
    Err(CleanError::Header { file, line, problem })
}

/// A header that is no header may be a whole row; its beginning is enough.
fn shortened(name: &str) -> &str {
    name.char_indices().nth(40).map_or(name, |(end, _)| &name[..end])
}

/// The fields of a record.
fn fields<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a [u8]> {
    let (text, mut begin) = (record.text, 0);
    record.ends.iter().map(move |end| {
        let field = &text[begin..*end];
        begin = *end;
        field
    })
}
