//! A node compares one hit in so many with what the database says: it finds wrong answers within a minute when there are any (the bugs
//! are those of `src/red.rs`), and raises no false alarm, whatever is written meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Node, Postgres, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How soon a wrong answer has to be found (C12 of the plan of experiments).
const SOON: Duration = Duration::from_secs(60);

const PRODUCTS: u32 = 20;

const ROWS: &str = "
    INSERT INTO products (id, name, slogan, description, category, default_price)
    SELECT n, 'Product ' || n, '', 'Description', 'Jackets', n * 100 FROM generate_series(1, 20) AS n;";

fn compared(node: &Node, result: &str) -> u64 {
    node.counted(&format!("atelier_shadow_total{{result=\"{result}\"}}"))
}

/// Four clients ask for every product, and all of them are changed ten times a second, until `over` says something.
fn under_load<T>(postgres: &Postgres, node: &Node, what: &str, over: impl FnMut() -> Option<T>) -> T {
    let (ends, hits) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut shop = postgres.session("shop");
            for version in 0_u64.. {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                shop.run(&format!("UPDATE products SET slogan = 'Version {version}'"));
                thread::sleep(Duration::from_millis(100));
            }
        });
        for first in 0..4 {
            let (ends, hits) = (&ends, &hits);
            scope.spawn(move || {
                let mut client = node.client();
                for turn in first.. {
                    if ends.load(Ordering::Relaxed) {
                        return;
                    }
                    let answer = client.get(&format!("/products/{}", turn % PRODUCTS + 1), &[]);
                    assert_eq!(answer.status, 200);
                    hits.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = End(&ends);
        wait_until(what, SOON, over)
    })
}

fn node(postgres: &Postgres, bug: &str, one_of: &str) -> Node {
    let url = postgres.create("shop");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    postgres.psql("shop", ROWS);
    if bug == "20" {
        postgres.psql("shop", "ALTER TABLE products DISABLE TRIGGER ALL");
    }
    Node::start(SERVER, &[("DATABASE_URL", &url), ("ATELIER_SHADOW", one_of), ("RED", bug)])
}

fn finds(bug: &str) {
    let postgres = Postgres::start();
    let node = node(&postgres, bug, "10000");
    let begun = Instant::now();
    under_load(&postgres, &node, "a wrong answer is found", || (compared(&node, "wrong") > 0).then_some(()));
    let took = begun.elapsed();
    let is_it = |line: &&str| line.contains("was answered as proved and is not what the origin says");
    let line = wait_until("it is logged", SOON, || node.log().lines().find(is_it).map(str::to_owned));
    assert!(line.contains("\"level\":\"ERROR\"") && line.contains("product/"), "{line}");
    eprintln!("R{bug}: found after {took:.1?}");
}

#[test]
fn answers_that_miss_a_change_are_found_within_a_minute() {
    finds("1");
}

#[test]
fn young_answers_that_miss_a_change_are_found_within_a_minute() {
    finds("12");
}

#[test]
fn a_trigger_that_is_missing_is_found_within_a_minute() {
    finds("20");
}

#[test]
fn a_wrong_answer_that_is_found_is_replaced_by_the_right_one() {
    let postgres = Postgres::start();
    let node = node(&postgres, "20", "10");
    let mut client = node.client();
    let mut slogan = || {
        let answer = client.get("/products/7", &[]);
        assert_eq!(answer.status, 200);
        let is_hit = answer.header("cache-status").unwrap().contains("hit; detail=l1");
        (is_hit, answer.text().contains("\"slogan\":\"New\""))
    };
    assert_eq!(slogan(), (false, false));
    assert_eq!(slogan(), (true, false));
    postgres.psql("shop", "UPDATE products SET slogan = 'New' WHERE id = 7");
    // The ttl, five minutes, would be the next to bring it.
    wait_until("hits are right again", SOON, || (slogan() == (true, true)).then_some(()));
    assert_eq!(compared(&node, "wrong"), 1);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong_although_all_is_changed_all_the_time() {
    let postgres = Postgres::start();
    let node = node(&postgres, "", "10");
    let (equal, changed) = under_load(&postgres, &node, "hits are compared", || {
        let (equal, changed) = (compared(&node, "equal"), compared(&node, "changed"));
        (equal > 500 && changed > 20).then_some((equal, changed))
    });
    eprintln!("{equal} equal, {changed} changed meanwhile");
    assert_eq!((compared(&node, "wrong"), node.log().contains("answered as proved")), (0, false));
}
