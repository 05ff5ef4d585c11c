//! The catalogue of the runs: what its rows say, which registers they are, and how an answer is read.
//!
//! A text that shows a version holds `v=<n>`. Products 1 to 8 are written and read all the time, 101 to 103 vanish and come
//! back, 201 to 216 are only touched by scripts; from 10,000 on nothing is versioned, there are just many.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::history::{Nature, Register, RegisterInfo, Seen, Sight};

/// Products that writers and readers are busy with.
pub(crate) const BUSY: RangeInclusive<u32> = 1..=8;
/// Products that are deleted and inserted again.
pub(crate) const FLEETING: RangeInclusive<u32> = 101..=103;
/// Products that only scripts touch.
pub(crate) const COLD: RangeInclusive<u32> = 201..=216;
/// The first product that is only there to be many.
pub(crate) const FILLER: u32 = 10_000;
/// How many of these there are; versions of `related` are written with them.
pub(crate) const FILLERS: u32 = 2_000;
/// The id of the filler's first review.
pub(crate) const FILLER_REVIEW: u32 = 100_000;
/// Rows that the API adds have ids from here on.
const ADDED: u64 = 1_000_000;
/// A number that is rolled back.
const POISON: u64 = 2_000_000_000;

/// What of a product has a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    /// `products.slogan`
    Slogan,
    /// `features.value`
    Feature,
    /// `styles.name`
    Style,
    /// The quantity of a sku, through the view.
    Sku,
    /// Two rows of `related`, deleted and inserted.
    Related,
    /// `reviews.body` and `summary`
    Review,
    /// `reviews_photos.url`
    ReviewPhoto,
    /// A review that is deleted and inserted.
    Blink,
    /// `characteristics.name`
    Characteristic,
    /// `questions.body`
    Question,
    /// `answers.body`
    Answer,
    /// `answers_photos.url`
    AnswerPhoto,
    /// A whole product with one row in every table.
    Fleeting,
    /// Votes for a review, through the API.
    Votes,
    /// Votes for a question, through the API.
    QuestionVotes,
    /// Votes for an answer, through the API.
    AnswerVotes,
    /// The newest review posted through the API.
    Posts,
    /// How many reviews were posted, as meta counts them.
    Ratings,
    /// The newest question posted through the API.
    QuestionPosts,
    /// The newest answer posted through the API.
    AnswerPosts,
}

impl What {
    /// What is written with SQL.
    pub(crate) const SQL: [Self; 12] = [
        Self::Slogan,
        Self::Feature,
        Self::Style,
        Self::Sku,
        Self::Related,
        Self::Review,
        Self::ReviewPhoto,
        Self::Blink,
        Self::Characteristic,
        Self::Question,
        Self::Answer,
        Self::AnswerPhoto,
    ];
    /// What is written through the API.
    pub(crate) const API: [Self; 7] = [
        Self::Votes,
        Self::QuestionVotes,
        Self::AnswerVotes,
        Self::Posts,
        Self::Ratings,
        Self::QuestionPosts,
        Self::AnswerPosts,
    ];
    /// What is written in one transaction now and then, and shown in one body.
    pub(crate) const TOGETHER: [(Self, Self); 5] = [
        (Self::Slogan, Self::Feature),
        (Self::Style, Self::Sku),
        (Self::Review, Self::ReviewPhoto),
        (Self::Question, Self::Answer),
        (Self::Answer, Self::AnswerPhoto),
    ];

    fn nature(self) -> Nature {
        match self {
            Self::Votes | Self::QuestionVotes | Self::AnswerVotes | Self::Ratings => Nature::Count,
            _ => Nature::Value,
        }
    }
}

/// The id of a product's first row in a table, which is the one with a text; the next is the one with votes.
pub(crate) const fn row(product: u32) -> u32 {
    product * 10 + 1
}

