//! What there is to be looked at: learnt before the first round, as a start page does.

use super::browser::Browser;
use super::tally::Tally;

/// Products, and something that can be put into a cart.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) products: Vec<u64>,
    pub(super) sku: u64,
}

impl Shelf {
    /// Looks at the product list, then at products until one has a sku.
    pub(super) fn look(browser: &mut Browser, tally: &mut Tally) -> Option<Self> {
        let list = browser.get("/products?count=10000", tally)?.value;
        let products: Vec<u64> = list.as_array()?.iter().filter_map(|product| product["id"].as_u64()).collect();
        let sku = products.iter().take(100).find_map(|product| {
            let page = browser.get(&format!("/products/{product}/styles"), tally)?.value;
            let styles = page["results"].as_array()?;
            styles
                .iter()
                .filter_map(|style| style["skus"].as_object())
                .flat_map(|skus| skus.keys())
                .find_map(|sku| sku.parse().ok())
        })?;
        Some(Self { products, sku })
    }
}
