//! The rows of the in-memory catalogue, each with its children, by id.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Product {
    pub(super) name: String,
    pub(super) slogan: String,
    pub(super) description: String,
    pub(super) category: String,
    pub(super) default_price: i64,
    pub(super) features: BTreeMap<u32, Feature>,
    pub(super) styles: BTreeMap<u32, Style>,
    pub(super) related: BTreeMap<u32, u32>,
    pub(super) reviews: BTreeMap<u32, Review>,
    pub(super) characteristics: BTreeMap<u32, Characteristic>,
    pub(super) questions: BTreeMap<u32, Question>,
}

#[derive(Debug)]
pub(super) struct Feature {
    pub(super) feature: String,
    pub(super) value: Option<String>,
}

#[derive(Debug)]
pub(super) struct Style {
    pub(super) name: String,
    pub(super) original_price: i64,
    pub(super) sale_price: Option<i64>,
    pub(super) is_default: bool,
    pub(super) photos: BTreeMap<u32, StylePhoto>,
    pub(super) skus: BTreeMap<u32, Sku>,
}

#[derive(Debug)]
pub(super) struct StylePhoto {
    pub(super) url: Option<String>,
    pub(super) thumbnail_url: Option<String>,
}

#[derive(Debug)]
pub(super) struct Sku {
    pub(super) size: Option<String>,
    pub(super) quantity: Option<i32>,
}

#[derive(Debug)]
pub(super) struct Review {
    pub(super) rating: i16,
    pub(super) date: i64,
    pub(super) summary: String,
    pub(super) body: String,
    pub(super) recommend: bool,
    pub(super) reported: bool,
    pub(super) reviewer_name: String,
    pub(super) response: Option<String>,
    pub(super) helpfulness: i32,
    pub(super) photos: BTreeMap<u32, String>,
}

#[derive(Debug)]
pub(super) struct Characteristic {
    pub(super) name: String,
    /// How many ratings there are, and their sum.
    pub(super) ratings: u64,
    pub(super) stars: u64,
}

impl Characteristic {
    pub(super) fn rate(&mut self, stars: u64) {
        self.ratings += 1;
        self.stars += stars;
    }
}

#[derive(Debug)]
pub(super) struct Question {
    pub(super) body: String,
    pub(super) date: i64,
    pub(super) asker_name: String,
    pub(super) reported: bool,
    pub(super) helpful: i32,
    pub(super) answers: BTreeMap<u32, Answer>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: String,
    pub(super) date: i64,
    pub(super) answerer_name: String,
    pub(super) reported: bool,
    pub(super) helpful: i32,
    pub(super) photos: BTreeMap<u32, String>,
}
