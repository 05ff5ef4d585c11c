//! The in-memory origin: a CSV set in process, answered by plain filtering and sorting.
//!
//! It is written to be read, not to be fast: the differential test takes it for the specification of every statement of
//! the PostgreSQL origin. Rows come through the import's own reader, so they are cleaned by the same rules.

mod average;
mod load;
mod rows;

pub use load::LoadError;

use std::collections::BTreeMap;
use std::time::Duration;

use atelier_import::FileReport;
use bytes::Bytes;
use roaring::RoaringBitmap;

use super::{Asking, Existing, Fetched, Fetching, Origin, OriginError, Poll, Position, Rules, WriteError, Written};
use crate::command::{Command, Owner};
use crate::key::{Key, Page, Sort};
use crate::model::{
    Answer, Answers, Characteristic, EmbeddedAnswer, Feature, IdText, Meta, Photo, Price, Product, Question, Questions,
    Ratings, Recommended, Review, Reviews, Sku, Style, StylePhoto, Styles, Time, json,
};
use crate::stamp::{Incarnation, Seen};

/// A catalogue in process.
#[derive(Debug)]
pub struct Memory {
    rules: Rules,
    products: BTreeMap<u32, rows::Product>,
    /// The question's product, and where the question stands in it, by question id.
    questions: BTreeMap<u32, (u32, usize)>,
    /// What was read from each file.
    pub reports: Vec<FileReport>,
}

impl Origin for Memory {
    fn fetch(&self, key: Key) -> Fetching<'_> {
        Box::pin(std::future::ready(self.answer(key).map(|fetched| (fetched, Seen::default()))))
    }

    fn poll<'a>(&'a self, _position: Option<&'a Position>, _most: usize) -> Asking<'a, Poll> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn write(&self, _command: Command, _at: i64) -> Asking<'_, Written, WriteError> {
        Box::pin(async { Err(WriteError::Undone(OriginError::Down)) })
    }

    fn cart(&self, _owner: Owner) -> Asking<'_, Bytes> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn ids(&self, _of: Existing) -> Asking<'_, (RoaringBitmap, Incarnation)> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn prune(&self, _retention: Duration) -> Asking<'_, ()> {
        Box::pin(async { Err(OriginError::Down) })
    }

    fn reconnect(&self) {}

    fn is_up(&self) -> bool {
        true
    }
}

impl Memory {
    /// How many products there are.
    pub fn products(&self) -> usize {
        self.products.len()
    }

    fn answer(&self, key: Key) -> Result<Fetched, OriginError> {
        match key {
            Key::Products(page) => self.list(page),
            Key::Product(id) => self.product(id),
            Key::Styles(id) => self.styles(id),
            Key::Related(id) => self.related(id),
            Key::Reviews { product, sort, page } => self.reviews(product, sort, page),
            Key::Meta(id) => self.meta(id),
            Key::Questions { product, page } => self.product_questions(product, page),
            Key::Answers { question, page } => self.answers(question, page),
        }
    }

    /// The rows of a page, out of all that are shown.
    fn window<T>(&self, page: Page, rows: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        rows.skip(page.offset() as usize).take(page.count().min(self.rules.rows_max) as usize)
    }

