//! The first line of a file: which column stands where.

use std::io::Read;

use super::reader::Reader;
use super::{COLUMNS_MAX, CleanError};
use crate::file::File;
use crate::record::Record;

/// Where each column of a file stands in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// The field of each column.
    pub(super) place: [usize; COLUMNS_MAX],
}

/// Reads the header.
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
        // Behind a blank a quote is not a quote to the grammar.
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        match file.columns().iter().position(|column| column.name == name) {
            Some(column) if place[column] == usize::MAX => place[column] = at,
            Some(_) => problems.push(format!("the column name {name:?} is repeated")),
            None => problems.push(format!("the column name {:?} is unknown", shortened(name))),
        }
    }
    if place.iter().all(|at| *at == usize::MAX) {
        // Not even one name fits, so this may be a row, and the text of a row is not told.
        problems = vec!["the first line is not a header".to_owned()];
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

fn fields<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a [u8]> {
    let (text, mut begin) = (record.text, 0);
    record.ends.iter().map(move |end| {
        let field = &text[begin..*end];
        begin = *end;
        field
    })
}
