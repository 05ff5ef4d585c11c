//! `GET /products/:product_id/styles`.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{IdText, Price};

/// All styles of a product.
#[derive(Clone, Debug, Serialize)]
pub struct Styles<'a> {
    /// The product's id.
    pub product_id: IdText,
    /// By style id.
    pub results: Vec<Style<'a>>,
}

/// One style.
#[derive(Clone, Debug, Serialize)]
pub struct Style<'a> {
    /// The style's id.
    pub style_id: u32,
    /// The name.
    pub name: &'a str,
    /// The price without a sale.
    pub original_price: Price,
    /// The price in the sale; a price of 0 is one.
    pub sale_price: Option<Price>,
    /// Whether it is shown first.
    #[serde(rename = "default?")]
    pub is_default: bool,
    /// By photo id.
    #[serde(serialize_with = "photos")]
    pub photos: Vec<StylePhoto<'a>>,
    /// By sku id.
    #[serde(serialize_with = "skus")]
    pub skus: Vec<Sku<'a>>,
}

/// A picture of a style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StylePhoto<'a> {
    /// The small one.
    pub thumbnail_url: Option<&'a str>,
    /// The large one.
    pub url: Option<&'a str>,
}

/// What can be bought of a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sku<'a> {
    /// The sku's id.
    pub id: u32,
    /// How many are in stock.
    pub quantity: Option<i32>,
    /// The size's name.
    pub size: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Stock<'a> {
    quantity: Option<i32>,
    size: Option<&'a str>,
}

/// Clients read `photos[0].url` unguarded: without photos there is one that has none.
fn photos<S: Serializer>(photos: &[StylePhoto<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(photos.len().max(1)))?;
    if photos.is_empty() {
        list.serialize_element(&StylePhoto::default())?;
    }
    for photo in photos {
        list.serialize_element(photo)?;
    }
    list.end()
}

/// Clients read `Object.keys(skus)` unguarded: without skus there is one under the key `null`.
fn skus<S: Serializer>(skus: &[Sku<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(skus.len().max(1)))?;
    if skus.is_empty() {
        map.serialize_entry("null", &Stock::default())?;
    }
    for sku in skus {
        map.serialize_entry(&sku.id, &Stock { quantity: sku.quantity, size: sku.size })?;
    }
    map.end()
}
