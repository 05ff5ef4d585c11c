//! What a set that is to be continued holds already.

use std::convert::Infallible;
use std::path::Path;

use anyhow::{Context, Result};
use atelier_import::clean::{clean, each_id};
use atelier_import::source::{Folder, Sources};
use atelier_import::{File, Known};

use super::plan::Earlier;

/// Reads the products and the highest ids of the set in `folder`.
///
/// # Errors
/// When product.csv is missing or a file cannot be read to its end.
pub(super) fn read(folder: &Path) -> Result<Earlier> {
    let set = Folder(folder.to_owned());
    let known = Known::default();
    let products = set.source(File::Product).with_context(|| format!("{} holds no set", folder.display()))?;
    clean(&*products, File::Product, &known, |_| Ok::<_, Infallible>(()))?;
    let mut earlier = Earlier { products: known.ids(File::Product).cloned().unwrap_or_default(), ..Earlier::default() };
    for file in File::ALL {
        let Some(source) = set.source(file) else { continue };
        // Rows that are not loaded count, too: their ids are taken all the same.
        each_id(&*source, file, |id| {
            let highest = &mut earlier.highest[file as usize];
            *highest = id.max(*highest);
        })?;
    }
    Ok(earlier)
}