/// A kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// `/products`: busy and fleeting ones.
    List,
    /// `/products/:id`
    Product,
    /// `/products/:id/styles`
    Styles,
    /// `/products/:id/related`
    Related,
    /// `/reviews`, the helpful first.
    Reviews,
    /// The second of these as a page of its own: the one with votes.
    Second,
    /// `/reviews`, the newest first.
    Newest,
    /// `/reviews/meta`
    Meta,
    /// `/qa/questions`
    Questions,
    /// `/qa/questions/:id/answers`, all.
    Answers,
    /// The same, the first two.
    FirstAnswers,
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As in the request line.
    pub(crate) path: String,
    /// What it asks for.
    pub(crate) route: Route,
    /// Whose answers; 0 for the list.
    pub(crate) product: u32,
}

/// All registers and keys.
#[derive(Debug)]
pub(crate) struct Stage {
    /// What can be seen.
    pub(crate) registers: Vec<RegisterInfo>,
    /// What can be asked for.
    pub(crate) targets: Vec<Target>,
    places: HashMap<(What, u32), Register>,
    by_product: HashMap<u32, Vec<u32>>,
}

impl Stage {
    /// The only one there is.
    pub(crate) fn new() -> Self {
        let (mut registers, mut places) = (Vec::new(), HashMap::new());
        let mut register = |what: What, product: u32| {
            places.insert((what, product), Register(u32::try_from(registers.len()).unwrap()));
            registers.push(RegisterInfo { name: format!("{what:?} of {product}"), nature: what.nature() });
        };
        for product in BUSY.chain(COLD) {
            What::SQL.into_iter().chain(What::API).for_each(|what| register(what, product));
        }
        FLEETING.for_each(|product| register(What::Fleeting, product));

        let mut targets = vec![Target { path: "/products?count=11".to_owned(), route: Route::List, product: 0 }];
        for product in BUSY.chain(FLEETING).chain(COLD) {
            let question = row(product);
            let mut paths = vec![
                (Route::Product, format!("/products/{product}")),
                (Route::Styles, format!("/products/{product}/styles")),
                (Route::Related, format!("/products/{product}/related")),
                (Route::Reviews, format!("/reviews?product_id={product}&count=20")),
                (Route::Newest, format!("/reviews?product_id={product}&sort=newest&count=3")),
                (Route::Meta, format!("/reviews/meta?product_id={product}")),
                (Route::Questions, format!("/qa/questions?product_id={product}&count=1000")),
                (Route::Answers, format!("/qa/questions/{question}/answers?count=1000")),
            ];
            if !FLEETING.contains(&product) {
                paths.push((Route::Second, format!("/reviews?product_id={product}&page=2&count=1")));
                paths.push((Route::FirstAnswers, format!("/qa/questions/{question}/answers?count=2")));
            }
            targets.extend(paths.into_iter().map(|(route, path)| Target { path, route, product }));
        }
        let mut by_product: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, target) in targets.iter().enumerate() {
            by_product.entry(target.product).or_default().push(u32::try_from(number).unwrap());
        }
        Self { registers, targets, places, by_product }
    }

    /// The register of something.
    pub(crate) fn register(&self, what: What, product: u32) -> Register {
        self.places[&(what, product)]
    }

    /// The keys of a product; of 0, the list.
    pub(crate) fn of_product(&self, product: u32) -> &[u32] {
        &self.by_product[&product]
    }

    /// The key of a product's route.
    pub(crate) fn target(&self, route: Route, product: u32) -> u32 {
        let of_product = self.of_product(product).iter().copied();
        of_product
            .into_iter()
            .find(|number| self.targets[*number as usize].route == route)
            .expect("there is such a key")
    }

    /// The keys that show something.
    pub(crate) fn showing(&self, what: What, product: u32) -> Vec<u32> {
        use Route::*;
        let routes: &[Route] = match what {
            What::Slogan => &[List, Product],
            What::Feature => &[Product],
            What::Style | What::Sku => &[Styles],
            What::Related => &[Related],
            What::Review | What::ReviewPhoto | What::Blink => &[Reviews],
            What::Votes => &[Reviews, Second],
            What::Posts => &[Newest],
            What::Ratings | What::Characteristic => &[Meta],
            What::Question | What::QuestionVotes | What::QuestionPosts => &[Questions],
            What::Answer | What::AnswerPhoto | What::AnswerVotes => &[Questions, Answers, FirstAnswers],
            What::AnswerPosts => &[Questions, Answers],
            What::Fleeting => &[Product, Styles, Related, Reviews, Newest, Meta, Questions, Answers],
        };
        routes.iter().map(|route| self.target(*route, if *route == List { 0 } else { product })).collect()
    }

    /// What an answer shows; `Err` says why it is none.
    pub(crate) fn read(&self, target: u32, status: u16, body: &[u8]) -> Result<Vec<Seen>, String> {
        let target = &self.targets[target as usize];
        let fleeting = FLEETING.contains(&target.product);
        if status == 404 {
            let seen = |register| Seen { register, sight: Sight::Absent };
            return match target.route {
                Route::Product if fleeting => Ok(vec![seen(self.register(What::Fleeting, target.product))]),
                _ => Err(format!("{}: 404", target.path)),
            };
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("{}: {error}", target.path))?;
        let sights = if fleeting {
            vec![(What::Fleeting, target.product, fleeting_in(&body, target.product))]
        } else {
            sights(target, &body)
        };
        let seen = |(what, product, sight)| Seen { register: self.register(what, product), sight };
        Ok(sights.into_iter().map(seen).collect())
    }

    /// The rows of the stage, on top of `schema.sql`.
    pub(crate) fn rows() -> String {
        let mut sql = String::new();
        let (first, last, review) = (FILLER, FILLER + FILLERS - 1, FILLER_REVIEW);
        write!(
            sql,
            "INSERT INTO products (id, name, slogan, description, category, default_price)
             SELECT n, 'Filler', 'One of many', '', 'Fillers', 100 FROM generate_series({first}, {last}) AS n;
             INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
             SELECT {review} + n - {first}, n, 1600000000000, 3, true, '', 'Fine.', 'mira', 'm@example.com'
             FROM generate_series({first}, {last}) AS n;"
        )
        .unwrap();
        for product in BUSY.chain(COLD) {
            sql.push_str(&rows_of(product));
            sql.push_str(&insert_related(product, 0));
        }
        for product in FLEETING {
            sql.push_str(&fleeting_rows(product, 0));
        }
        for (table, column) in [
            ("products", "id"),
            ("features", "id"),
            ("styles", "id"),
            ("related", "id"),
            ("reviews", "id"),
            ("reviews_photos", "id"),
            ("characteristics", "id"),
            ("characteristic_reviews", "id"),
            ("questions", "id"),
            ("answers", "id"),
            ("answers_photos", "id"),
        ] {
            write!(sql, "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {ADDED});").unwrap();
        }
        // Each copy of this database is to be one of its own, also for those who share a Redis.
        sql.push_str(
            "DO $$ BEGIN IF to_regclass('edge.incarnation') IS NOT NULL THEN TRUNCATE edge.incarnation; END IF; END $$;
             DO $$ BEGIN IF to_regclass('edge.outbox') IS NOT NULL THEN TRUNCATE edge.outbox; END IF; END $$;
             ANALYZE;",
        );
        sql
    }
}

