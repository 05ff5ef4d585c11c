//! Products whose reviews somebody pages far down: they are given steps the next time that the history of changes is pruned.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// How many are remembered at once. Making steps looks at all reviews of a product, so it is done for a few at a time.
const MOST: usize = 32;

/// The products that were asked for since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Deep(Mutex<BTreeSet<u32>>);

impl Deep {
    /// Remembers a product that has rows far down, if there is room.
    pub(super) fn note(&self, product: u32) {
        let mut products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if products.len() < MOST {
            products.insert(product);
        }
    }

    /// All that are remembered; from now on none.
    pub(super) fn take(&self) -> BTreeSet<u32> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_remembered_once() {
        let deep = Deep::default();
        for product in (1..=1000).chain(1..=3) {
            deep.note(product);
        }
        assert_eq!(deep.take(), (1..=32).collect());
        assert_eq!(deep.take(), BTreeSet::new());
        deep.note(7);
        assert_eq!(deep.take(), [7].into());
    }
}
