//! `GET /reviews`.

use serde::Serialize;

use super::text::empty_is_null;
use super::{IdText, Time};

/// A page of a product's reviews.
#[derive(Clone, Debug, Serialize)]
pub struct Reviews<'a> {
    /// The product's id.
    pub product: IdText,
    /// How many rows stand before this page: the API calls the offset a page.
    pub page: u64,
    /// How many rows were asked for.
    pub count: u64,
    /// In the order asked for.
    pub results: Vec<Review<'a>>,
}

/// One review.
#[derive(Clone, Debug, Serialize)]
pub struct Review<'a> {
    /// The review's id.
    pub review_id: u32,
    /// Stars, 1 to 5.
    pub rating: i16,
    /// A line that says it all; may be empty.
    pub summary: &'a str,
    /// Whether the reviewer recommends the product.
    pub recommend: bool,
    /// What the shop answered.
    #[serde(serialize_with = "empty_is_null")]
    pub response: Option<&'a str>,
    /// The review.
    pub body: &'a str,
    /// When it was written.
    pub date: Time,
    /// Who wrote it.
    pub reviewer_name: &'a str,
    /// How many found it helpful.
    pub helpfulness: i32,
    /// By photo id.
    pub photos: Vec<Photo<'a>>,
}

/// A picture that came with a review or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Photo<'a> {
    /// The photo's id.
    pub id: u32,
    /// Where it is.
    pub url: &'a str,
}
