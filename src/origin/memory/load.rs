//! Fills the in-memory catalogue from a CSV set.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use atelier_import::{CleanError, File, Known, Row, Sources, Value, clean};

use super::catalogue::Catalogue;
use super::{Memory, rows};
use crate::origin::Rules;

/// Why a set cannot be held in memory.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// product.csv is not there.
    #[error("{} is not there", File::Product)]
    NoProducts,
    /// A file cannot be read to its end.
    #[error(transparent)]
    File(#[from] CleanError<Infallible>),
}

/// The catalogue while it is read, with what is needed to find the parents of rows and not afterwards.
#[derive(Default)]
struct Filling {
    catalogue: Catalogue,
    of_style: HashMap<u32, u32>,
    of_characteristic: HashMap<u32, u32>,
}

impl Memory {
    /// Reads a set; files that are not there leave their part of the catalogue empty.
    ///
    /// # Errors
    /// When product.csv is missing, or a file cannot be read to its end.
    pub fn load(sources: &dyn Sources, rules: Rules) -> Result<Self, LoadError> {
        let known = Known::default();
        let mut filling = Filling::default();
        let mut reports = Vec::new();
        for file in File::ALL {
            let Some(source) = sources.source(file) else {
                if file == File::Product {
                    return Err(LoadError::NoProducts);
                }
                continue;
            };
            let take = |row: Row<'_>| {
                // The reader has checked that every parent is there, so there is always a place to put the row.
                let _ = filling.take(file, row.values);
                Ok::<_, Infallible>(())
            };
            reports.push(clean(&*source, file, &known, take)?);
        }
        Ok(Self::new(rules, filling.catalogue, reports))
    }
}

fn text(value: Value<'_>) -> String {
    value.text().unwrap_or_default().to_owned()
}

fn optional(value: Value<'_>) -> Option<String> {
    value.text().map(str::to_owned)
}

fn small<T: TryFrom<i64> + Default>(value: Value<'_>) -> T {
    T::try_from(value.int()).unwrap_or_default()
}

impl Filling {
    /// Puts a row in its place; `None` when it has none.
    fn take(&mut self, file: File, values: &[Value<'_>]) -> Option<()> {
        let id = values.first()?.id();
        match (file, values) {
            (File::Product, [_, name, slogan, description, category, price]) => {
                let row = rows::Product {
                    name: text(*name),
                    slogan: text(*slogan),
                    description: text(*description),
                    category: text(*category),
                    default_price: price.int(),
                    ..rows::Product::default()
                };
                self.catalogue.products.insert(id, row);
            }
            (File::Features, [_, product, feature, value]) => {
                let row = rows::Feature { feature: text(*feature), value: optional(*value) };
                self.product(*product)?.features.insert(id, row);
            }
            (File::Styles, [_, product, name, sale, original, is_default]) => {
                let row = rows::Style {
                    name: text(*name),
                    original_price: original.int(),
                    sale_price: (*sale != Value::Null).then(|| sale.int()),
                    is_default: is_default.flag(),
                    photos: BTreeMap::new(),
                    skus: BTreeMap::new(),
                };
                self.product(*product)?.styles.insert(id, row);
                self.of_style.insert(id, product.id());
            }
            (File::Photos, [_, style, url, thumbnail]) => {
                let row = rows::StylePhoto { url: optional(*url), thumbnail_url: optional(*thumbnail) };
                self.style(*style)?.photos.insert(id, row);
            }
            (File::Skus, [_, style, size, quantity]) => {
                let quantity = (*quantity != Value::Null).then(|| small(*quantity));
                let row = rows::Sku { size: optional(*size), quantity };
                self.style(*style)?.skus.insert(id, row);
                self.catalogue.skus.insert(id);
            }
            (File::Related, [_, product, related]) => {
                self.product(*product)?.related.insert(id, related.id());
            }
            (
                File::Reviews,
                [_, product, rating, date, summary, body, recommend, reported, name, _email, response, helpfulness],
            ) => {
                let row = rows::Review {
                    rating: small(*rating),
                    date: date.int(),
                    summary: text(*summary),
                    body: text(*body),
                    recommend: recommend.flag(),
                    reported: reported.flag(),
                    reviewer_name: text(*name),
                    response: optional(*response),
                    helpfulness: small(*helpfulness),
                    photos: BTreeMap::new(),
                };
                self.catalogue.put_review(product.id(), id, row)?;
            }
            (File::ReviewsPhotos, [_, review, url]) => {
                let (_, review) = self.catalogue.review_mut(review.id())?;
                review.photos.insert(id, text(*url));
                self.catalogue.ids.reviews_photos.saw(id);
            }
            (File::Characteristics, [_, product, name]) => {
                let row = rows::Characteristic { name: text(*name), ratings: 0, stars: 0 };
                self.product(*product)?.characteristics.insert(id, row);
                self.of_characteristic.insert(id, product.id());
            }
            (File::CharacteristicReviews, [_, characteristic, _review, value]) => {
                let product = *self.of_characteristic.get(&characteristic.id())?;
                let product = self.catalogue.products.get_mut(&product)?;
                product.characteristics.get_mut(&characteristic.id())?.rate(value.int().unsigned_abs());
            }
            (File::Questions, [_, product, body, date, name, _email, reported, helpful]) => {
                let row = rows::Question {
                    body: text(*body),
                    date: date.int(),
                    asker_name: text(*name),
                    reported: reported.flag(),
                    helpful: small(*helpful),
                    answers: BTreeMap::new(),
                };
                self.catalogue.put_question(product.id(), id, row)?;
            }
            (File::Answers, [_, question, body, date, name, _email, reported, helpful]) => {
                let row = rows::Answer {
                    body: text(*body),
                    date: date.int(),
                    answerer_name: text(*name),
                    reported: reported.flag(),
                    helpful: small(*helpful),
                    photos: BTreeMap::new(),
                };
                self.catalogue.put_answer(question.id(), id, row)?;
            }
            (File::AnswersPhotos, [_, answer, url]) => {
                let (.., answer) = self.catalogue.answer_mut(answer.id())?;
                answer.photos.insert(id, text(*url));
                self.catalogue.ids.answers_photos.saw(id);
            }
            _ => return None,
        }
        Some(())
    }

    fn product(&mut self, id: Value<'_>) -> Option<&mut rows::Product> {
        self.catalogue.products.get_mut(&id.id())
    }

    fn style(&mut self, id: Value<'_>) -> Option<&mut rows::Style> {
        let product = self.of_style.get(&id.id())?;
        self.catalogue.products.get_mut(product)?.styles.get_mut(&id.id())
    }
}
