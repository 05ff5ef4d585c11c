//! The product list, products, their styles and what they are related to.

use super::super::rows;
use super::Documents;
use crate::key::Page;
use crate::model::{Feature, IdText, Price, Product, Sku, Style, StylePhoto, Styles, json};
use crate::origin::{Fetched, OriginError};

impl Documents<'_> {
    pub(super) fn list(&self, page: Page) -> Result<Fetched, OriginError> {
        let all = self.catalogue.products.iter().map(|(id, row)| self.document(*id, row, None));
        let shown: Vec<_> = self.window(page, all).collect();
        Ok(Fetched::found(json(&shown)?, shown.is_empty()))
    }

    pub(super) fn product(&self, id: u32) -> Result<Fetched, OriginError> {
        let Some(row) = self.catalogue.products.get(&id) else {
            return Ok(Fetched::ABSENT);
        };
        let features = row.features.values().map(|row| Feature { feature: &row.feature, value: row.value.as_deref() });
        Ok(Fetched::found(json(&self.document(id, row, Some(features.collect())))?, false))
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

    pub(super) fn styles(&self, id: u32) -> Result<Fetched, OriginError> {
        let styles = self.catalogue.products.get(&id).into_iter().flat_map(|row| &row.styles);
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

    pub(super) fn related(&self, id: u32) -> Result<Fetched, OriginError> {
        let related: Vec<_> =
            self.catalogue.products.get(&id).into_iter().flat_map(|row| row.related.values()).collect();
        Ok(Fetched::found(json(&related)?, related.is_empty()))
    }
}
