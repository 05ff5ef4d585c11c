//! What later files must know of earlier ones: which ids were loaded, and which product a row belongs to.

use std::collections::HashMap;
use std::sync::OnceLock;

use roaring::RoaringBitmap;

use crate::file::File;

/// The loaded ids of every file that was read so far. Files are read in several threads; each publishes once.
#[derive(Debug, Default)]
pub struct Known {
    ids: [OnceLock<RoaringBitmap>; File::ALL.len()],
    products: [OnceLock<Owners>; File::ALL.len()],
}

impl Known {
    /// The ids of `file` that were loaded; `None` until the file was read.
    pub fn ids(&self, file: File) -> Option<&RoaringBitmap> {
        self.ids[file as usize].get()
    }

    /// The product of each row of `file` (of reviews, characteristics and styles); `None` until it was read.
    pub fn products(&self, file: File) -> Option<&Owners> {
        self.products[file as usize].get()
    }

    /// Makes a file that was read to its end known to its children. A second publication of a file is ignored.
    pub(crate) fn publish(&self, file: File, ids: RoaringBitmap, products: Option<Owners>) {
        let _ = self.ids[file as usize].set(ids);
        if let Some(products) = products {
            let _ = self.products[file as usize].set(products);
        }
    }

    /// Whether later checks ask for the product of this file's rows.
    pub(crate) fn keeps_products(file: File) -> bool {
        matches!(file, File::Reviews | File::Characteristics | File::Styles)
    }
}

/// A map from id to product id, for millions of ids: an array where ids are dense, a hash map for those far out, so
/// that neither gaps nor a single high id cost memory.
#[derive(Debug, Default)]
pub struct Owners {
    dense: Vec<u32>,
    sparse: HashMap<u32, u32>,
    count: usize,
}

impl Owners {
    /// Remembers that row `id` belongs to `product`.
    pub(crate) fn insert(&mut self, id: u32, product: u32) {
        self.count += 1;
        let place = id as usize;
        if place >= self.dense.len() && place < 4 * self.count + (64 << 10) {
            self.dense.resize(place + 1, 0);
        }
        match self.dense.get_mut(place) {
            Some(slot) => *slot = product,
            None => {
                self.sparse.insert(id, product);
            }
        }
    }

    /// The product of row `id`.
    pub fn get(&self, id: u32) -> Option<u32> {
        match self.dense.get(id as usize) {
            Some(&product) if product != 0 => Some(product),
            _ => self.sparse.get(&id).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_found_wherever_their_ids_lie() {
        let mut owners = Owners::default();
        let ids = (1..200_000_u32).rev().step_by(3).chain([i32::MAX as u32, 900_000_000]);
        for id in ids.clone() {
            owners.insert(id, id / 2 + 1);
        }
        for id in ids {
            assert_eq!(owners.get(id), Some(id / 2 + 1), "{id}");
        }
        assert_eq!(owners.get(3), None);
        assert_eq!(owners.get(5_000_000), None);
        assert!(owners.dense.len() < 1 << 20, "a high id must not stretch the array");
    }
}