/// The version in a text.
fn in_text(text: Option<&Value>) -> Sight {
    let Some(text) = text.and_then(Value::as_str) else { return Sight::Garbage };
    if text.contains("poison") {
        return Sight::Poison;
    }
    let digits = text.split_once("v=").map_or("", |(_, rest)| rest);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().map_or(Sight::Garbage, Sight::Version)
}

/// The greatest version in the texts of rows that the API added; 0 if there is none.
fn newest<'a>(rows: impl Iterator<Item = &'a Value>, id: &str, text: &str) -> Sight {
    let added = rows.filter(|row| row[id].as_u64().is_some_and(|id| id >= ADDED));
    let mut newest = 0;
    for row in added {
        match in_text(row.get(text)) {
            Sight::Version(version) => newest = version.max(newest),
            other => return other,
        }
    }
    Sight::Version(newest)
}

/// A count above what the row began with.
fn above(count: Option<&Value>, base: u64) -> Sight {
    let count = count.and_then(Value::as_u64).and_then(|count| count.checked_sub(base));
    count.map_or(Sight::Garbage, Sight::Version)
}

fn with_id<'a>(rows: &'a [Value], id: &str, value: u32) -> Option<&'a Value> {
    rows.iter().find(|row| row[id].as_u64() == Some(u64::from(value)))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn sights(target: &Target, body: &Value) -> Vec<(What, u32, Sight)> {
    let product = target.product;
    let (first, second, third) = (row(product), row(product) + 1, row(product) + 2);
    let results = list(&body["results"]);
    // Where a row that must be there is not, `Value::get` finds nothing, and that is garbage.
    let nothing = Value::Null;
    let find = |rows: &'_ [Value], id: &str, value| with_id(rows, id, value).cloned().unwrap_or(nothing.clone());
    let sights = match target.route {
        Route::List => {
            let products = list(body);
            let slogan = |product| in_text(find(products, "id", product).get("slogan"));
            let busy = BUSY.map(|product| (What::Slogan, product, slogan(product)));
            let fleeting = FLEETING.map(|product| {
                let row = with_id(products, "id", product);
                (What::Fleeting, product, row.map_or(Sight::Absent, |row| in_text(row.get("slogan"))))
            });
            return busy.chain(fleeting).collect();
        }
        Route::Product => vec![
            (What::Slogan, in_text(body.get("slogan"))),
            (What::Feature, in_text(body["features"].get(0).and_then(|feature| feature.get("value")))),
        ],
        Route::Styles => {
            let style = find(results, "style_id", first);
            let sku = match style["skus"][first.to_string()]["quantity"].as_u64() {
                Some(POISON) => Sight::Poison,
                quantity => quantity.map_or(Sight::Garbage, Sight::Version),
            };
            vec![(What::Style, in_text(style.get("name"))), (What::Sku, sku)]
        }
        Route::Related => {
            let ids: Vec<u64> = list(body).iter().filter_map(Value::as_u64).collect();
            let filler = u64::from(FILLER);
            let version = match ids[..] {
                [thousands, ones] if thousands >= filler && ones >= filler + 1000 => {
                    Sight::Version((thousands - filler) * 1000 + ones - filler - 1000)
                }
                _ => Sight::Garbage,
            };
            vec![(What::Related, version)]
        }
        Route::Reviews => {
            let text = find(results, "review_id", first);
            let (body, summary) = (in_text(text.get("body")), in_text(text.get("summary")));
            let photo = in_text(text["photos"].get(0).and_then(|photo| photo.get("url")));
            let blink = with_id(results, "review_id", third);
            vec![
                (What::Review, if body == summary { body } else { Sight::Garbage }),
                (What::ReviewPhoto, photo),
                (What::Blink, blink.map_or(Sight::Absent, |row| in_text(row.get("body")))),
                (What::Votes, above(find(results, "review_id", second).get("helpfulness"), VOTES)),
            ]
        }
        Route::Second => {
            vec![(What::Votes, above(find(results, "review_id", second).get("helpfulness"), VOTES))]
        }
        Route::Newest => vec![(What::Posts, newest(results.iter(), "review_id", "body"))],
        Route::Meta => {
            let characteristic = body["characteristics"].as_object().and_then(|all| all.keys().next().cloned());
            let ratings = body["ratings"]["5"].as_str().map_or(Some(0), |count| count.parse().ok());
            vec![
                (What::Characteristic, in_text(characteristic.map(Value::String).as_ref())),
                (What::Ratings, ratings.map_or(Sight::Garbage, Sight::Version)),
            ]
        }
        Route::Questions => {
            let text = find(results, "question_id", first);
            let answers = &text["answers"];
            let answer = &answers[first.to_string()];
            let all: Vec<&Value> = answers.as_object().into_iter().flat_map(|all| all.values()).collect();
            vec![
                (What::Question, in_text(text.get("question_body"))),
                (What::QuestionVotes, above(find(results, "question_id", second).get("question_helpfulness"), VOTES)),
                (What::QuestionPosts, newest(results.iter(), "question_id", "question_body")),
                (What::Answer, in_text(answer.get("body"))),
                (What::AnswerPhoto, in_text(answer["photos"].get(0))),
                (What::AnswerVotes, above(answers[second.to_string()].get("helpfulness"), VOTES)),
                (What::AnswerPosts, newest(all.into_iter(), "id", "body")),
            ]
        }
        Route::Answers | Route::FirstAnswers => {
            let answer = find(results, "answer_id", first);
            let mut sights = vec![
                (What::Answer, in_text(answer.get("body"))),
                (What::AnswerPhoto, in_text(answer["photos"].get(0).and_then(|photo| photo.get("url")))),
                (What::AnswerVotes, above(find(results, "answer_id", second).get("helpfulness"), VOTES)),
            ];
            if target.route == Route::Answers {
                sights.push((What::AnswerPosts, newest(results.iter(), "answer_id", "body")));
            }
            sights
        }
    };
    sights.into_iter().map(|(what, sight)| (what, product, sight)).collect()
}

