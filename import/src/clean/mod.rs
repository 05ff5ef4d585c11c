//! Reads one file into rows that may be loaded, and counts the rest.
//!
//! The rules stand in the order in which they are asked: fields, encoding, id, duplicate id, the other columns from left
//! to right, then references. A row has the first reason that holds. Nothing here knows where rows go.

mod duplicates;
mod header;
mod notes;
mod reader;

use std::io;
use std::time::Instant;

use roaring::RoaringBitmap;

use crate::cell;
use crate::file::{Column, File, Kind};
use crate::known::{Known, Owners};
use crate::record::{Form, Record, RecordError};
use crate::report::{FileReport, Outcome};
use crate::source::Source;
pub use duplicates::each_id;
use duplicates::name_first_lines;
use header::{Header, header};
use notes::Notes;
use reader::Reader;

/// The most columns any file has.
const COLUMNS_MAX: usize = 12;

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// An id, a reference, a count, a rating, a price in cents or a time in milliseconds since 1970.
    Int(i64),
    /// A truth value.
    Flag(bool),
    /// Text as it stood in the file.
    Text(&'a str),
}

impl<'a> Value<'a> {
    /// The number, 0 for anything else.
    pub fn int(self) -> i64 {
        match self {
            Self::Int(number) => number,
            Self::Null | Self::Flag(_) | Self::Text(_) => 0,
        }
    }

    /// The id or reference, 0 for anything else.
    pub fn id(self) -> u32 {
        u32::try_from(self.int()).unwrap_or(0)
    }

    /// The truth value, false for anything else.
    pub fn flag(self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// The text, or `None` for NULL and anything else.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) | Self::Flag(_) => None,
        }
    }
}

/// A row that may be loaded: its values in the order of [`File::columns`], whatever the order in the file.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Where it stands.
    pub line: u64,
    /// One value per column.
    pub values: &'a [Value<'a>],
}

/// Why a file cannot be read to its end. A bad row is no reason.
#[derive(Debug, thiserror::Error)]
pub enum CleanError<E> {
    /// It cannot be opened.
    #[error("{file}: cannot be opened")]
    Open {
        /// Which file.
        file: File,
        /// Why.
        source: io::Error,
    },
    /// The first line is not the header.
    #[error("{file}:{line}: {problem}")]
    Header {
        /// Which file.
        file: File,
        /// The line of the header, 1 unless blank lines stand before it.
        line: u64,
        /// All that is wrong with it.
        problem: String,
    },
    /// No further record can be read.
    #[error("{file}: {error}")]
    Record {
        /// Which file.
        file: File,
        /// Why, with the line where there is one.
        #[source]
        error: RecordError,
    },
    /// A file that this one points at was not read before.
    #[error("{file}: needs {parent}, which is not there")]
    ParentAbsent {
        /// Which file.
        file: File,
        /// What it points at.
        parent: File,
    },
    /// Whoever takes the rows cannot take another.
    #[error("{0}")]
    Sink(E),
}

/// Opens `file`, checks its header and says no more. For a look at every file before anything is loaded.
///
/// # Errors
/// When it cannot be opened or read, or the header is wrong.
pub fn check_header(source: &dyn Source, file: File) -> Result<(), CleanError<io::Error>> {
    let input = source.open().map_err(|source| CleanError::Open { file, source })?;
    header(&mut Reader::new(file, input), file).map(|_| ())
}

