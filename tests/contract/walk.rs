//! What a file of cases cannot say: long lists walked page by page, long texts, limits, and failures.

use std::convert::Infallible;
use std::net::TcpListener;
use std::path::Path;

use atelier_import::source::Folder;
use atelier_import::{File, Known, Sources, clean};
use atelier_rig::{Node, Response};
use serde_json::Value;

use crate::check::decoded;
use crate::fixture;
use crate::{SERVER, node, postgres};

/// A review as it stands in the file.
#[derive(Clone, Debug)]
struct Review {
    id: u32,
    product: u32,
    date: i64,
    body: String,
    reported: bool,
    helpfulness: i64,
}

/// The ids of the products, and the reviews that are shown.
fn sample() -> (Vec<u32>, Vec<Review>) {
    let folder = Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("import/sample"));
    let (mut products, mut reviews) = (Vec::new(), Vec::new());
    let known = Known::default();
    for file in [File::Product, File::Reviews] {
        let source = folder.source(file).unwrap();
        let take = |row: atelier_import::Row<'_>| {
            let of = |name: &str| {
                let place = file.columns().iter().position(|column| column.name == name).unwrap();
                row.values[place]
            };
            if file == File::Product {
                products.push(row.values[0].id());
            } else {
                reviews.push(Review {
                    id: of("id").id(),
                    product: of("product_id").id(),
                    date: of("date").int(),
                    body: of("body").text().unwrap().to_owned(),
                    reported: of("reported").flag(),
                    helpfulness: of("helpfulness").int(),
                });
            }
            Ok::<_, Infallible>(())
        };
        clean(&*source, file, &known, take).unwrap();
    }
    products.sort_unstable();
    reviews.retain(|review| !review.reported);
    (products, reviews)
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&decoded(response)).expect("JSON")
}

fn ids(list: &Value, name: &str) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|row| u32::try_from(row[name].as_u64().unwrap()).unwrap()).collect()
}

/// The ids of product 10's reviews in the order that is described.
fn expected(reviews: &[Review], sort: &str) -> Vec<u32> {
    let mut of_10: Vec<_> = reviews.iter().filter(|review| review.product == 10).collect();
    of_10.sort_by(|a, b| {
        let by_helpfulness =
            if sort == "newest" { std::cmp::Ordering::Equal } else { b.helpfulness.cmp(&a.helpfulness) };
        by_helpfulness.then(b.date.cmp(&a.date)).then(b.id.cmp(&a.id))
    });
    of_10.into_iter().map(|review| review.id).collect()
}

fn walks_are_whole(node: &Node) {
    let (products, reviews) = sample();
    let mut client = node.client();
    for sort in ["newest", "helpful", "relevant"] {
        let expected = expected(&reviews, sort);
        assert_eq!(expected.len(), 1_200);
        let target = format!("/reviews?product_id=10&sort={sort}");
        let whole = json(&client.get(&format!("{target}&count=1000000"), &["Accept-Encoding: gzip"]));
        assert_eq!((&whole["page"], &whole["count"]), (&Value::from(0), &Value::from(1_000_000)));
        assert_eq!(ids(&whole["results"], "review_id"), expected, "{sort}, at once");
        for count in [97, 240] {
            let mut walked = Vec::new();
            for page in 1.. {
                let answer = json(&client.get(&format!("{target}&count={count}&page={page}"), &[]));
                assert_eq!(answer["page"].as_u64(), Some((page - 1) * count));
                let found = ids(&answer["results"], "review_id");
                if found.is_empty() {
                    break;
                }
                walked.extend(found);
            }
            assert_eq!(walked, expected, "{sort}, {count} at a time");
        }
    }
    assert_eq!(ids(&json(&client.get("/products?count=1000000", &[])), "id"), products);
    let mut walked = Vec::new();
    for page in 1.. {
        let found = ids(&json(&client.get(&format!("/products?count=17&page={page}"), &[])), "id");
        if found.is_empty() {
            break;
        }
        walked.extend(found);
    }
    assert_eq!(walked, products);
}

fn long_texts_are_whole(node: &Node) {
    let (_, reviews) = sample();
    let product = json(&node.get("/products/15"));
    assert_eq!(product["description"].as_str().unwrap().chars().count(), 5_000);
    let long = reviews.iter().find(|review| review.body.chars().count() == 20_000).expect("a long review");
    let answer = json(&node.get("/reviews?product_id=15"));
    let shown = answer["results"].as_array().unwrap().iter().find(|row| row["review_id"] == long.id).unwrap();
    assert_eq!(shown["body"].as_str(), Some(long.body.as_str()));
    assert_eq!(shown["photos"][0]["url"].as_str().unwrap().len(), 600);
}

