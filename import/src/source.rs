//! Where the files of a set come from: a folder, or bytes inside the program.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::file::File;

/// One file of a set, which can be opened more than once.
pub trait Source: Send + Sync {
    /// The whole file from its beginning.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// A set of files.
pub trait Sources {
    /// The given file, or `None` when the set does not have it.
    fn source(&self, file: File) -> Option<Box<dyn Source>>;
}

/// A file on disk.
#[derive(Clone, Debug)]
pub struct OnDisk(pub PathBuf);

impl Source for OnDisk {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(fs::File::open(&self.0)?))
    }
}

/// A folder with some of the files.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// Where the given file would be.
    pub fn path(&self, file: File) -> PathBuf {
        self.0.join(file.name())
    }
}

impl Sources for Folder {
    fn source(&self, file: File) -> Option<Box<dyn Source>> {
        let path = self.path(file);
        // What exists in any form counts: a folder or an unreadable file of that name is an error later, not an absent file.
        Path::new(&path).symlink_metadata().is_ok().then(|| Box::new(OnDisk(path)) as Box<dyn Source>)
    }
}

/// Bytes that are part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Embedded(pub &'static [u8]);

impl Source for Embedded {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.0))
    }
}
