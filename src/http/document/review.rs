//! The body of `POST /reviews`.

use std::collections::BTreeMap;

use super::value::Value;
use crate::command::NewReview;
use crate::http::query;
use crate::key::ID_MAX;

/// The review that a body describes.
pub(super) fn review(body: Value<'_>) -> Option<NewReview> {
    let names = ["product_id", "rating", "summary", "body", "recommend", "name", "email", "photos", "characteristics"];
    let [product, rating, summary, body, recommend, name, email, photos, characteristics] = body.named(names)?;
    Some(NewReview {
        product: product.id()?,
        rating: rating.rating()?,
        summary: summary.string()?,
        body: body.text()?,
        recommend: recommend.truth()?,
        name: name.text()?,
        email: email.text()?,
        photos: photos.texts()?,
        characteristics: ratings(characteristics)?,
    })
}

/// Ratings by the id of what is rated. Two spellings of one id are one key, so the last of them counts.
fn ratings(value: Value<'_>) -> Option<Vec<(u32, u8)>> {
    if value.is_null() {
        return Some(Vec::new());
    }
    let mut ratings = BTreeMap::new();
    for (name, value) in value.members()? {
        let id = query::digits(name).and_then(|id| u32::try_from(id).ok());
        ratings.insert(id.filter(|id| (1..=ID_MAX).contains(id))?, value.rating());
    }
    ratings.into_iter().map(|(id, rating)| Some((id, rating?))).collect()
}
