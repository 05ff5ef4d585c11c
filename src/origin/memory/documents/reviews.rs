//! Reviews, and what they come to.

use super::super::average;
use super::{Documents, photos};
use crate::key::{Page, Sort};
use crate::model::{Characteristic, IdText, Meta, Ratings, Recommended, Review, Reviews, Time, json};
use crate::origin::{Fetched, OriginError};

impl Documents<'_> {
    pub(super) fn reviews(&self, product: u32, sort: Sort, page: Page) -> Result<Fetched, OriginError> {
        let mut shown: Vec<_> = self
            .catalogue
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

    pub(super) fn meta(&self, id: u32) -> Result<Fetched, OriginError> {
        let (mut ratings, mut recommended) = (Ratings::default(), Recommended::default());
        let product = self.catalogue.products.get(&id);
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
}
