//! A second look at a file, for its ids alone.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;

use roaring::RoaringBitmap;

use super::header::header;
use super::reader::Reader;
use super::{COLUMNS_MAX, CleanError, DUPLICATE_ID, Value, row};
use crate::file::File;
use crate::report::{FileReport, Outcome};
use crate::source::Source;

/// Duplicates are rare, so nobody remembers the line of every id: the file is read once more for the few that are named.
pub(super) fn name_first_lines<E>(
    source: &dyn Source,
    file: File,
    duplicates: &[u32],
    report: &mut FileReport,
) -> Result<(), CleanError<E>> {
    if duplicates.is_empty() {
        return Ok(());
    }
    let mut wanted: HashMap<u32, Option<u64>> = duplicates.iter().map(|id| (*id, None)).collect();
    let mut missing = wanted.len();
    let named = |id, line| {
        if let Some(first @ None) = wanted.get_mut(&id) {
            *first = Some(line);
            missing -= 1;
        }
        if missing > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    ids(source, file, named)?;
    if let Some(reason) = report.reasons.get_mut(&(Outcome::Rejected, DUPLICATE_ID)) {
        for (line, id) in reason.lines.iter_mut().zip(duplicates) {
            line.first = wanted.get(id).copied().flatten();
        }
    }
    Ok(())
}

/// Gives every id in `file` to `each`, those of rows that would not be loaded and of duplicates too.
///
/// # Errors
/// When the file cannot be read to its end, or its header is wrong.
pub fn each_id(source: &dyn Source, file: File, mut each: impl FnMut(u32)) -> Result<(), CleanError<io::Error>> {
    ids(source, file, |id, _line| {
        each(id);
        ControlFlow::Continue(())
    })
}

fn ids<E>(
    source: &dyn Source,
    file: File,
    mut each: impl FnMut(u32, u64) -> ControlFlow<()>,
) -> Result<(), CleanError<E>> {
    let input = source.open().map_err(|source| CleanError::Open { file, source })?;
    let mut reader = Reader::new(file, input);
    let header = header(&mut reader, file)?;
    let mut never_seen = RoaringBitmap::new();
    while let Some(record) = reader.read().map_err(|error| CleanError::Record { file, error })? {
        let (mut values, mut null_texts) = ([Value::Null; COLUMNS_MAX], 0);
        never_seen.clear();
        // A row that is refused has its id among the values all the same, unless the id is the reason.
        let _ = row(&record, file.columns(), &header, &mut never_seen, &mut values, &mut null_texts);
        let id = values[0].id();
        if id != 0 && each(id, record.line).is_break() {
            break;
        }
    }
    Ok(())
}
