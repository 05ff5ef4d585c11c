//! From the rows of a statement to the document of the API. Columns are taken by place: each function stands for the
//! statement of its name.

use bytes::Bytes;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::statements::STAMP_COLUMNS;
use crate::key::Page;
use crate::model::{
    Answer, Answers, CartItem, Characteristic, EmbeddedAnswer, Extras, Feature, IdText, Meta, Photo, Price, Product,
    Question, Questions, Ratings, Recommended, Review, Reviews, Sku, Style, StylePhoto, Styles, Time, json,
};
use crate::origin::{Fetched, OriginError};

/// A value of a column of the statement, or the error that says that the statement and this file do not agree.
fn column<'a, T: FromSql<'a>>(row: &'a Row, place: usize) -> Result<T, OriginError> {
    row.try_get(STAMP_COLUMNS + place).map_err(|error| OriginError::Failed(error.into()))
}

/// An id; the schema keeps them above 0.
fn id(row: &Row, place: usize) -> Result<u32, OriginError> {
    Ok(column::<i32>(row, place)?.unsigned_abs())
}

fn price(row: &Row, place: usize) -> Result<Price, OriginError> {
    column(row, place).map(Price)
}

fn time(row: &Row, place: usize) -> Result<Time, OriginError> {
    column(row, place).map(Time)
}

pub(super) fn list(rows: &[Row], extras: &Extras) -> Result<Fetched, OriginError> {
    let products = rows.iter().map(|row| {
        Ok(Product {
            id: id(row, 0)?,
            campus: extras.campus.as_deref(),
            name: column(row, 1)?,
            slogan: column(row, 2)?,
            description: column(row, 3)?,
            category: column(row, 4)?,
            default_price: price(row, 5)?,
            created_at: extras.dates.as_deref(),
            updated_at: extras.dates.as_deref(),
            features: None,
        })
    });
    let products = products.collect::<Result<Vec<_>, OriginError>>()?;
    Ok(Fetched::found(json(&products)?, products.is_empty()))
}

pub(super) fn product(product: u32, rows: &[Row], extras: &Extras) -> Result<Fetched, OriginError> {
    let Some(first) = rows.first() else {
        return Ok(Fetched::ABSENT);
    };
    let mut features = Vec::with_capacity(rows.len());
    for row in rows {
        if column::<Option<i32>>(row, 5)?.is_some() {
            features.push(Feature { feature: column(row, 6)?, value: column(row, 7)? });
        }
    }
    let document = Product {
        id: product,
        campus: extras.campus.as_deref(),
        name: column(first, 0)?,
        slogan: column(first, 1)?,
        description: column(first, 2)?,
        category: column(first, 3)?,
        default_price: price(first, 4)?,
        created_at: extras.dates.as_deref(),
        updated_at: extras.dates.as_deref(),
        features: Some(features),
    };
    Ok(Fetched::found(json(&document)?, false))
}

pub(super) fn styles(product: u32, rows: &[Row]) -> Result<Fetched, OriginError> {
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        results.push(Style {
            style_id: id(row, 0)?,
            name: column(row, 1)?,
            original_price: price(row, 2)?,
            sale_price: column::<Option<i64>>(row, 3)?.map(Price),
            is_default: column(row, 4)?,
            photos: style_photos(row)?,
            skus: skus(row)?,
        });
    }
    let empty = results.is_empty();
    Ok(Fetched::found(json(&Styles { product_id: IdText(product.into()), results })?, empty))
}

fn style_photos(row: &Row) -> Result<Vec<StylePhoto<'_>>, OriginError> {
    let urls: Vec<Option<&str>> = column(row, 5)?;
    let thumbnails: Vec<Option<&str>> = column(row, 6)?;
    Ok(urls.into_iter().zip(thumbnails).map(|(url, thumbnail_url)| StylePhoto { thumbnail_url, url }).collect())
}

fn skus(row: &Row) -> Result<Vec<Sku<'_>>, OriginError> {
    let ids: Vec<i32> = column(row, 7)?;
    let sizes: Vec<Option<&str>> = column(row, 8)?;
    let quantities: Vec<Option<i32>> = column(row, 9)?;
    let stock = sizes.into_iter().zip(quantities);
    let sku = |(id, (size, quantity)): (i32, _)| Sku { id: id.unsigned_abs(), quantity, size };
    Ok(ids.into_iter().zip(stock).map(sku).collect())
}

