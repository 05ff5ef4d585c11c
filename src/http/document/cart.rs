//! The body of `POST /cart`.

use super::value::Value;
use crate::command::{Command, Owner};

/// How many of a sku may be added at once.
const COUNT_MAX: u32 = 1_000_000;

/// What a body puts into the cart of `owner`: one, unless it says how many.
pub(super) fn item(owner: Owner, body: Value<'_>) -> Option<Command> {
    let [sku, count] = body.named(["sku_id", "count"])?;
    let count = if count.is_null() { 1 } else { count.integer(1..=COUNT_MAX)? };
    Some(Command::AddToCart { owner, sku: sku.id()?, count })
}