#[test]
fn long_lists_and_long_texts_are_whole_on_both_origins() {
    let memory = node(&[]);
    walks_are_whole(&memory);
    long_texts_are_whole(&memory);
    let (_postgres, database) = postgres();
    let real = node(&[("DATABASE_URL", &database)]);
    walks_are_whole(&real);
    long_texts_are_whole(&real);
    for target in ["/reviews?product_id=10&count=1000000", "/reviews?product_id=15", "/products/15"] {
        assert!(memory.get(target).body == real.get(target).body, "{target} differs");
    }
}

#[test]
fn each_encoding_has_a_validator_of_its_own() {
    let node = node(&[]);
    let mut client = node.client();
    let encodings = ["identity", "gzip", "br"];
    let target = "/reviews?product_id=10&count=50";
    let of = |encoding: &str| format!("Accept-Encoding: {encoding}");
    let answers = encodings.map(|encoding| client.get(target, &[&of(encoding)]));
    for (place, answer) in answers.iter().enumerate() {
        assert_eq!(decoded(answer), answers[0].body);
        for (other, encoding) in encodings.iter().enumerate() {
            let condition = format!("If-None-Match: {}", answer.header("etag").unwrap());
            let expected = if place == other { 304 } else { 200 };
            assert_eq!(client.get(target, &[&of(encoding), &condition]).status, expected, "{place} {other}");
        }
    }
}

fn assert_class(response: &Response, class: &str) {
    let classes = fixture::classes();
    for (name, value) in &classes[class] {
        let found = response.header(name).unwrap_or_else(|| panic!("no {name}"));
        assert!(value == "*" || found == value, "{name}: {found}");
    }
    let more = usize::from(response.header("connection").is_some());
    assert_eq!(response.headers.len(), classes[class].len() + more, "{:?}", response.headers);
}

#[test]
fn without_an_answer_of_the_database_it_is_503_and_says_when_to_come_back() {
    // A port that was free a moment ago, and where nobody answers.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = Node::launch(SERVER, &[("DATABASE_URL", &format!("postgres://nobody@127.0.0.1:{port}/none"))]);
    for target in ["/products", "/products/1", "/reviews?product_id=1", "/qa/questions/2/answers"] {
        let response = node.get(target);
        assert_eq!((response.status, response.text()), (503, "Error: temporarily unavailable"), "{target}");
        assert_class(&response, "unavailable");
        let seconds: u32 = response.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds >= 1);
    }
    // What needs no database is answered all the same.
    assert_eq!(node.get("/products/hello").status, 404);
    assert_eq!(node.get("/reviews").status, 422);
    assert_eq!(node.get("/products/9223372036854775807/styles").status, 200);
    assert_eq!(node.client().request("OPTIONS", "/products", &[], b"").status, 204);
}

#[test]
fn bodies_of_reads_are_dropped_and_large_ones_refused() {
    let node = node(&[]);
    let mut client = node.client();
    let plain = client.get("/products/2", &[]);
    for (method, body) in [("GET", &b"{\"id\":1}"[..]), ("GET", b"GET /products/1 HTTP/1.1\r\n\r\n"), ("OPTIONS", b"x")]
    {
        let response = client.request(method, "/products/2", &[], body);
        assert_eq!(response.status, if method == "GET" { 200 } else { 204 });
        assert_eq!(client.get("/products/2", &[]).body, plain.body, "after {method}");
    }
    let response = client.request("GET", "/products/2", &[&format!("Content-Length: {}", (256 << 10) + 1)], b"");
    assert_eq!((response.status, response.text()), (413, "Error: request body is too large"));
    assert_eq!(response.header("connection"), Some("close"));
    assert_class(&response, "refused");
    assert!(client.is_closed());
}

#[test]
fn a_target_has_2048_bytes_at_most() {
    let node = node(&[]);
    let of_length = |length: usize| format!("{:x<length$}", "/products/2?x=");
    assert_eq!(node.get(&of_length(2048)).status, 200);
    let response = node.get(&of_length(2049));
    assert_eq!((response.status, response.text()), (414, "Error: request target is too long"));
    assert_class(&response, "refused");
}