/// A row that is not loaded: what becomes of it, and the reason in the words of the report.
struct Refusal(Outcome, &'static str);

const fn rejected(reason: &'static str) -> Refusal {
    Refusal(Outcome::Rejected, reason)
}

/// Columns as bits of a row.
type Bits = u16;

/// Reads `file` from its header to its end: gives every good row to `each`, counts every other, and at the end makes
/// the loaded ids known to the files that come after.
///
/// # Errors
/// As [`CleanError`] says. Nothing becomes known then.
pub fn clean<E>(
    source: &dyn Source,
    file: File,
    known: &Known,
    mut each: impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<FileReport, CleanError<E>> {
    let began = Instant::now();
    for parent in file.parents() {
        if file != File::Cart && known.ids(parent).is_none() {
            return Err(CleanError::ParentAbsent { file, parent });
        }
    }
    let input = source.open().map_err(|source| CleanError::Open { file, source })?;
    let mut reader = Reader::new(file, input);
    let header = header(&mut reader, file)?;
    let columns = file.columns();

    let mut report = FileReport::new(file);
    let mut seen = RoaringBitmap::new();
    let mut loaded = RoaringBitmap::new();
    let mut owners = Known::keeps_products(file).then(Owners::default);
    let mut duplicates = Vec::new();
    let mut nulls = [0_u64; COLUMNS_MAX];
    let mut notes = Notes::default();

    while let Some(record) = reader.read().map_err(|error| CleanError::Record { file, error })? {
        report.read += 1;
        if file == File::Cart {
            report.count(Outcome::Dropped, "cart is not loaded", record.line);
            continue;
        }
        let mut values = [Value::Null; COLUMNS_MAX];
        let mut null_texts: Bits = 0;
        match row(&record, columns, &header, &mut seen, &mut values, &mut null_texts)
            .and_then(|()| references(file, columns, known, &values))
        {
            Ok(()) => {}
            Err(Refusal(outcome, reason)) => {
                if reason == DUPLICATE_ID && duplicates.len() < crate::report::LINES_NAMED {
                    duplicates.push(values[0].id());
                }
                report.count(outcome, reason, record.line);
                continue;
            }
        }

        let values = &values[..columns.len()];
        each(Row { line: record.line, values }).map_err(CleanError::Sink)?;
        let id = values[0].id();
        loaded.insert(id);
        if let Some(owners) = &mut owners {
            owners.insert(id, values[1].id());
        }
        report.loaded += 1;
        report.highest_id = report.highest_id.max(id);
        if record.form == Form::Repaired {
            report.count(Outcome::Repaired, "closing quote", record.line);
        }
        for (count, value) in nulls.iter_mut().zip(values) {
            *count += u64::from(*value == Value::Null);
        }
        notes.null_texts += u64::from(null_texts.count_ones());
        notes.of_row(file, known, values);
    }

    for (column, count) in columns.iter().zip(nulls) {
        if count > 0 {
            report.nulls.insert(column.name, count);
        }
    }
    let oddities = reader.oddities();
    report.note("byte order mark", u64::from(oddities.bom));
    report.note("CRLF line ends", oddities.crlf);
    report.note("null as text", notes.null_texts);
    report.note("name twice in a product", notes.names_twice);
    report.note("rating for another product's characteristic", notes.ratings_elsewhere);
    name_first_lines(source, file, &duplicates, &mut report)?;
    report.seconds = began.elapsed().as_secs_f64();
    known.publish(file, loaded, owners);
    Ok(report)
}

/// Reads the values of one record; the id stands in `values` even when the row is refused later.
fn row<'r>(
    record: &Record<'r>,
    columns: &[Column],
    header: &Header,
    seen: &mut RoaringBitmap,
    values: &mut [Value<'r>; COLUMNS_MAX],
    null_texts: &mut Bits,
) -> Result<(), Refusal> {
    if record.form == Form::Broken || record.ends.len() != columns.len() {
        return Err(rejected("fields"));
    }
    // One pass over all fields at once. Each is valid if the whole is and no field ends within a character.
    let text = std::str::from_utf8(record.text).map_err(|_| rejected("UTF-8"))?;
    if !record.ends.iter().all(|end| text.is_char_boundary(*end)) {
        return Err(rejected("UTF-8"));
    }
    if record.text.contains(&0) {
        return Err(rejected("NUL"));
    }
    for (at, column) in columns.iter().enumerate() {
        let place = header.place[at];
        let begin = place.checked_sub(1).map_or(0, |before| record.ends[before]);
        let field = &text[begin..record.ends[place]];
        values[at] = value(field, column).ok_or(rejected(column.name))?;
        if column.kind == Kind::Id && !seen.insert(values[at].id()) {
            return Err(rejected(DUPLICATE_ID));
        }
        if column.kind == Kind::Text && !column.nullable && field == "null" {
            *null_texts |= 1 << at;
        }
    }
    Ok(())
}

const DUPLICATE_ID: &str = "duplicate id";

fn value<'a>(field: &'a str, column: &Column) -> Option<Value<'a>> {
    if column.nullable {
        let bare = if column.kind == Kind::Text { field } else { field.trim_ascii() };
        if bare.is_empty() || bare == "null" {
            return Some(Value::Null);
        }
    }
    match column.kind {
        Kind::Text => Some(Value::Text(field)),
        Kind::Id => cell::id(field).map(|id| Value::Int(id.into())),
        Kind::Ref(_) => cell::reference(field).map(|id| Value::Int(id.into())),
        Kind::Count => cell::count(field).map(|count| Value::Int(count.into())),
        Kind::Rating => cell::rating(field).map(|stars| Value::Int(stars.into())),
        Kind::Price => cell::price(field).and_then(|cents| i64::try_from(cents).ok()).map(Value::Int),
        Kind::Time => cell::time(field).and_then(|millis| i64::try_from(millis).ok()).map(Value::Int),
        Kind::Flag => cell::flag(field).map(Value::Flag),
    }
}

/// Looks up every reference, from left to right.
fn references(file: File, columns: &[Column], known: &Known, values: &[Value<'_>]) -> Result<(), Refusal> {
    for (column, value) in columns.iter().zip(values) {
        let Kind::Ref(parent) = column.kind else { continue };
        let id = value.id();
        if known.ids(parent).is_some_and(|ids| ids.contains(id)) {
            continue;
        }
        return Err(match (file, column.name) {
            (File::Related, "related_product_id") if id == 0 => Refusal(Outcome::Dropped, "related id 0"),
            (File::Related, "related_product_id") => Refusal(Outcome::Dropped, "related unknown"),
            _ => Refusal(Outcome::Orphan, column.name),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
