//! The files of the set: names, headers, column types and how they hang together.
//!
//! The order of [`File::ALL`] is a valid load order: parents stand before children.

use std::fmt;

/// What a column holds, and so how its text is read (see [`crate::cell`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer from 1 to 2147483647 that names the row, once in its file.
    Id,
    /// The id of a row of another file.
    Ref(File),
    /// Any text, kept as it stands.
    Text,
    /// An amount of money, kept in cents.
    Price,
    /// A truth value.
    Flag,
    /// An instant, kept in milliseconds since 1970 (UTC).
    Time,
    /// An integer from 0.
    Count,
    /// An integer from 1 to 5.
    Rating,
}

/// One column of a file.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in the header, exactly.
    pub name: &'static str,
    /// How the text is read.
    pub kind: Kind,
    /// Whether `null` and the empty field mean NULL.
    pub nullable: bool,
}

/// The files that are replaced together: rows of one group are never left beside another catalogue's rows of that group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Products with features, styles, photos, skus and relations.
    Products,
    /// Reviews with photos, characteristics and ratings.
    Reviews,
    /// Questions with answers and their photos.
    Questions,
    /// The cart of an older format, which is counted and never loaded.
    Cart,
}

/// A file of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// product.csv, the one file that must be there.
    Product,
    /// features.csv
    Features,
    /// styles.csv
    Styles,
    /// photos.csv, the file with lines that lack a closing quote.
    Photos,
    /// skus.csv
    Skus,
    /// related.csv
    Related,
    /// reviews.csv
    Reviews,
    /// reviews_photos.csv
    ReviewsPhotos,
    /// characteristics.csv
    Characteristics,
    /// characteristic_reviews.csv
    CharacteristicReviews,
    /// questions.csv
    Questions,
    /// answers.csv
    Answers,
    /// answers_photos.csv
    AnswersPhotos,
    /// cart.csv
    Cart,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

