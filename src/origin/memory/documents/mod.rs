//! What the catalogue answers: plain filtering and sorting of its rows.

mod products;
mod questions;
mod reviews;

use std::collections::BTreeMap;

use super::catalogue::Catalogue;
use crate::key::{Key, Page};
use crate::model::Photo;
use crate::origin::{Fetched, OriginError, Rules};

/// Makes documents of a catalogue, by the rules.
pub(super) struct Documents<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) rules: &'a Rules,
}

impl Documents<'_> {
    pub(super) fn of(&self, key: Key) -> Result<Fetched, OriginError> {
        match key {
            Key::Products(page) => self.list(page),
            Key::Product(id) => self.product(id),
            Key::Styles(id) => self.styles(id),
            Key::Related(id) => self.related(id),
            Key::Reviews { product, sort, page } => self.reviews(product, sort, page),
            Key::Meta(id) => self.meta(id),
            Key::Questions { product, page } => self.questions(product, page),
            Key::Answers { question, page } => self.answers(question, page),
        }
    }

    /// The rows of a page, out of all that are shown.
    fn window<T>(&self, page: Page, rows: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        rows.skip(page.offset() as usize).take(page.count().min(self.rules.rows_max) as usize)
    }
}

fn photos(photos: &BTreeMap<u32, String>) -> Vec<Photo<'_>> {
    photos.iter().map(|(id, url)| Photo { id: *id, url }).collect()
}
