//! What the API says, to the byte: the cases of `tests/contract/*.txt` on the sample catalogue, from every origin and tier.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "contract/check.rs"]
mod check;
#[path = "contract/fixture.rs"]
mod fixture;
#[path = "contract/walk.rs"]
mod walk;

use std::time::Duration;

use atelier_rig::{Node, Postgres, Redis, Scratch, wait_until};

use self::check::{First, Run, assert_same, assert_validators_name_bodies};
use self::fixture::{Case, Expected, Fixture};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The files for a node with no setting of its own.
const PLAIN: [&str; 11] = [
    "products",
    "styles",
    "related",
    "reviews",
    "meta",
    "questions",
    "answers",
    "paging",
    "paths",
    "methods",
    "headers",
];

/// The files for a node with a setting.
const WITH_SETTINGS: [&str; 5] = ["aliases", "extras", "quiet", "rows", "token"];

/// The machine may be busy with other tests: nothing expires while they run, and Redis has time to answer.
const PATIENT: [(&str, &str); 6] = [
    ("ATELIER_ABSENT_TTL", "300s"),
    ("ATELIER_TTL_LIST", "300s"),
    ("ATELIER_REDIS_TIMEOUT", "5s"),
    ("ATELIER_BUDGET", "20s"),
    ("ATELIER_BOUND", "21s"),
    // Every tier is to be seen, also with answers about what there is not.
    ("ATELIER_FILTER", "off"),
];

fn plain_cases() -> Vec<Case> {
    PLAIN.iter().flat_map(|name| Fixture::read(name).cases).collect()
}

fn postgres() -> (Postgres, String) {
    atelier_rig::import::sample(SERVER)
}

fn node(more: &[(&str, &str)]) -> Node {
    let settings: Vec<_> = PATIENT.into_iter().chain(more.iter().copied()).collect();
    Node::start(SERVER, &settings)
}

#[test]
fn every_answer_of_the_sample_in_process_is_as_described() {
    let cases = plain_cases();
    let node = node(&[]);
    let mut run = Run::new(&node, First::Origin, &cases);
    let seen = run.all(&cases);
    run.finish();
    assert_validators_name_bodies(&seen);
}

#[test]
fn every_origin_and_every_tier_give_the_same_bytes_and_say_which_they_are() {
    let cases = plain_cases();
    let memory = node(&[]);
    let mut in_process = Run::new(&memory, First::Origin, &cases);
    let expected = in_process.all(&cases);
    in_process.finish();

    let (_postgres, database) = postgres();
    let redis = Redis::start();
    let settings = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &redis.url())];
    let node_a = node(&settings);
    let mut first_node = Run::new(&node_a, First::Origin, &cases);
    assert_same("PostgreSQL and the in-process origin", &expected, &first_node.all(&cases));
    assert_same("L1 and PostgreSQL", &expected, &first_node.all(&cases));
    first_node.finish();

    // What is stored in Redis is stored behind the answers.
    wait_until("all entries are in Redis", Duration::from_secs(10), || {
        // And the epoch.
        (redis.command("DBSIZE").trim() == format!(":{}", first_node.stored + 1)).then_some(())
    });
    let node_b = node(&settings);
    let mut second_node = Run::new(&node_b, First::L2, &cases);
    assert_same("Redis and PostgreSQL", &expected, &second_node.all(&cases));
    assert_same("L1 and Redis", &expected, &second_node.all(&cases));
    second_node.finish();
}

#[test]
fn optional_settings_do_what_they_say_on_both_origins() {
    let (_postgres, database) = postgres();
    let scratch = Scratch::new("token");
    for name in WITH_SETTINGS {
        let fixture = Fixture::read(name);
        let settings = fixture.settings.iter().map(|(name, value)| match value.strip_prefix("$file:") {
            Some(content) => (name.as_str(), scratch.write("token", content).display().to_string()),
            None => (name.as_str(), value.clone()),
        });
        let settings: Vec<_> = settings.collect();
        let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut seen = Vec::new();
        for on_postgres in [false, true] {
            if on_postgres {
                settings.push(("DATABASE_URL", &database));
            }
            let node = node(&settings);
            let mut run = Run::new(&node, First::Origin, &fixture.cases);
            seen.push(run.all(&fixture.cases));
            run.finish();
        }
        assert_same(&format!("{name}: PostgreSQL and the in-process origin"), &seen[0], &seen[1]);
    }
}

#[test]
fn a_case_that_does_not_hold_is_found() {
    let mut cases = Fixture::read("products").cases;
    cases.truncate(1);
    let node = node(&[]);
    let spoil: [fn(&mut Case); 4] = [
        |case| case.target.push('0'),
        |case| case.expected = Expected::SameAs("/products?count=2".to_owned()),
        |case| match &mut case.expected {
            Expected::Answer { headers, .. } => _ = headers.insert("x-more".to_owned(), "*".to_owned()),
            Expected::SameAs(_) => {}
        },
        |case| match &mut case.expected {
            Expected::Answer { status, .. } => *status = 304,
            Expected::SameAs(_) => {}
        },
    ];
    for (place, spoil) in spoil.into_iter().enumerate() {
        let mut spoilt = cases[0].clone();
        spoil(&mut spoilt);
        if matches!(spoilt.expected, Expected::SameAs(_)) {
            spoilt.target = "/products?count=3".to_owned();
        }
        let mut run = Run::new(&node, First::Origin, &cases);
        run.all(&[spoilt]);
        assert!(!run.problems.is_empty(), "spoilt in way {place}, and nobody noticed");
    }
}
