//! What is said of one file after it was read: counts, reasons and first lines, never the text of a row, since that
//! holds e-mail addresses.

use std::collections::BTreeMap;
use std::fmt;

use crate::file::File;

/// How many lines a reason names; the count goes on.
pub const LINES_NAMED: usize = 10;

/// What became of a row that was not loaded as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Loaded after a change.
    Repaired,
    /// Known noise, left out.
    Dropped,
    /// Its parent was not loaded.
    Orphan,
    /// Wrong in itself.
    Rejected,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repaired => "repaired",
            Self::Dropped => "dropped",
            Self::Orphan => "orphan",
            Self::Rejected => "rejected",
        })
    }
}

/// A line that a reason names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first line of the row, counted from the header as 1.
    pub line: u64,
    /// For a duplicate: the line of the row that was there first.
    pub first: Option<u64>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            Some(first) => write!(f, "{} (first in {first})", self.line),
            None => write!(f, "{}", self.line),
        }
    }
}

/// How often a reason was met, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// The number of rows.
    pub count: u64,
    /// The first [`LINES_NAMED`] of them.
    pub lines: Vec<Line>,
}

/// The report on one file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileReport {
    /// Which file.
    pub file: File,
    /// Rows met, without the header: loaded + dropped + orphan + rejected.
    pub read: u64,
    /// Rows taken, repaired ones included.
    pub loaded: u64,
    /// Rows taken after a change.
    pub repaired: u64,
    /// Rows of known noise.
    pub dropped: u64,
    /// Rows whose parent was not loaded.
    pub orphan: u64,
    /// Rows wrong in themselves.
    pub rejected: u64,
    /// NULLs among the loaded rows, by column; only columns that have some.
    pub nulls: BTreeMap<&'static str, u64>,
    /// Things worth knowing that change no row.
    pub notes: BTreeMap<&'static str, u64>,
    /// Why rows were not loaded as they stood.
    pub reasons: BTreeMap<(Outcome, &'static str), Reason>,
    /// The highest id loaded, 0 without rows.
    pub highest_id: u32,
    /// How long the file took, in seconds.
    pub seconds: f64,
}

impl FileReport {
    /// A report that has seen nothing yet.
    pub fn new(file: File) -> Self {
        Self {
            file,
            read: 0,
            loaded: 0,
            repaired: 0,
            dropped: 0,
            orphan: 0,
            rejected: 0,
            nulls: BTreeMap::new(),
            notes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            highest_id: 0,
            seconds: 0.0,
        }
    }

    /// Counts a row that was not loaded as it stood.
    pub(crate) fn count(&mut self, outcome: Outcome, reason: &'static str, line: u64) {
        match outcome {
            Outcome::Repaired => self.repaired += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Orphan => self.orphan += 1,
            Outcome::Rejected => self.rejected += 1,
        }
        let reason = self.reasons.entry((outcome, reason)).or_default();
        reason.count += 1;
        if reason.lines.len() < LINES_NAMED {
            reason.lines.push(Line { line, first: None });
        }
    }

    /// Counts something that changes no row.
    pub(crate) fn note(&mut self, note: &'static str, times: u64) {
        if times > 0 {
            *self.notes.entry(note).or_default() += times;
        }
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<26} read {}  loaded {}  repaired {}  dropped {}  orphan {}  rejected {}  highest_id {}  {:.1} s",
            self.file.name(),
            self.read,
            self.loaded,
            self.repaired,
            self.dropped,
            self.orphan,
            self.rejected,
            self.highest_id,
            self.seconds,
        )?;
        for ((outcome, reason), found) in &self.reasons {
            write!(f, "\n{:26} {outcome}  {reason}  {}  lines ", "", found.count)?;
            for (place, line) in found.lines.iter().enumerate() {
                let comma = if place > 0 { ", " } else { "" };
                write!(f, "{comma}{line}")?;
            }
            if found.count > found.lines.len() as u64 {
                f.write_str(", …")?;
            }
        }
        for (title, counts) in [("nulls", &self.nulls), ("notes", &self.notes)] {
            if !counts.is_empty() {
                write!(f, "\n{:26} {title}", "")?;
                for (name, count) in counts {
                    write!(f, "  {name} {count}")?;
                }
            }
        }
        Ok(())
    }
}
