//! Which files of the set there are.

use std::fs;

use anyhow::{Result, anyhow, bail};
use atelier_import::clean::check_header;
use atelier_import::source::Folder;
use atelier_import::{File, Sources};

/// A file of the set that is there.
pub(super) struct Present {
    pub(super) file: File,
    pub(super) bytes: u64,
}

/// What there is to load.
pub(super) struct Set<'a> {
    pub(super) folder: &'a Folder,
    pub(super) present: &'a [Present],
}

/// Finds the files and checks their headers, so that a wrong set changes nothing.
pub(super) fn look(folder: &Folder) -> Result<Vec<Present>> {
    if !folder.0.is_dir() {
        bail!("{} is not a folder", folder.0.display());
    }
    let mut problems = Vec::new();
    let mut present: Vec<Present> = Vec::new();
    for file in File::ALL {
        let Some(source) = folder.source(file) else { continue };
        if let Err(error) = check_header(&*source, file) {
            problems.push(format!("{:#}", anyhow!(error)));
        }
        let bytes = fs::metadata(folder.path(file)).map_or(0, |metadata| metadata.len());
        present.push(Present { file, bytes });
    }
    let has = |file| present.iter().any(|other| other.file == file);
    if !has(File::Product) {
        problems.insert(0, format!("{} is not there", folder.path(File::Product).display()));
    }
    for child in present.iter().map(|other| other.file).filter(|file| *file != File::Cart) {
        for parent in child.parents().filter(|parent| *parent != File::Product && !has(*parent)) {
            problems.push(format!("{child}: needs {parent}, which is not there"));
        }
    }
    if problems.is_empty() { Ok(present) } else { Err(anyhow!(problems.join("\n       "))) }
}
