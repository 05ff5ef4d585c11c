//! What a change of each table must note: written by hand from docs/freshness.md, not taken from `schema.sql`.

use std::collections::BTreeSet;

/// A table that answers read, one of its rows, and what a change of that must note.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The row that is changed.
    pub(crate) sample: u32,
    /// A row of the same parent that is not there yet: columns and values.
    pub(crate) new: (&'static str, &'static str),
    /// Columns that name the row and its parent, each with another value that would be valid.
    pub(crate) fixed: &'static [(&'static str, &'static str)],
    /// Columns that answers show, each with another value and what a change of it must note.
    pub(crate) shown: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Columns that no answer shows, each with another value. A change of them is noted as `own` all the same, but for `meta`.
    pub(crate) hidden: &'static [(&'static str, &'static str)],
    /// What the new row notes.
    pub(crate) insert: &'static [&'static str],
    /// What the deletion of the sample notes, without its children.
    pub(crate) own: &'static [&'static str],
    /// What it notes with its children.
    pub(crate) delete: &'static [&'static str],
    /// What TRUNCATE notes, and TRUNCATE with everything that refers to the table.
    pub(crate) truncate: (&'static [&'static str], &'static [&'static str]),
}

impl Table {
    /// The classes that show rows of the table.
    pub(crate) fn classes(&self) -> BTreeSet<&'static str> {
        let tags = self.insert.iter().chain(self.shown.iter().flat_map(|(_, _, tags)| *tags));
        tags.map(|tag| tag.split(':').next().unwrap()).collect()
    }
}

const PRODUCT: &[&str] = &["product:1"];
const STYLES: &[&str] = &["styles:1"];
const RELATED: &[&str] = &["related:1"];
const REVIEWS: &[&str] = &["reviews:1"];
const META: &[&str] = &["meta:1"];
const QUESTIONS: &[&str] = &["questions:1"];
const LISTED: &[&str] = &["product:1", "list:*"];
const RATED: &[&str] = &["reviews:1", "meta:1"];
const ANSWERED: &[&str] = &["answers:81", "questions:1"];

