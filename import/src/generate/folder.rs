//! The folder a set is written into.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Makes the folder, or checks that nothing in it can be lost.
///
/// # Errors
/// When it is not empty, unless `force` says that this is fine, and when it cannot be made or read.
pub(super) fn prepare(folder: &Path, force: bool) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    if !force && entries.next().is_some() {
        bail!("{} is not empty: choose another folder, or replace the set in it with --force", folder.display());
    }
    Ok(())
}
