//! Both origins give the same bytes, for every key of the sample catalogue and of a generated one full of dirt.
//!
//! The in-memory origin is plain filtering and sorting over rows that came through the import's reader; the other is what the
//! import wrote into PostgreSQL, and the statements. Whatever one of them reads, folds, orders or prints differently shows here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use atelier_edge::key::{ID_MAX, Key, OFFSET_END, Page, Resource, Sort};
use atelier_edge::model::Extras;
use atelier_edge::origin::memory::Memory;
use atelier_edge::origin::postgres::{Limits, PollLimits, Postgres, WriteLimits};
use atelier_edge::origin::{Origin, Rules};
use atelier_import::source::Folder;
use atelier_import::{File, Known, Sources, clean};
use atelier_rig::Scratch;
use tokio::sync::Semaphore;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// A small limit, so that lists meet it.
const ROWS_MAX: u32 = 500;

/// How many fetches are on their way at the same time.
const AT_ONCE: usize = 64;

/// The products of the generated catalogue.
const PRODUCTS: u32 = 4000;

/// The ids of products and questions, as they stand in the files, and how many rows there are to page through.
#[derive(Default)]
struct Ids {
    products: Vec<u32>,
    questions: Vec<u32>,
    reviews_of_product: BTreeMap<u32, u32>,
    questions_of_product: BTreeMap<u32, u32>,
    answers_of_question: BTreeMap<u32, u32>,
}

