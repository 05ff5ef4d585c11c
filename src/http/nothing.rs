//! Answers that say that nothing is there.

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::route::View;
use crate::key::{Key, Page, Resource};
use crate::model::{self, IdText, JsonError};

/// An answer that is known without the catalogue: the container of the resource, and what it repeats of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// An empty list.
    List,
    /// No such product: 404.
    Product,
    /// No styles.
    Styles(u64),
    /// Nothing related.
    Related,
    /// No features.
    Features,
    /// No reviews: product, offset, count.
    Reviews(u64, u64, u64),
    /// No ratings.
    Meta(u64),
    /// No questions.
    Questions(u64),
    /// No answers: question, page, count.
    Answers(u64, u64, u64),
}

impl Nothing {
    /// What there is under a key of which nothing is.
    pub fn of(key: Key, view: View) -> Self {
        let count = |page: Page| match view {
            View::Count(count) => count,
            View::Whole | View::Features => page.count().into(),
        };
        match key {
            Key::Products(_) => Self::List,
            Key::Product(_) if view == View::Features => Self::Features,
            Key::Product(_) => Self::Product,
            Key::Styles(id) => Self::Styles(id.into()),
            Key::Related(_) => Self::Related,
            Key::Reviews { product, page, .. } => Self::Reviews(product.into(), page.offset().into(), count(page)),
            Key::Meta(id) => Self::Meta(id.into()),
            Key::Questions { product, .. } => Self::Questions(product.into()),
            Key::Answers { question, page } => Self::Answers(question.into(), page.number().into(), count(page)),
        }
    }

    /// Its class.
    pub const fn resource(self) -> Resource {
        match self {
            Self::List => Resource::List,
            Self::Product | Self::Features => Resource::Product,
            Self::Styles(_) => Resource::Styles,
            Self::Related => Resource::Related,
            Self::Reviews(..) => Resource::Reviews,
            Self::Meta(_) => Resource::Meta,
            Self::Questions(_) => Resource::Questions,
            Self::Answers(..) => Resource::Answers,
        }
    }

    /// The document, or `None` for 404.
    pub(super) fn body(self) -> Result<Option<Bytes>, JsonError> {
        Ok(Some(match self {
            Self::Product => return Ok(None),
            Self::List | Self::Related | Self::Features => Bytes::from_static(b"[]"),
            Self::Styles(product) => model::json(&model::Styles { product_id: IdText(product), results: vec![] })?,
            Self::Reviews(product, page, count) => {
                model::json(&model::Reviews { product: IdText(product), page, count, results: vec![] })?
            }
            Self::Meta(product) => model::json(&model::Meta {
                product_id: IdText(product),
                ratings: model::Ratings::default(),
                recommended: model::Recommended::default(),
                characteristics: vec![],
            })?,
            Self::Questions(product) => {
                model::json(&model::Questions { product_id: IdText(product), results: vec![] })?
            }
            Self::Answers(question, page, count) => {
                model::json(&model::Answers { question: IdText(question), page, count, results: vec![] })?
            }
        }))
    }

    /// The class alone: no row that could be tagged is there.
    pub(super) fn surrogate_key(self) -> HeaderValue {
        HeaderValue::from_static(self.resource().class())
    }
}
