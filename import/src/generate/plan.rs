//! What is to be written: which ids each file gets, and which rows belong to which parent.

use std::ops::Range;

use anyhow::{Result, ensure};
use atelier_import::File;
use atelier_import::cell::INTEGER_MAX;
use roaring::RoaringBitmap;

use super::random::{Dice, Purpose};
use super::ratios::Ratios;

/// A set, before a row of it is written.
#[derive(Debug)]
pub(super) struct Plan {
    /// Everything random depends on it.
    pub(super) seed: u64,
    ratios: Ratios,
    /// The ids of each file.
    ids: [Range<u32>; File::ALL.len()],
    /// The products of the set that this one continues.
    earlier: RoaringBitmap,
}

/// What a set continues.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// Its products.
    pub(super) products: RoaringBitmap,
    /// The highest id in each file.
    pub(super) highest: [u32; File::ALL.len()],
}

impl Plan {
    /// `products` products from `first` on, and what belongs to them.
    pub(super) fn new(seed: u64, first: u32, products: u32, earlier: Earlier) -> Result<Self> {
        let end = u64::from(first) + u64::from(products);
        ensure!(end <= u64::from(INTEGER_MAX) + 1, "product ids would go beyond {INTEGER_MAX}");
        let last = (end - 1) as u32;
        ensure!(
            earlier.products.range_cardinality(first..=last) == 0,
            "some of the products {first} to {last} are there already"
        );
        let mut plan =
            Self { seed, ratios: Ratios::public(), ids: std::array::from_fn(|_| 0..0), earlier: earlier.products };
        for file in File::ALL {
            let from = if file == File::Product { first } else { earlier.highest[file as usize].saturating_add(1) };
            let rows: u64 = if file == File::Product {
                products.into()
            } else if file == File::Cart {
                // The cart of an older format: a few rows, to be counted.
                u64::from(products / 1000 + 3)
            } else {
                plan.counts(file).map(u64::from).sum()
            };
            let end = u64::from(from) + rows;
            ensure!(end <= u64::from(INTEGER_MAX) + 1, "ids of {file} would go beyond {INTEGER_MAX}");
            plan.ids[file as usize] = from..end as u32;
        }
        Ok(plan)
    }

    /// The ids of a file.
    pub(super) fn ids(&self, file: File) -> Range<u32> {
        self.ids[file as usize].clone()
    }

    /// How many children each row of the parent has.
    fn counts(&self, file: File) -> Box<dyn Iterator<Item = u32> + '_> {
        if file == File::CharacteristicReviews {
            let products = self.ids(File::Product);
            return Box::new(
                products.map(|product| {
                    self.children(File::Characteristics, product) * self.children(File::Reviews, product)
                }),
            );
        }
        Box::new(self.ids(parent(file)).map(move |row| self.children(file, row)))
    }

    fn children(&self, file: File, parent: u32) -> u32 {
        self.ratios.children(self.seed, file, parent)
    }

    /// Each row of the parent of `file` with the ids of its children.
    pub(super) fn families(&self, file: File) -> impl Iterator<Item = (u32, Range<u32>)> + '_ {
        let mut next = self.ids(file).start;
        self.ids(parent(file)).map(move |row| {
            let begin = next;
            next += self.children(file, row);
            (row, begin..next)
        })
    }

    /// A product that a relation may point at: of this set or of the one it continues, but not `product` itself if there
    /// is another.
    pub(super) fn target(&self, product: u32, dice: &mut Dice) -> u32 {
        let (own, earlier) = (self.ids(File::Product), self.earlier.len() as u32);
        // One product less than there are, and the last in place of the product itself.
        let nth = |n: u32| self.earlier.select(n).unwrap_or_else(|| own.start + n.saturating_sub(earlier));
        let all = earlier + own.len() as u32;
        let found = nth(dice.below(all.saturating_sub(1)));
        if found == product { nth(all - 1) } else { found }
    }

    /// The dice for what stands in a row.
    pub(super) fn dice(&self, file: File, row: u32) -> Dice {
        Dice::new(self.seed, Purpose::Content, file, row)
    }
}

/// The file whose rows have the rows of `file` as children. Ratings have two; they are counted by product.
fn parent(file: File) -> File {
    file.parents().next().unwrap_or(File::Product)
}
