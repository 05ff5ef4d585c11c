//! The sample catalogue in `import/sample/`, as part of the program.

use crate::file::File;
use crate::source::{Embedded, Source, Sources};

/// The sample catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Sample;

macro_rules! sample {
    ($file:literal) => {
        Embedded(include_bytes!(concat!("../sample/", $file)))
    };
}

impl Sources for Sample {
    fn source(&self, file: File) -> Option<Box<dyn Source>> {
        let embedded = match file {
            File::Product => sample!("product.csv"),
            File::Features => sample!("features.csv"),
            File::Styles => sample!("styles.csv"),
            File::Photos => sample!("photos.csv"),
            File::Skus => sample!("skus.csv"),
            File::Related => sample!("related.csv"),
            File::Reviews => sample!("reviews.csv"),
            File::ReviewsPhotos => sample!("reviews_photos.csv"),
            File::Characteristics => sample!("characteristics.csv"),
            File::CharacteristicReviews => sample!("characteristic_reviews.csv"),
            File::Questions => sample!("questions.csv"),
            File::Answers => sample!("answers.csv"),
            File::AnswersPhotos => sample!("answers_photos.csv"),
            File::Cart => sample!("cart.csv"),
        };
        Some(Box::new(embedded))
    }
}