    fn document<'a>(&'a self, id: u32, row: &'a rows::Product, features: Option<Vec<Feature<'a>>>) -> Product<'a> {
        let extras = &self.rules.extras;
        Product {
            id,
            campus: extras.campus.as_deref(),
            name: &row.name,
            slogan: &row.slogan,
            description: &row.description,
            category: &row.category,
            default_price: Price(row.default_price),
            created_at: extras.dates.as_deref(),
            updated_at: extras.dates.as_deref(),
            features,
        }
    }

    fn list(&self, page: Page) -> Result<Fetched, OriginError> {
        let all = self.products.iter().map(|(id, row)| self.document(*id, row, None));
        let shown: Vec<_> = self.window(page, all).collect();
        Ok(Fetched::found(json(&shown)?, shown.is_empty()))
    }

    fn product(&self, id: u32) -> Result<Fetched, OriginError> {
        let Some(row) = self.products.get(&id) else {
            return Ok(Fetched::ABSENT);
        };
        let features = row.features.values().map(|row| Feature { feature: &row.feature, value: row.value.as_deref() });
        Ok(Fetched::found(json(&self.document(id, row, Some(features.collect())))?, false))
    }

    fn styles(&self, id: u32) -> Result<Fetched, OriginError> {
        let styles = self.products.get(&id).into_iter().flat_map(|row| &row.styles);
        let results: Vec<_> = styles
            .map(|(id, row)| Style {
                style_id: *id,
                name: &row.name,
                original_price: Price(row.original_price),
                sale_price: row.sale_price.map(Price),
                is_default: row.is_default,
                photos: row
                    .photos
                    .values()
                    .map(|photo| StylePhoto {
                        thumbnail_url: photo.thumbnail_url.as_deref(),
                        url: photo.url.as_deref(),
                    })
                    .collect(),
                skus: row
                    .skus
                    .iter()
                    .map(|(id, sku)| Sku { id: *id, quantity: sku.quantity, size: sku.size.as_deref() })
                    .collect(),
            })
            .collect();
        let empty = results.is_empty();
        Ok(Fetched::found(json(&Styles { product_id: IdText(id.into()), results })?, empty))
    }

    fn related(&self, id: u32) -> Result<Fetched, OriginError> {
        let related: Vec<_> = self.products.get(&id).into_iter().flat_map(|row| row.related.values()).collect();
        Ok(Fetched::found(json(&related)?, related.is_empty()))
    }

    fn reviews(&self, product: u32, sort: Sort, page: Page) -> Result<Fetched, OriginError> {
        let mut shown: Vec<_> = self
            .products
            .get(&product)
            .into_iter()
            .flat_map(|row| &row.reviews)
            .filter(|(_, review)| !review.reported)
            .collect();
        shown.sort_by_key(|(id, review)| {
            let helpfulness = match sort {
                Sort::Helpful => review.helpfulness,
                Sort::Newest => 0,
            };
            std::cmp::Reverse((helpfulness, review.date, **id))
        });
        let results: Vec<_> = self
            .window(page, shown.into_iter())
            .map(|(id, review)| Review {
                review_id: *id,
                rating: review.rating,
                summary: &review.summary,
                recommend: review.recommend,
                response: review.response.as_deref(),
                body: &review.body,
                date: Time(review.date),
                reviewer_name: &review.reviewer_name,
                helpfulness: review.helpfulness,
                photos: photos(&review.photos),
            })
            .collect();
        let empty = results.is_empty();
        let document = Reviews {
            product: IdText(product.into()),
            page: page.offset().into(),
            count: page.count().into(),
            results,
        };
        Ok(Fetched::found(json(&document)?, empty))
    }

    fn meta(&self, id: u32) -> Result<Fetched, OriginError> {
        let (mut ratings, mut recommended) = (Ratings::default(), Recommended::default());
        let product = self.products.get(&id);
        for review in product.into_iter().flat_map(|row| row.reviews.values()) {
            for (stars, count) in (1..).zip(&mut ratings.0) {
                *count += u64::from(review.rating == stars);
            }
            let said = if review.recommend { &mut recommended.yes } else { &mut recommended.no };
            *said += 1;
        }
        let characteristics: Vec<_> = product
            .into_iter()
            .flat_map(|row| &row.characteristics)
            .map(|(id, row)| Characteristic {
                id: *id,
                name: &row.name,
                value: (row.ratings > 0).then(|| average::text(row.stars, row.ratings).into()),
            })
            .collect();
        let empty = ratings == Ratings::default() && characteristics.is_empty();
        let document = Meta { product_id: IdText(id.into()), ratings, recommended, characteristics };
        Ok(Fetched::found(json(&document)?, empty))
    }

    fn product_questions(&self, product: u32, page: Page) -> Result<Fetched, OriginError> {
        let mut shown: Vec<_> = self
            .products
            .get(&product)
            .into_iter()
            .flat_map(|row| &row.questions)
            .filter(|question| !question.reported)
            .collect();
        shown.sort_by_key(|question| (std::cmp::Reverse(question.helpful), question.id));
        let results: Vec<_> = self
            .window(page, shown.into_iter())
            .map(|question| Question {
                question_id: question.id,
                question_body: &question.body,
                question_date: Time(question.date),
                asker_name: &question.asker_name,
                question_helpfulness: question.helpful,
                reported: question.reported,
                answers: question
                    .answers
                    .iter()
                    .filter(|(_, answer)| !answer.reported)
                    .map(|(id, answer)| EmbeddedAnswer {
                        id: *id,
                        body: &answer.body,
                        date: Time(answer.date),
                        answerer_name: &answer.answerer_name,
                        helpfulness: answer.helpful,
                        photos: answer.photos.values().map(String::as_str).collect(),
                    })
                    .collect(),
            })
            .collect();
        let empty = results.is_empty();
        Ok(Fetched::found(json(&Questions { product_id: IdText(product.into()), results })?, empty))
    }

    fn answers(&self, question: u32, page: Page) -> Result<Fetched, OriginError> {
        let row = self
            .questions
            .get(&question)
            .and_then(|(product, place)| self.products.get(product).and_then(|product| product.questions.get(*place)));
        let mut shown: Vec<_> =
            row.into_iter().flat_map(|row| &row.answers).filter(|(_, answer)| !answer.reported).collect();
        shown.sort_by_key(|(id, answer)| (std::cmp::Reverse(answer.helpful), **id));
        let results: Vec<_> = self
            .window(page, shown.into_iter())
            .map(|(id, answer)| Answer {
                answer_id: *id,
                body: &answer.body,
                date: Time(answer.date),
                answerer_name: &answer.answerer_name,
                helpfulness: answer.helpful,
                photos: photos(&answer.photos),
            })
            .collect();
        let empty = results.is_empty();
        let document = Answers {
            question: IdText(question.into()),
            page: page.number().into(),
            count: page.count().into(),
            results,
        };
        Ok(Fetched::found(json(&document)?, empty))
    }
}

fn photos(photos: &BTreeMap<u32, String>) -> Vec<Photo<'_>> {
    photos.iter().map(|(id, url)| Photo { id: *id, url }).collect()
}