/// Every text of a fleeting product's answers shows the version; an answer without text shows that it is gone.
fn fleeting_in(body: &Value, product: u32) -> Sight {
    if let Some(results) = body.as_array() {
        // Related: the second product is the version.
        let version = results.get(1).and_then(Value::as_u64).and_then(|id| id.checked_sub(u64::from(FILLER) + 1000));
        return if results.is_empty() { Sight::Absent } else { version.map_or(Sight::Garbage, Sight::Version) };
    }
    let first = body["results"].get(0);
    let texts = [
        body.get("slogan"),
        body["features"].get(0).and_then(|feature| feature.get("value")),
        first.and_then(|row| row.get("name")),
        first.and_then(|row| row.get("body")),
        first.and_then(|row| row.get("question_body")),
        first.and_then(|row| row["answers"][row_text(product)].get("body")),
    ];
    let characteristic = body["characteristics"].as_object().and_then(|all| all.keys().next().cloned());
    let texts = texts.into_iter().flatten().cloned().chain(characteristic.map(Value::String));
    let mut sights = texts.map(|text| in_text(Some(&text)));
    let Some(sight) = sights.next() else { return Sight::Absent };
    if sights.all(|other| other == sight) { sight } else { Sight::Garbage }
}

fn row_text(product: u32) -> String {
    row(product).to_string()
}

