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
        // 1,000 of them, so 5000 and 999999 are unknown.
        assert!(products.into_iter().eq((1..=998).chain([71_697, 71_704])));
        assert_eq!(reviews_of_10, 1_200);
    }

    #[test]
    fn it_is_small_enough_to_be_part_of_a_program_and_large_enough_to_page_through() {
        let size =
            |file| std::io::copy(&mut Sample.source(file).unwrap().open().unwrap(), &mut std::io::sink()).unwrap();
        let bytes: u64 = File::ALL.map(size).iter().sum();
        assert!(bytes < 12 << 20, "{bytes} bytes");
        let mut rows = BTreeMap::<_, u32>::new();
        cleaned(|file, _| *rows.entry(file).or_default() += 1);
        // What 1,000 products of the public set would have, by and large; product 10 alone has 1,200 reviews.
        for (file, least) in
            [(File::Styles, 1_900), (File::Skus, 11_000), (File::Reviews, 6_500), (File::Answers, 6_000)]
        {
            assert!(rows[&file] > least && rows[&file] < 2 * least, "{file}: {}", rows[&file]);
        }
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
