//! The other line of a duplicate id.

use std::collections::HashMap;

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
    let input = source.open().map_err(|source| CleanError::Open { file, source })?;
    let mut reader = Reader::new(file, input);
    let header = header(&mut reader, file)?;
    let mut wanted: HashMap<u32, Option<u64>> = duplicates.iter().map(|id| (*id, None)).collect();
    let mut missing = wanted.len();
    let mut never_seen = RoaringBitmap::new();
    while missing > 0 {
        let Some(record) = reader.read().map_err(|error| CleanError::Record { file, error })? else {
            break;
        };
        let (mut values, mut null_texts) = ([Value::Null; COLUMNS_MAX], 0);
        never_seen.clear();
        let _ = row(&record, file.columns(), &header, &mut never_seen, &mut values, &mut null_texts);
        if let Some(first @ None) = wanted.get_mut(&values[0].id()) {
            *first = Some(record.line);
            missing -= 1;
        }
    }
    if let Some(reason) = report.reasons.get_mut(&(Outcome::Rejected, DUPLICATE_ID)) {
        for (line, id) in reason.lines.iter_mut().zip(duplicates) {
            line.first = wanted.get(id).copied().flatten();
        }
    }
    Ok(())
}
