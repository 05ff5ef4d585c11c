//! What is worth knowing of a file and changes no row.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Value;
use crate::file::File;
use crate::known::Known;

/// Counts of what changes no row.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) null_texts: u64,
    pub(super) names_twice: u64,
    pub(super) ratings_elsewhere: u64,
    /// Hashes of (product, characteristic name): 64 bits of them make a false count a matter of one in a million imports.
    names: HashSet<u64>,
}

impl Notes {
    /// Looks at a loaded row.
    pub(super) fn of_row(&mut self, file: File, known: &Known, values: &[Value<'_>]) {
        match (file, values) {
            (File::Characteristics, [_, product, name]) => {
                let mut hasher = DefaultHasher::new();
                (product.id(), name.text()).hash(&mut hasher);
                self.names_twice += u64::from(!self.names.insert(hasher.finish()));
            }
            (File::CharacteristicReviews, [_, characteristic, review, _]) => {
                let of = |file, row: &Value<'_>| known.products(file).and_then(|owners| owners.get(row.id()));
                let elsewhere = of(File::Characteristics, characteristic) != of(File::Reviews, review);
                self.ratings_elsewhere += u64::from(elsewhere);
            }
            _ => {}
        }
    }
}