fn ids(sources: &dyn Sources) -> Ids {
    let known = Known::default();
    let mut ids = Ids::default();
    for file in [File::Product, File::Reviews, File::Questions, File::Answers] {
        let source = sources.source(file).unwrap();
        clean(&*source, file, &known, |row| {
            let (id, parent) = (row.values[0].id(), row.values[1].id());
            if file == File::Product {
                ids.products.push(id);
            } else if file == File::Reviews {
                *ids.reviews_of_product.entry(parent).or_default() += 1;
            } else if file == File::Questions {
                ids.questions.push(id);
                *ids.questions_of_product.entry(parent).or_default() += 1;
            } else {
                *ids.answers_of_question.entry(parent).or_default() += 1;
            }
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
    }
    ids
}

fn page(number: u64, count: u64) -> Page {
    Page::new(number, count).unwrap_or_else(|| panic!("page {number} of {count} is no page"))
}

/// Every page of a list, and one further. Reported rows are not shown, so that may be more than one.
fn pages(rows: &BTreeMap<u32, u32>, of: u32, counts: &[u64]) -> Vec<Page> {
    let rows = u64::from(rows.get(&of).copied().unwrap_or(0));
    counts.iter().flat_map(|count| (1..=rows.div_ceil(*count) + 1).map(|number| page(number, *count))).collect()
}

/// Every question that can be asked of this catalogue: each id with each route and order, each list page by page to its end
/// and one further, ids that nobody has, and counts above every limit.
fn keys(ids: &Ids) -> Vec<Key> {
    let mut keys = Vec::new();
    let products = ids.products.len() as u64;
    for count in [1, 5, 30, u64::from(ROWS_MAX), u64::from(ROWS_MAX) + 1, 1_000_000] {
        // One row a page would be all that is tested; a part of the pages is enough for the smallest.
        let last = products.div_ceil(count) + 1;
        let step = if count == 1 { 97 } else { 1 };
        keys.extend((1..=last).step_by(step).chain([last]).map(|number| Key::Products(page(number, count))));
    }
    keys.push(Key::Products(page(OFFSET_END, 1)));
    let strangers = [5000, 999_999, ID_MAX];
    for product in ids.products.iter().copied().chain(strangers) {
        keys.extend([Key::Product(product), Key::Styles(product), Key::Related(product), Key::Meta(product)]);
        for page in pages(&ids.reviews_of_product, product, &[2, 5, 1_000_000]) {
            keys.extend([Sort::Helpful, Sort::Newest].map(|sort| Key::Reviews { product, sort, page }));
        }
        let windows = pages(&ids.questions_of_product, product, &[1, 2, 5, 1_000_000]);
        keys.extend(windows.into_iter().map(|page| Key::Questions { product, page }));
    }
    for question in ids.questions.iter().copied().chain(strangers) {
        let windows = pages(&ids.answers_of_question, question, &[1, 5, 1_000_000]);
        keys.extend(windows.into_iter().map(|page| Key::Answers { question, page }));
    }
    keys
}

/// Asks both origins everything, and says how much that was.
async fn compare(name: &str, sources: &dyn Sources, address: &str, rules: Rules) {
    let memory = Memory::load(sources, rules.clone()).unwrap();
    let postgres = Arc::new(Postgres::start(address.parse().unwrap(), limits(), rules));
    assert!(postgres.wait_until_up(Duration::from_secs(10)).await, "the origin comes up");
    let keys = keys(&ids(sources));
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut fetches = Vec::new();
    for key in keys {
        let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
        let postgres = Arc::clone(&postgres);
        let (expected, _) = memory.fetch(key).await.unwrap();
        fetches.push(tokio::spawn(async move {
            let (found, _) = postgres.fetch(key).await.unwrap_or_else(|error| panic!("{key}: {error}"));
            drop(permit);
            assert_eq!(found, expected, "{key}");
            (key.resource(), expected.empty)
        }));
    }
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for fetch in fetches {
        let (resource, empty) = fetch.await.unwrap();
        let (all, full) = counts.entry(resource.class()).or_default();
        *all += 1;
        *full += u32::from(!empty);
    }
    let all: u32 = counts.values().map(|(all, _)| all).sum();
    println!("{name}: {all} keys compared; by kind, with those that have content: {counts:?}");
    for resource in Resource::ALL {
        assert!(counts[resource.class()].1 > 10, "{} has hardly any content", resource.class());
    }
}

fn rules() -> Rules {
    Rules { rows_max: ROWS_MAX, extras: Extras::default() }
}

fn limits() -> Limits {
    let patience = Duration::from_secs(20);
    let poll = PollLimits { statement: patience, resync: patience, age: patience };
    let write = WriteLimits {
        permits: 1,
        wait: patience,
        budget: patience,
        statement: patience,
        lock: patience,
        age: patience,
    };
    Limits { readers: 2, statement: patience, connect: patience, poll, write }
}

fn load(postgres: &atelier_rig::Postgres, data: &Path, database: &str, status: i32) -> String {
    let address = postgres.create(database);
    let loaded = atelier_rig::import::load(SERVER, data, &address, &[]);
    assert_eq!(loaded.status.code(), Some(status), "{}", String::from_utf8_lossy(&loaded.stdout));
    address
}

#[tokio::test]
async fn both_origins_agree_on_the_sample() {
    let postgres = atelier_rig::Postgres::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("import/sample");
    let address = load(&postgres, &folder, "sample", 0);
    compare("sample", &Folder(folder.clone()), &address, rules()).await;

    // With fixed fields in products, of which only some answers change.
    let extras = Extras { campus: Some("rfp".to_owned()), dates: Some("2021-08-13T14:37:33.145Z".to_owned()) };
    compare("sample with fixed fields", &Folder(folder), &address, Rules { extras, ..rules() }).await;
}

#[tokio::test]
async fn both_origins_agree_on_a_catalogue_full_of_dirt() {
    let postgres = atelier_rig::Postgres::start();
    let data = Scratch::new("dirt");
    let generated = Command::new(atelier_rig::import::program(SERVER))
        .args(["generate", "--dirt", "--seed", "7", "--products", &PRODUCTS.to_string(), "--out"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    // 3: with rejected rows and rows without parent.
    let address = load(&postgres, data.path(), "dirt", 3);
    compare("generated with dirt", &Folder(data.path().to_owned()), &address, rules()).await;
}
