//! Sorts more records than memory holds: sorted runs go to a scratch file each, and are merged when they are read.
//!
//! A scratch file has no name, so that nothing is left of it however the import ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What records are sorted by: product, style, and the id of what belongs to it.
pub(crate) type Key = (u32, u32, u32);

/// The bytes of a run in memory. A file of photos and one of skus are sorted at the same time as styles: three of these
/// are half of what the import may use.
const RUN_BYTES: usize = 32 << 20;

/// Takes records in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    folder: PathBuf,
    limit: usize,
    keys: Vec<(Key, u32, u32)>,
    texts: Vec<u8>,
    runs: Vec<File>,
}

impl Sorter {
    /// A sorter that spills into `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), limit: RUN_BYTES, keys: Vec::new(), texts: Vec::new(), runs: Vec::new() }
    }

    /// Takes one record, its content written by `put`.
    ///
    /// # Errors
    /// When a run cannot be written, as on a full disk.
    pub(crate) fn push(&mut self, key: Key, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let begin = self.texts.len();
        put(&mut self.texts);
        let length = u32::try_from(self.texts.len() - begin).unwrap_or(u32::MAX);
        self.keys.push((key, u32::try_from(begin).unwrap_or(u32::MAX), length));
        if self.texts.len() + self.keys.len() * size_of::<(Key, u32, u32)>() >= self.limit {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.keys.sort_unstable();
        let mut run = BufWriter::with_capacity(256 << 10, tempfile::tempfile_in(&self.folder)?);
        for ((product, style, id), begin, length) in self.keys.drain(..) {
            for number in [product, style, id, length] {
                run.write_all(&number.to_le_bytes())?;
            }
            run.write_all(&self.texts[begin as usize..][..length as usize])?;
        }
        self.texts.clear();
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.seek(SeekFrom::Start(0))?;
        self.runs.push(run);
        Ok(())
    }

    /// All records in order.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        if !self.keys.is_empty() {
            self.spill()?;
        }
        let mut runs: Vec<_> = self.runs.into_iter().map(Run::new).collect();
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (at, run) in runs.iter_mut().enumerate() {
            if run.advance()? {
                heads.push(Reverse((run.key, at)));
            }
        }
        Ok(Sorted { runs, heads })
    }
}

/// One run while it is read.
#[derive(Debug)]
struct Run {
    input: BufReader<File>,
    key: Key,
    content: Vec<u8>,
}

impl Run {
    fn new(file: File) -> Self {
        Self { input: BufReader::with_capacity(128 << 10, file), key: (0, 0, 0), content: Vec::new() }
    }

    /// Reads the next record; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let mut head = [0; 16];
        match self.input.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        let [product, style, id, length] =
            std::array::from_fn(|at| u32::from_le_bytes(std::array::from_fn(|byte| head[4 * at + byte])));
        self.key = (product, style, id);
        self.content.resize(length as usize, 0);
        self.input.read_exact(&mut self.content)?;
        Ok(true)
    }
}

/// Records in order.
#[derive(Debug)]
pub(crate) struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(Key, usize)>>,
}

impl Sorted {
    /// The key of the next record.
    pub(crate) fn peek(&self) -> Option<Key> {
        self.heads.peek().map(|Reverse((key, _))| *key)
    }

    /// Hands the next record to `take`; false at the end.
    ///
    /// # Errors
    /// When a run cannot be read.
    pub(crate) fn next(&mut self, take: impl FnOnce(Key, &[u8])) -> io::Result<bool> {
        let Some(Reverse((key, at))) = self.heads.pop() else { return Ok(false) };
        let run = &mut self.runs[at];
        take(key, &run.content);
        if run.advance()? {
            self.heads.push(Reverse((run.key, at)));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_from_many_runs() {
        let mut sorter = Sorter::new(&std::env::temp_dir());
        sorter.limit = 1000;
        let key = |n: u32| (n.wrapping_mul(2_654_435_761) % 97, n % 7, n);
        for n in 0..5000 {
            sorter.push(key(n), |content| content.extend_from_slice(n.to_string().as_bytes())).unwrap();
        }
        assert!(sorter.runs.len() > 50);
        let mut expected: Vec<_> = (0..5000).map(|n| (key(n), n.to_string())).collect();
        expected.sort();
        let mut sorted = sorter.finish().unwrap();
        let mut found = Vec::new();
        while let Some(peeked) = sorted.peek() {
            sorted
                .next(|key, content| {
                    assert_eq!(peeked, key);
                    found.push((key, String::from_utf8(content.to_vec()).unwrap()));
                })
                .unwrap();
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        let mut sorted = Sorter::new(&std::env::temp_dir()).finish().unwrap();
        assert_eq!(sorted.peek(), None);
        assert!(!sorted.next(|_, _| ()).unwrap());
    }
}