const fn nullable(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

use Kind::{Count, Flag, Id, Price, Rating, Ref, Text, Time};

const PRODUCT: &[Column] = &[
    column("id", Id),
    column("name", Text),
    column("slogan", Text),
    column("description", Text),
    column("category", Text),
    column("default_price", Price),
];
const FEATURES: &[Column] =
    &[column("id", Id), column("product_id", Ref(File::Product)), column("feature", Text), nullable("value", Text)];
const STYLES: &[Column] = &[
    column("id", Id),
    column("productId", Ref(File::Product)),
    column("name", Text),
    nullable("sale_price", Price),
    column("original_price", Price),
    column("default_style", Flag),
];
const PHOTOS: &[Column] =
    &[column("id", Id), column("styleId", Ref(File::Styles)), nullable("url", Text), nullable("thumbnail_url", Text)];
const SKUS: &[Column] =
    &[column("id", Id), column("styleId", Ref(File::Styles)), nullable("size", Text), nullable("quantity", Count)];
const RELATED: &[Column] = &[
    column("id", Id),
    column("current_product_id", Ref(File::Product)),
    column("related_product_id", Ref(File::Product)),
];
const REVIEWS: &[Column] = &[
    column("id", Id),
    column("product_id", Ref(File::Product)),
    column("rating", Rating),
    column("date", Time),
    column("summary", Text),
    column("body", Text),
    column("recommend", Flag),
    column("reported", Flag),
    column("reviewer_name", Text),
    column("reviewer_email", Text),
    nullable("response", Text),
    column("helpfulness", Count),
];
const REVIEWS_PHOTOS: &[Column] = &[column("id", Id), column("review_id", Ref(File::Reviews)), column("url", Text)];
const CHARACTERISTICS: &[Column] = &[column("id", Id), column("product_id", Ref(File::Product)), column("name", Text)];
const CHARACTERISTIC_REVIEWS: &[Column] = &[
    column("id", Id),
    column("characteristic_id", Ref(File::Characteristics)),
    column("review_id", Ref(File::Reviews)),
    column("value", Rating),
];
const QUESTIONS: &[Column] = &[
    column("id", Id),
    column("product_id", Ref(File::Product)),
    column("body", Text),
    column("date_written", Time),
    column("asker_name", Text),
    column("asker_email", Text),
    column("reported", Flag),
    column("helpful", Count),
];
const ANSWERS: &[Column] = &[
    column("id", Id),
    column("question_id", Ref(File::Questions)),
    column("body", Text),
    column("date_written", Time),
    column("answerer_name", Text),
    column("answerer_email", Text),
    column("reported", Flag),
    column("helpful", Count),
];
const ANSWERS_PHOTOS: &[Column] = &[column("id", Id), column("answer_id", Ref(File::Answers)), column("url", Text)];
const CART: &[Column] =
    &[column("id", Id), column("user_session", Text), column("product_id", Ref(File::Product)), column("active", Flag)];

impl File {
    /// Every file, parents before children.
    pub const ALL: [Self; 14] = [
        Self::Product,
        Self::Features,
        Self::Styles,
        Self::Photos,
        Self::Skus,
        Self::Related,
        Self::Reviews,
        Self::ReviewsPhotos,
        Self::Characteristics,
        Self::CharacteristicReviews,
        Self::Questions,
        Self::Answers,
        Self::AnswersPhotos,
        Self::Cart,
    ];

    /// The name without folder, as `photos.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Product => "product.csv",
            Self::Features => "features.csv",
            Self::Styles => "styles.csv",
            Self::Photos => "photos.csv",
            Self::Skus => "skus.csv",
            Self::Related => "related.csv",
            Self::Reviews => "reviews.csv",
            Self::ReviewsPhotos => "reviews_photos.csv",
            Self::Characteristics => "characteristics.csv",
            Self::CharacteristicReviews => "characteristic_reviews.csv",
            Self::Questions => "questions.csv",
            Self::Answers => "answers.csv",
            Self::AnswersPhotos => "answers_photos.csv",
            Self::Cart => "cart.csv",
        }
    }

    /// The columns in the order of the public set. A file may bring them in another.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Product => PRODUCT,
            Self::Features => FEATURES,
            Self::Styles => STYLES,
            Self::Photos => PHOTOS,
            Self::Skus => SKUS,
            Self::Related => RELATED,
            Self::Reviews => REVIEWS,
            Self::ReviewsPhotos => REVIEWS_PHOTOS,
            Self::Characteristics => CHARACTERISTICS,
            Self::CharacteristicReviews => CHARACTERISTIC_REVIEWS,
            Self::Questions => QUESTIONS,
            Self::Answers => ANSWERS,
            Self::AnswersPhotos => ANSWERS_PHOTOS,
            Self::Cart => CART,
        }
    }

    /// The group the file is replaced with.
    pub const fn group(self) -> Group {
        match self {
            Self::Product | Self::Features | Self::Styles | Self::Photos | Self::Skus | Self::Related => {
                Group::Products
            }
            Self::Reviews | Self::ReviewsPhotos | Self::Characteristics | Self::CharacteristicReviews => Group::Reviews,
            Self::Questions | Self::Answers | Self::AnswersPhotos => Group::Questions,
            Self::Cart => Group::Cart,
        }
    }

    /// The files whose rows this file's rows point at; they must be read before.
    pub fn parents(self) -> impl Iterator<Item = Self> {
        self.columns().iter().filter_map(|column| match column.kind {
            Ref(parent) => Some(parent),
            Id | Text | Price | Flag | Time | Count | Rating => None,
        })
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_stand_before_their_children() {
        for (place, file) in File::ALL.into_iter().enumerate() {
            for parent in file.parents() {
                let of_parent = File::ALL.iter().position(|other| *other == parent).unwrap();
                assert!(of_parent < place, "{parent} must stand before {file}");
            }
        }
    }
}
