//! The body of `POST /qa/questions`.

use super::value::Value;
use crate::command::NewQuestion;

/// The question that a body describes.
pub(super) fn question(body: Value<'_>) -> Option<NewQuestion> {
    let [product, body, name, email] = body.named(["product_id", "body", "name", "email"])?;
    Some(NewQuestion { product: product.id()?, body: body.text()?, name: name.text()?, email: email.text()? })
}