/// What counts begin with, so that the row comes second behind the one with a text.
const VOTES: u64 = 2_000_000;

fn rows_of(product: u32) -> String {
    let (first, second, third) = (row(product), row(product) + 1, row(product) + 2);
    let (fourth, fifth) = (third + 1, third + 2);
    format!(
        "INSERT INTO products (id, name, slogan, description, category, default_price)
         VALUES ({product}, 'Product {product}', 'v=0', 'Versioned', 'Jackets', 100);
         INSERT INTO features (id, product_id, feature, value) VALUES ({product}, {product}, 'Frame', 'v=0');
         INSERT INTO styles (id, product_id, name, original_price, default_style, photo_ids, photo_urls, photo_thumbnails,
                             sku_ids, sku_sizes, sku_quantities)
         VALUES ({first}, {product}, 'v=0', 5400, true, ARRAY[{first}], ARRAY['https://img.example/1'], ARRAY[NULL::text],
                 ARRAY[{first}], ARRAY['M'], ARRAY[0]);
         INSERT INTO reviews (id, product_id, date, helpfulness, rating, recommend, summary, body, reviewer_name, reviewer_email)
         VALUES ({first}, {product}, 1600000000000, 3000000, 2, true, 'v=0', 'v=0', 'mira', 'm@example.com'),
                ({second}, {product}, 1600000000000, {VOTES}, 3, true, '', 'Votes', 'mira', 'm@example.com'),
                ({third}, {product}, 1600000000000, 1000000, 1, false, '', 'v=0', 'mira', 'm@example.com'),
                ({fourth}, {product}, 1600000000000, 10, 1, false, '', 'Plain', 'mira', 'm@example.com'),
                ({fifth}, {product}, 1600000000000, 10, 4, false, '', 'Plain', 'mira', 'm@example.com');
         INSERT INTO reviews_photos (id, review_id, url) VALUES ({first}, {first}, 'https://img.example/v=0.jpg');
         INSERT INTO characteristics (id, product_id, name) VALUES ({product}, {product}, 'v=0');
         INSERT INTO questions (id, product_id, date_written, helpful, body, asker_name, asker_email)
         VALUES ({first}, {product}, 1600000000000, 3000000, 'v=0', 'olu', 'o@example.com'),
                ({second}, {product}, 1600000000000, {VOTES}, 'Votes', 'olu', 'o@example.com');
         INSERT INTO answers (id, question_id, date_written, helpful, body, answerer_name, answerer_email)
         VALUES ({first}, {first}, 1600000000000, 3000000, 'v=0', 'ines', 'i@example.com'),
                ({second}, {first}, 1600000000000, {VOTES}, 'Votes', 'ines', 'i@example.com');
         INSERT INTO answers_photos (id, answer_id, url) VALUES ({first}, {first}, 'https://img.example/v=0.jpg');\n"
    )
}

