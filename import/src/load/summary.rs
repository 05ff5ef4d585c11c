//! What a load says when it has ended: as text, and the same as JSON.

use std::fmt;
use std::time::Duration;

use atelier_import::{File, FileReport, Group};
use serde_json::{Value, json};

use super::schema;
use super::swap::Swapped;

/// Everything that is said of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// The files that were read to their end, in the order of the set.
    pub(crate) files: Vec<FileReport>,
    /// Files of a loaded group that were not there: their tables are empty.
    pub(crate) absent: Vec<File>,
    /// Groups that keep their rows.
    pub(crate) kept: Vec<Group>,
    /// The version the schema had, if it had to be brought to this program's.
    pub(crate) older: Option<i32>,
    /// The rows that were there before, by table; empty when the catalogue was.
    pub(crate) before: Vec<(&'static str, i64)>,
    /// How the tables were exchanged; `None` when they were not.
    pub(crate) swapped: Option<Swapped>,
    /// What is not as it should be, though the catalogue is loaded.
    pub(crate) warnings: Vec<String>,
    /// Why nothing was loaded.
    pub(crate) error: Option<String>,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Summary {
    /// The exit status (`data.md` §6): 0 everything loaded, 3 loaded with rejects or orphans, 1 nothing loaded.
    pub(crate) fn status(&self) -> u8 {
        if self.error.is_some() {
            1
        } else if self.files.iter().any(|file| file.orphan + file.rejected > 0) {
            3
        } else {
            0
        }
    }

    /// The report as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "status": self.status(),
            "error": self.error,
            "warnings": self.warnings,
            "seconds": self.took.as_secs_f64(),
            "schema": self.older.map(|older| json!({ "from": older, "to": schema::VERSION })),
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
            "absent": self.absent.iter().map(|file| file.name()).collect::<Vec<_>>(),
            "kept": self.kept.iter().flat_map(|group| schema::tables(*group)).collect::<Vec<_>>(),
            "before": self.before.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect::<serde_json::Map<_, _>>(),
            "removed": self.removed().iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect::<serde_json::Map<_, _>>(),
            "swap": self.swapped.as_ref().map(|swapped| json!({
                "locked_ms": swapped.held.as_secs_f64() * 1e3,
                "retries": swapped.retries,
            })),
        })
    }

    fn removed(&self) -> &[(&'static str, u64)] {
        self.swapped.as_ref().map_or(&[], |swapped| &swapped.removed)
    }
}

fn file(report: &FileReport) -> Value {
    json!({
        "file": report.file.name(),
        "read": report.read,
        "loaded": report.loaded,
        "repaired": report.repaired,
        "dropped": report.dropped,
        "orphan": report.orphan,
        "rejected": report.rejected,
        "nulls": report.nulls,
        "notes": report.notes,
        "highest_id": report.highest_id,
        "seconds": report.seconds,
        "reasons": report.reasons.iter().map(|((outcome, reason), found)| json!({
            "outcome": outcome.to_string(),
            "reason": reason,
            "count": found.count,
            "lines": found.lines.iter().map(|line| match line.first {
                Some(first) => json!({ "line": line.line, "first": first }),
                None => json!({ "line": line.line }),
            }).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{file}")?;
        }
        for file in &self.absent {
            writeln!(
                f,
                "{:<26} not there: {} without its rows",
                file.name(),
                schema::table(*file).unwrap_or("nothing")
            )?;
        }
        for group in &self.kept {
            writeln!(f, "no file of them is there, so they keep their rows: {}", schema::tables(*group).join(", "))?;
        }
        if !self.removed().is_empty() {
            writeln!(f, "removed with products that are gone:{}", list(self.removed()))?;
        }
        if let Some(older) = self.older {
            writeln!(f, "the schema was brought from version {older} to {}", schema::VERSION)?;
        }
        if !self.before.is_empty() {
            writeln!(f, "rows before:{}", list(&self.before))?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let seconds = self.took.as_secs_f64();
        match (&self.error, &self.swapped) {
            (Some(error), _) => write!(f, "error: {error}"),
            (None, Some(swapped)) => {
                let rows: u64 = self.files.iter().map(|file| file.loaded).sum();
                let held = swapped.held.as_secs_f64() * 1e3;
                write!(f, "loaded {rows} rows in {seconds:.1} s; readers were locked out for {held:.0} ms")
            }
            (None, None) => write!(f, "nothing was loaded"),
        }
    }
}

fn list<T: fmt::Display>(counts: &[(&'static str, T)]) -> String {
    counts.iter().map(|(table, rows)| format!(" {table} {rows}")).collect()
}