pub(super) fn related(rows: &[Row]) -> Result<Fetched, OriginError> {
    let ids = rows.iter().map(|row| id(row, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(Fetched::found(json(&ids)?, ids.is_empty()))
}

/// Photos as the arrays of their ids and urls.
fn photos(row: &Row, ids: usize, urls: usize) -> Result<Vec<Photo<'_>>, OriginError> {
    let ids: Vec<i32> = column(row, ids)?;
    let urls: Vec<&str> = column(row, urls)?;
    Ok(ids.into_iter().zip(urls).map(|(id, url)| Photo { id: id.unsigned_abs(), url }).collect())
}

pub(super) fn reviews(product: u32, page: Page, rows: &[Row]) -> Result<Fetched, OriginError> {
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        results.push(Review {
            review_id: id(row, 0)?,
            rating: column(row, 1)?,
            summary: column(row, 2)?,
            recommend: column(row, 3)?,
            response: column(row, 4)?,
            body: column(row, 5)?,
            date: time(row, 6)?,
            reviewer_name: column(row, 7)?,
            helpfulness: column(row, 8)?,
            photos: photos(row, 9, 10)?,
        });
    }
    let empty = results.is_empty();
    let document =
        Reviews { product: IdText(product.into()), page: page.offset().into(), count: page.count().into(), results };
    Ok(Fetched::found(json(&document)?, empty))
}

pub(super) fn meta(product: u32, rows: &[Row]) -> Result<Fetched, OriginError> {
    let count = |place| match rows.first() {
        Some(row) => column::<i64>(row, place).map(i64::unsigned_abs),
        None => Ok(0),
    };
    let ratings = Ratings([count(0)?, count(1)?, count(2)?, count(3)?, count(4)?]);
    let recommended = Recommended { no: count(5)?, yes: count(6)? };
    let mut characteristics = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(id) = column::<Option<i32>>(row, 7)? {
            let value = column::<Option<&str>>(row, 9)?.map(Into::into);
            characteristics.push(Characteristic { id: id.unsigned_abs(), name: column(row, 8)?, value });
        }
    }
    let empty = ratings == Ratings::default() && characteristics.is_empty();
    let document = Meta { product_id: IdText(product.into()), ratings, recommended, characteristics };
    Ok(Fetched::found(json(&document)?, empty))
}

pub(super) fn questions(product: u32, rows: &[Row]) -> Result<Fetched, OriginError> {
    let mut results: Vec<Question<'_>> = Vec::new();
    for row in rows {
        let question_id = id(row, 0)?;
        if results.last().is_none_or(|last| last.question_id != question_id) {
            results.push(Question {
                question_id,
                question_body: column(row, 1)?,
                question_date: time(row, 2)?,
                asker_name: column(row, 3)?,
                question_helpfulness: column(row, 4)?,
                reported: false,
                answers: Vec::new(),
            });
        }
        let (Some(answer), Some(question)) = (column::<Option<i32>>(row, 5)?, results.last_mut()) else {
            continue;
        };
        question.answers.push(EmbeddedAnswer {
            id: answer.unsigned_abs(),
            body: column(row, 6)?,
            date: time(row, 7)?,
            answerer_name: column(row, 8)?,
            helpfulness: column(row, 9)?,
            photos: column(row, 10)?,
        });
    }
    let empty = results.is_empty();
    Ok(Fetched::found(json(&Questions { product_id: IdText(product.into()), results })?, empty))
}

pub(super) fn answers(question: u32, page: Page, rows: &[Row]) -> Result<Fetched, OriginError> {
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        results.push(Answer {
            answer_id: id(row, 0)?,
            body: column(row, 1)?,
            date: time(row, 2)?,
            answerer_name: column(row, 3)?,
            helpfulness: column(row, 4)?,
            photos: photos(row, 5, 6)?,
        });
    }
    let empty = results.is_empty();
    let document =
        Answers { question: IdText(question.into()), page: page.number().into(), count: page.count().into(), results };
    Ok(Fetched::found(json(&document)?, empty))
}

pub(super) fn cart(rows: &[Row]) -> Result<Bytes, OriginError> {
    let item = |row: &Row| Ok(CartItem { sku_id: id(row, 0)?, count: column::<i64>(row, 1)?.unsigned_abs() });
    let items = rows.iter().map(item).collect::<Result<Vec<_>, OriginError>>()?;
    Ok(json(&items)?)
}