fn insert_related(product: u32, version: u64) -> String {
    let (thousands, ones) = (u64::from(FILLER) + version / 1000, u64::from(FILLER) + 1000 + version % 1000);
    format!(
        "INSERT INTO related (product_id, related_product_id) VALUES ({product}, {thousands}), ({product}, {ones});"
    )
}

/// One row in every table, all with the same version.
pub(crate) fn fleeting_rows(product: u32, version: u64) -> String {
    let first = row(product);
    let related = u64::from(FILLER) + 1000 + version;
    let related = format!(
        "INSERT INTO related (product_id, related_product_id) SELECT {product}, id FROM products
         WHERE id IN ({FILLER}, {related}) ORDER BY id;"
    );
    format!(
        "INSERT INTO products (id, name, slogan, description, category, default_price)
         VALUES ({product}, 'Fleeting', 'v={version}', '', 'Jackets', 100);
         INSERT INTO features (id, product_id, feature, value) VALUES ({product}, {product}, 'Frame', 'v={version}');
         INSERT INTO styles (id, product_id, name, original_price, default_style)
         VALUES ({first}, {product}, 'v={version}', 5400, true);
         INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
         VALUES ({first}, {product}, 1600000000000, 2, true, '', 'v={version}', 'mira', 'm@example.com');
         INSERT INTO characteristics (id, product_id, name) VALUES ({product}, {product}, 'v={version}');
         INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email)
         VALUES ({first}, {product}, 1600000000000, 'v={version}', 'olu', 'o@example.com');
         INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email)
         VALUES ({first}, {first}, 1600000000000, 'v={version}', 'ines', 'i@example.com');
         {related}\n"
    )
}

