//! `GET /products` and `GET /products/:product_id`.

use serde::Serialize;

use super::Price;

/// A product; without `features` in the list.
#[derive(Clone, Debug, Serialize)]
pub struct Product<'a> {
    /// The product's id.
    pub id: u32,
    /// Fixed text for clients of the public service; left out unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campus: Option<&'a str>,
    /// The name.
    pub name: &'a str,
    /// A line under the name.
    pub slogan: &'a str,
    /// What it is.
    pub description: &'a str,
    /// The category's name.
    pub category: &'a str,
    /// The price of its styles unless they say otherwise.
    pub default_price: Price,
    /// Fixed text for clients of the public service; left out unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<&'a str>,
    /// As `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<&'a str>,
    /// By feature id; `None` in the list, which does not show them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<Feature<'a>>>,
}

/// A property of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feature<'a> {
    /// What is told.
    pub feature: &'a str,
    /// What it is, if it is told.
    pub value: Option<&'a str>,
}

/// Fixed fields that the public service sends with products. They say nothing; some clients want them there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extras {
    /// `campus`, after `id`.
    pub campus: Option<String>,
    /// `created_at` and `updated_at`, after `default_price`.
    pub dates: Option<String>,
}
