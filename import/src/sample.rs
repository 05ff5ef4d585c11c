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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;

    use super::*;
    use crate::report::Outcome;
    use crate::{Known, Value, clean};

    /// What a file gave: per reason the number of rows, and the lines named.
    type Reasons = BTreeMap<(File, Outcome, &'static str), Vec<u64>>;

    /// Cleans the whole sample; `each` sees every row that would be loaded.
    fn cleaned(mut each: impl FnMut(File, &[Value<'_>])) -> (Reasons, u64) {
        let known = Known::default();
        let (mut reasons, mut photos_read) = (Reasons::new(), 0);
        for file in File::ALL {
            let source = Sample.source(file).unwrap();
            let report = clean(&*source, file, &known, |row| {
                each(file, row.values);
                Ok::<_, Infallible>(())
            })
            .unwrap();
            assert_eq!(report.read, report.loaded + report.dropped, "{report}");
            if file == File::Photos {
                photos_read = report.read;
            }
            for ((outcome, reason), found) in report.reasons {
                reasons.insert((file, outcome, reason), found.lines.iter().map(|line| line.line).collect());
            }
        }
        (reasons, photos_read)
    }

    #[test]
    fn two_rows_are_dropped_one_is_repaired_and_all_others_are_clean() {
        let (reasons, photos) = cleaned(|_, _| {});
        let found: Vec<_> =
            reasons.iter().map(|((file, outcome, reason), lines)| (*file, *outcome, *reason, lines.len())).collect();
        assert_eq!(
            found,
            [
                (File::Photos, Outcome::Repaired, "closing quote", 1),
                (File::Related, Outcome::Dropped, "related id 0", 1),
                (File::Related, Outcome::Dropped, "related unknown", 1),
            ]
        );
        // Whatever a plain CSV reader makes of a missing quote, it must not cost it any row of ours.
        assert_eq!(reasons[&(File::Photos, Outcome::Repaired, "closing quote")], [photos + 1], "not the last line");
    }

    #[test]
    fn what_tests_and_front_ends_ask_for_is_there_and_what_must_be_unknown_is_not() {
        let mut products = BTreeSet::new();
        let mut reviews_of_10 = 0;
        cleaned(|file, values| {
            if file == File::Product {
                products.insert(values[0].id());
            } else if file == File::Reviews {
                reviews_of_10 += u32::from(values[1].id() == 10 && values[7] == Value::Flag(false));
            }
        });
        assert!((1..=60).chain([71_697, 71_704]).all(|id| products.contains(&id)));
        assert!(!products.contains(&5_000) && !products.contains(&999_999));
        assert_eq!(reviews_of_10, 1_200);
    }

    #[test]
    fn every_url_and_every_address_is_one_that_nobody_owns() {
        cleaned(|file, values| {
            for (column, value) in file.columns().iter().zip(values) {
                let Some(text) = value.text() else { continue };
                match column.name {
                    "url" | "thumbnail_url" => assert!(text.starts_with("https://img.example/"), "{file}: {text}"),
                    name if name.ends_with("_email") => assert!(text.ends_with("@example.com"), "{file}: {text}"),
                    _ => {}
                }
            }
        });
    }
}