/// The statements that give something a version, each with how many rows it must touch; `None` is the poison.
pub(crate) fn statements(what: What, product: u32, version: Option<u64>) -> Vec<(String, Option<u64>)> {
    let text = version.map_or_else(|| "poison".to_owned(), |version| format!("v={version}"));
    let number = version.unwrap_or(POISON);
    let (first, third) = (row(product), row(product) + 2);
    let one = |sql: String| vec![(sql, Some(1))];
    match what {
        What::Slogan => one(format!("UPDATE products SET slogan = '{text}' WHERE id = {product}")),
        What::Feature => one(format!("UPDATE features SET value = '{text}' WHERE product_id = {product}")),
        What::Style => one(format!("UPDATE styles SET name = '{text}' WHERE id = {first}")),
        What::Sku => one(format!("UPDATE skus SET quantity = {number} WHERE id = {first} AND style_id = {first}")),
        What::Related => vec![
            (format!("DELETE FROM related WHERE product_id = {product}"), Some(2)),
            // The poison is that nothing is there.
            (version.map_or_else(String::new, |version| insert_related(product, version)), version.map(|_| 2)),
        ],
        What::Review => one(format!("UPDATE reviews SET body = '{text}', summary = '{text}' WHERE id = {first}")),
        What::ReviewPhoto => {
            one(format!("UPDATE reviews_photos SET url = 'https://img.example/{text}.jpg' WHERE review_id = {first}"))
        }
        What::Blink => vec![
            (format!("DELETE FROM reviews WHERE id = {third}"), None),
            (
                format!(
                    "INSERT INTO reviews (id, product_id, date, helpfulness, rating, recommend, summary, body, reviewer_name,
                                          reviewer_email)
                     VALUES ({third}, {product}, 1600000000000, 1000000, 1, false, '', '{text}', 'mira', 'm@example.com')
                     ON CONFLICT (id) DO UPDATE SET body = excluded.body"
                ),
                Some(1),
            ),
        ],
        What::Characteristic => one(format!("UPDATE characteristics SET name = '{text}' WHERE id = {product}")),
        What::Question => one(format!("UPDATE questions SET body = '{text}' WHERE id = {first}")),
        What::Answer => one(format!("UPDATE answers SET body = '{text}' WHERE id = {first}")),
        What::AnswerPhoto => {
            one(format!("UPDATE answers_photos SET url = 'https://img.example/{text}.jpg' WHERE answer_id = {first}"))
        }
        What::Fleeting => {
            vec![
                (format!("DELETE FROM products WHERE id = {product}"), None),
                (fleeting_rows(product, version.unwrap_or(0)), None),
            ]
        }
        What::Votes
        | What::QuestionVotes
        | What::AnswerVotes
        | What::Posts
        | What::Ratings
        | What::QuestionPosts
        | What::AnswerPosts => unreachable!("{what:?} is written through the API"),
    }
}

/// The statement that deletes what can be deleted.
pub(crate) fn deletion(what: What, product: u32) -> String {
    match what {
        What::Fleeting => format!("DELETE FROM products WHERE id = {product}"),
        _ => format!("DELETE FROM reviews WHERE id = {}", row(product) + 2),
    }
}

/// Statements that would move a row to another parent or change its key, and must be refused.
pub(crate) fn moves(product: u32, to: u32) -> Vec<String> {
    let (first, third, other) = (row(product), row(product) + 2, row(to));
    vec![
        format!("UPDATE reviews SET product_id = {to} WHERE id = {first}"),
        format!("UPDATE reviews SET id = {third} + 5 WHERE id = {first}"),
        format!("UPDATE reviews_photos SET review_id = {other} WHERE review_id = {first}"),
        format!("UPDATE styles SET product_id = {to} WHERE id = {first}"),
        format!("UPDATE skus SET style_id = {other} WHERE id = {first} AND style_id = {first}"),
        format!("UPDATE features SET product_id = {to} WHERE product_id = {product}"),
        format!("UPDATE questions SET product_id = {to} WHERE id = {first}"),
        format!("UPDATE answers SET question_id = {other} WHERE id = {first}"),
        format!("UPDATE answers_photos SET answer_id = {other} WHERE answer_id = {first}"),
        format!("UPDATE characteristics SET product_id = {to} WHERE id = {product}"),
        format!("UPDATE related SET product_id = {to} WHERE product_id = {product}"),
    ]
}
