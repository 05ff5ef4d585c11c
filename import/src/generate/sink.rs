//! Where the rows of one file go: a buffer, and behind it the file on disk.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use atelier_import::File;

use super::dirt::Dirt;
use super::row::Row;

/// How much is written at once: enough that the cost of a call does not show, little enough to stay in the L2 cache.
const CHUNK: usize = 512 << 10;

/// What became of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Rows, the header not counted.
    pub(super) rows: u64,
    /// Bytes.
    pub(super) bytes: u64,
}

/// A file of the set that is being written.
#[derive(Debug)]
pub(super) struct Sink {
    path: PathBuf,
    on_disk: fs::File,
    buffer: Vec<u8>,
    written: Written,
    dirt: Option<Dirt>,
}

impl Sink {
    /// Begins `path` with the header of `file`.
    pub(super) fn create(path: PathBuf, file: File, mut dirt: Option<Dirt>) -> Result<Self> {
        let on_disk = fs::File::create(&path).with_context(|| format!("{} cannot be created", path.display()))?;
        let mut buffer = Vec::with_capacity(CHUNK + (64 << 10));
        match &mut dirt {
            Some(dirt) => dirt.header(&mut buffer),
            None => plain_header(file, &mut buffer),
        }
        Ok(Self { path, on_disk, buffer, written: Written::default(), dirt })
    }

    /// Writes one row.
    pub(super) fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) -> Result<()> {
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        let begin = self.buffer.len();
        fill(&mut Row::new(&mut self.buffer));
        if let Some(last) = self.buffer.last_mut() {
            *last = b'\n';
        }
        self.written.rows += match &mut self.dirt {
            Some(dirt) => dirt.row(&mut self.buffer, begin),
            None => 1,
        };
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<Written> {
        if let Some(dirt) = &mut self.dirt {
            self.written.rows += dirt.end(&mut self.buffer);
        }
        self.flush()?;
        Ok(self.written)
    }

    fn flush(&mut self) -> Result<()> {
        let path = &self.path;
        self.on_disk.write_all(&self.buffer).with_context(|| format!("{} cannot be written", path.display()))?;
        self.written.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// The header of the public set.
fn plain_header(file: File, into: &mut Vec<u8>) {
    for column in file.columns() {
        into.extend_from_slice(column.name.as_bytes());
        into.push(b',');
    }
    into.pop();
    into.push(b'\n');
}
