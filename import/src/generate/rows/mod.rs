//! The rows of each file.

mod products;
mod questions;
mod reviews;

use anyhow::Result;
use atelier_import::File;

use super::plan::Plan;
use super::sink::Sink;

/// Writes all rows of a file.
pub(super) fn write(plan: &Plan, file: File, out: &mut Sink) -> Result<()> {
    match file {
        File::Product => products::products(plan, out),
        File::Features => products::features(plan, out),
        File::Styles => products::styles(plan, out),
        File::Photos => products::photos(plan, out),
        File::Skus => products::skus(plan, out),
        File::Related => products::related(plan, out),
        File::Reviews => reviews::reviews(plan, out),
        File::ReviewsPhotos => reviews::photos(plan, out),
        File::Characteristics => reviews::characteristics(plan, out),
        File::CharacteristicReviews => reviews::ratings(plan, out),
        File::Questions => questions::questions(plan, out),
        File::Answers => questions::answers(plan, out),
        File::AnswersPhotos => questions::photos(plan, out),
        File::Cart => products::cart(plan, out),
    }
}
