//! `GET /cart`.

use serde::Serialize;

/// What was put into a cart of one sku. A cart is the list of them, by sku id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CartItem {
    /// The sku's id.
    pub sku_id: u32,
    /// The sum of all that was added.
    pub count: u64,
}
