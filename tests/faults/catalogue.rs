//! The products of the experiments, and what the answers about them are.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use atelier_rig::Client;

/// Products about which every route is asked all the time.
pub(crate) const WARM: RangeInclusive<u64> = 1..=40;
/// Those of them whose slogan is written with SQL. No list that is asked for shows them.
pub(crate) const BUSY: RangeInclusive<u64> = 31..=34;
/// Those of them whose newest review is voted for through the API.
pub(crate) const VOTED: RangeInclusive<u64> = 36..=39;
/// Products of which each is asked for once.
pub(crate) const COLD: RangeInclusive<u64> = 1_000..=41_000;
/// A product that answers only when the table `gate` may be read (see [`SLOW`]).
pub(crate) const SLOW_VIEW: &str = "
    ALTER TABLE products RENAME TO all_products;
    CREATE VIEW products AS SELECT p.* FROM all_products AS p CROSS JOIN LATERAL (SELECT pg_sleep(@)) AS s";

/// The id of the review that is voted for.
pub(crate) const fn voted_review(product: u64) -> u64 {
    product * 5
}

/// The rows.
pub(crate) const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, CASE WHEN n BETWEEN 31 AND 34 THEN 'v=0' ELSE 'Slogan' END, 'Description', 'Jackets', n * 100
    FROM (SELECT generate_series(1, 40) UNION ALL SELECT generate_series(1000, 41000)) AS _ (n);
    INSERT INTO features (id, product_id, feature, value) SELECT n, n, 'Frame', 'Acetate' FROM generate_series(1, 40) AS n;
    INSERT INTO styles (id, product_id, name, original_price, default_style, photo_ids, photo_urls, photo_thumbnails)
    SELECT n, n, 'Slate', 5400, true, ARRAY[n], ARRAY['https://img.example/' || n], ARRAY[NULL::text]
    FROM generate_series(1, 40) AS n;
    INSERT INTO related (id, product_id, related_product_id) SELECT n, n, 41 - n FROM generate_series(1, 40) AS n;
    INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
    SELECT n, (n - 1) / 5 + 1, 1600000000000 + n, n % 5 + 1, n % 3 > 0, '', 'Body ' || n, 'mira', 'm@example.com'
    FROM generate_series(1, 200) AS n;
    INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email)
    SELECT n, n, 1600000000000, 'Is it lined?', 'olu', 'o@example.com' FROM generate_series(1, 40) AS n;
    INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email)
    SELECT n, n, 1600000000000, 'It is.', 'ines', 'i@example.com' FROM generate_series(1, 40) AS n;
    ANALYZE";

/// A key that is asked for all the time, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// As in the request line.
    pub(crate) target: String,
    /// Whose answer; 0 for lists.
    pub(crate) product: u64,
    /// What is right, with votes and versions masked.
    body: Vec<u8>,
}

/// What is right.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    /// All keys about the warm products.
    pub(crate) known: Vec<Known>,
}

impl Catalogue {
    /// As a node says that has the database to itself.
    pub(crate) fn read(node: SocketAddr) -> Self {
        let of_product = |product: u64| {
            [
                format!("/products/{product}"),
                format!("/products/{product}/styles"),
                format!("/products/{product}/related"),
                format!("/reviews?product_id={product}&count=3"),
                format!("/reviews?product_id={product}&sort=newest"),
                format!("/reviews/meta?product_id={product}"),
                format!("/qa/questions?product_id={product}"),
                format!("/qa/questions/{product}/answers"),
            ]
            .map(|target| (product, target))
        };
        let lists = (1..=3).map(|page| (0, format!("/products?page={page}&count=10")));
        let mut client = Client::connect(node);
        let known = WARM.flat_map(of_product).chain(lists).map(|(product, target)| {
            let answer = client.get(&target, &[]);
            assert_eq!(answer.status, 200, "{target}");
            Known { target, product, body: masked(&answer.body).0 }
        });
        Self { known: known.collect() }
    }

    /// Whether a body is that of a known key, and the version it shows if it shows one.
    pub(crate) fn is_right(&self, number: u64, body: &[u8]) -> (bool, Option<u64>) {
        let (masked, version) = masked(body);
        (self.known[usize::try_from(number).unwrap()].body == masked, version)
    }
}

/// The body of a cold product.
pub(crate) fn cold(product: u64) -> String {
    format!(
        r#"{{"id":{product},"name":"Product {product}","slogan":"Slogan","description":"Description","category":"Jackets","default_price":"{product}.00","features":[]}}"#
    )
}

/// A body with a zero for each vote and version, and the version.
fn masked(body: &[u8]) -> (Vec<u8>, Option<u64>) {
    let (mut masked, mut version, mut rest) = (Vec::with_capacity(body.len()), None, body);
    const MARKS: [&[u8]; 2] = [b"\"helpfulness\":", b"\"v="];
    'next: while !rest.is_empty() {
        for mark in MARKS {
            if let Some(behind) = rest.strip_prefix(mark) {
                let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
                if mark == MARKS[1] {
                    version = std::str::from_utf8(&behind[..digits]).ok().and_then(|digits| digits.parse().ok());
                }
                masked.extend_from_slice(mark);
                masked.push(b'0');
                rest = &behind[digits..];
                continue 'next;
            }
        }
        masked.push(rest[0]);
        rest = &rest[1..];
    }
    (masked, version)
}
