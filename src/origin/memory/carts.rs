//! What lies in each cart.

use std::collections::{BTreeMap, HashMap};

use crate::command::Owner;
use crate::model::CartItem;

#[derive(Debug, Default)]
pub(super) struct Carts {
    of: HashMap<Owner, BTreeMap<u32, u64>>,
}

impl Carts {
    pub(super) fn add(&mut self, owner: Owner, sku: u32, count: u32) {
        let sum = self.of.entry(owner).or_default().entry(sku).or_default();
        *sum = sum.saturating_add(count.into());
    }

    /// By sku id; nothing for whoever has not put anything into a cart.
    pub(super) fn of(&self, owner: Owner) -> Vec<CartItem> {
        let items = self.of.get(&owner).into_iter().flatten();
        items.map(|(sku, count)| CartItem { sku_id: *sku, count: *count }).collect()
    }
}