pub(crate) const TABLES: [Table; 11] = [
    Table {
        name: "products",
        sample: 1,
        new: ("id, name, slogan, description, category, default_price", "5, 'New', '', '', 'Coats', 1"),
        fixed: &[("id", "6")],
        shown: &[
            ("name", "'x'", LISTED),
            ("slogan", "'x'", LISTED),
            ("description", "'x'", LISTED),
            ("category", "'x'", LISTED),
            ("default_price", "7", LISTED),
        ],
        hidden: &[],
        insert: &["product:5", "list:*"],
        own: LISTED,
        delete: &[
            "product:1",
            "list:*",
            "styles:1",
            "related:1",
            "related:2",
            "reviews:1",
            "meta:1",
            "questions:1",
            "answers:81",
        ],
        truncate: (
            &[],
            &["product:*", "list:*", "styles:*", "related:*", "reviews:*", "meta:*", "questions:*", "answers:*"],
        ),
    },
    Table {
        name: "features",
        sample: 11,
        new: ("id, product_id, feature, value", "14, 1, 'Weight', NULL"),
        fixed: &[("id", "15"), ("product_id", "2")],
        shown: &[("feature", "'x'", PRODUCT), ("value", "'x'", PRODUCT)],
        hidden: &[],
        insert: PRODUCT,
        own: PRODUCT,
        delete: PRODUCT,
        truncate: (&["product:*"], &["product:*"]),
    },
    Table {
        name: "styles",
        sample: 21,
        new: (
            "id, product_id, name, original_price, default_style, photo_ids, photo_urls, photo_thumbnails",
            "24, 1, 'New', 1, false, '{241}', '{x}', '{y}'",
        ),
        fixed: &[("id", "25"), ("product_id", "2")],
        shown: &[
            ("name", "'x'", STYLES),
            ("original_price", "7", STYLES),
            ("sale_price", "NULL", STYLES),
            ("default_style", "false", STYLES),
            ("photo_urls", "'{x, y}'", STYLES),
            ("photo_thumbnails", "'{x, y}'", STYLES),
            ("sku_ids", "'{213, 219}'", STYLES),
            ("sku_sizes", "'{XS, L}'", STYLES),
            ("sku_quantities", "'{0, 0}'", STYLES),
        ],
        // Photos are shown without their ids. Their number changes with the other arrays.
        hidden: &[("photo_ids", "'{211, 219}'")],
        insert: STYLES,
        own: STYLES,
        delete: STYLES,
        truncate: (&["styles:*"], &["styles:*"]),
    },
    Table {
        name: "related",
        sample: 31,
        new: ("id, product_id, related_product_id", "34, 1, 2"),
        fixed: &[("id", "35"), ("product_id", "2")],
        shown: &[("related_product_id", "3", RELATED)],
        hidden: &[],
        insert: RELATED,
        own: RELATED,
        delete: RELATED,
        truncate: (&["related:*"], &["related:*"]),
    },
    Table {
        name: "reviews",
        sample: 41,
        new: (
            "id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email",
            "45, 1, 5000, 3, false, 'New', '', 'a', 'b'",
        ),
        fixed: &[("id", "46"), ("product_id", "2")],
        shown: &[
            ("date", "9000", REVIEWS),
            ("helpfulness", "0", REVIEWS),
            ("reported", "true", REVIEWS),
            ("summary", "'x'", REVIEWS),
            ("body", "'x'", REVIEWS),
            ("reviewer_name", "'x'", REVIEWS),
            ("response", "'x'", REVIEWS),
            ("rating", "1", RATED),
            ("recommend", "false", RATED),
        ],
        hidden: &[("reviewer_email", "'x'")],
        insert: RATED,
        own: RATED,
        delete: RATED,
        truncate: (&[], &["reviews:*", "meta:*"]),
    },
    Table {
        name: "reviews_photos",
        sample: 51,
        new: ("id, review_id, url", "53, 41, 'x'"),
        fixed: &[("id", "54"), ("review_id", "43")],
        shown: &[("url", "'x'", REVIEWS)],
        hidden: &[],
        insert: REVIEWS,
        own: REVIEWS,
        delete: REVIEWS,
        truncate: (&["reviews:*"], &["reviews:*"]),
    },
    Table {
        name: "characteristics",
        sample: 61,
        new: ("id, product_id, name", "64, 1, 'Comfort'"),
        fixed: &[("id", "65"), ("product_id", "2")],
        shown: &[("name", "'x'", META)],
        hidden: &[],
        insert: META,
        own: META,
        delete: META,
        truncate: (&[], &["meta:*"]),
    },
    Table {
        name: "characteristic_reviews",
        sample: 71,
        new: ("id, characteristic_id, review_id, value", "74, 61, 44, 1"),
        fixed: &[("id", "75"), ("characteristic_id", "62"), ("review_id", "43")],
        shown: &[("value", "1", META)],
        hidden: &[],
        insert: META,
        own: META,
        delete: META,
        truncate: (&["meta:*"], &["meta:*"]),
    },
    Table {
        name: "questions",
        sample: 81,
        new: ("id, product_id, date_written, body, asker_name, asker_email", "85, 1, 5000, 'New?', 'a', 'b'"),
        fixed: &[("id", "86"), ("product_id", "2")],
        shown: &[
            ("date_written", "9000", QUESTIONS),
            ("helpful", "0", QUESTIONS),
            ("reported", "true", QUESTIONS),
            ("body", "'x'", QUESTIONS),
            ("asker_name", "'x'", QUESTIONS),
        ],
        hidden: &[("asker_email", "'x'")],
        insert: QUESTIONS,
        own: QUESTIONS,
        delete: ANSWERED,
        truncate: (&[], &["questions:*", "answers:*"]),
    },
    Table {
        name: "answers",
        sample: 91,
        new: ("id, question_id, date_written, body, answerer_name, answerer_email", "95, 81, 5000, 'New', 'a', 'b'"),
        fixed: &[("id", "96"), ("question_id", "83")],
        shown: &[
            ("date_written", "9000", ANSWERED),
            ("helpful", "9", ANSWERED),
            ("reported", "true", ANSWERED),
            ("body", "'x'", ANSWERED),
            ("answerer_name", "'x'", ANSWERED),
        ],
        hidden: &[("answerer_email", "'x'")],
        insert: ANSWERED,
        own: ANSWERED,
        delete: ANSWERED,
        truncate: (&[], &["questions:*", "answers:*"]),
    },
    Table {
        name: "answers_photos",
        sample: 101,
        new: ("id, answer_id, url", "104, 91, 'x'"),
        fixed: &[("id", "105"), ("answer_id", "93")],
        shown: &[("url", "'x'", ANSWERED)],
        hidden: &[],
        insert: ANSWERED,
        own: ANSWERED,
        delete: ANSWERED,
        truncate: (&["questions:*", "answers:*"], &["questions:*", "answers:*"]),
    },
];

/// Tables of readers that no stored answer shows.
pub(crate) const OTHERS: [&str; 2] = ["carts", "interactions"];
