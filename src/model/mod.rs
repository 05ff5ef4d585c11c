//! The documents of the API as structs, fields in the order in which the contract sends them.
//!
//! Every origin fills these and [`json`] writes them, so two origins that hold the same rows give the same bytes. The
//! structs borrow: a document lives as long as the rows it was made from and becomes bytes before they go.

mod cart;
mod meta;
mod product;
mod question;
mod review;
mod style;
mod text;

pub use cart::CartItem;
pub use meta::{Characteristic, Meta, Ratings, Recommended};
pub use product::{Extras, Feature, Product};
pub use question::{Answer, Answers, EmbeddedAnswer, Question, Questions};
pub use review::{Photo, Review, Reviews};
pub use style::{Sku, Style, StylePhoto, Styles};
pub use text::{IdText, Price, Time};

use bytes::Bytes;
use serde::Serialize;

/// A document that cannot be written as JSON. None of ours is one, but a writer that could fail has to say so.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be written as JSON")]
pub struct JsonError(#[from] serde_json::Error);

/// The document as compact UTF-8 JSON.
///
/// # Errors
/// When the document is one that JSON cannot say, which none of this module is.
pub fn json(document: &impl Serialize) -> Result<Bytes, JsonError> {
    Ok(serde_json::to_vec(document)?.into())
}

#[cfg(test)]
mod tests;
