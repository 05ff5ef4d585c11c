//! Purges by operators, from the command line and through the admin listener: what two nodes beside a real PostgreSQL and a
//! real Redis answer afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "purge/erased.rs"]
mod erased;
#[path = "purge/refusals.rs"]
mod refusals;
#[path = "purge/shop.rs"]
mod shop;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use atelier_rig::{Node, Response, wait_until};
use serde_json::{Value, json};

use crate::shop::{AGAIN, FROM_REDIS, HIT, PATIENCE, Shop, TOKEN, after, order, proof, status, text};

#[test]
fn a_purge_by_tag_or_key_has_every_node_ask_again_and_touches_nothing_else() {
    let shop = Shop::open(&[]);
    let pages = ["/reviews?product_id=7", "/reviews?product_id=7&sort=newest&count=3"];
    let others = ["/products/7", "/products/8", "/reviews?product_id=8", "/products?count=3"];
    shop.hold(&[&pages[..], &others].concat());
    let (reviews, products) = (shop.fetches("reviews"), shop.fetches("products"));

    let (ord, said) = shop.purged(&["--tag", "reviews:7", "product:80", "--tag", "reviews:7", "--reason", "a typo"]);
    assert_eq!(said, ["hard reviews:7", "hard product:80"]);
    for (node, expected) in shop.nodes.iter().zip([AGAIN, FROM_REDIS]) {
        for target in pages {
            assert_eq!(after(node, &ord, target), (200, expected.to_owned()), "{target}");
            // The next node finds in Redis what this one has brought.
            wait_until("Redis has it", PATIENCE, || (shop.keys("*:reviews/7/*").len() == 2).then_some(()));
        }
        for target in others {
            assert_eq!(after(node, &ord, target), (200, HIT.to_owned()), "{target}");
        }
    }
    assert_eq!((shop.fetches("reviews"), shop.fetches("products")), (reviews + 2, products));

    // A key stands for all that depends on the same.
    let (ord, said) = shop.purged(&["--key", "reviews/8/helpful/1x5"]);
    assert_eq!(said, ["hard reviews:8"]);
    assert_eq!(after(&shop.nodes[1], &ord, "/reviews?product_id=8"), (200, AGAIN.to_owned()));
    assert_eq!(after(&shop.nodes[1], &ord, pages[0]), (200, HIT.to_owned()));
    // And without a token, every node is there within the bound.
    let (_, said) = shop.purged(&["--tag", "list:*"]);
    assert_eq!(said, ["hard list:*"]);
    wait_until("the list is asked for again", Duration::from_secs(2), || {
        (status(&shop.nodes[0].get(others[3])).1 == AGAIN).then_some(())
    });
    let audit = "1|mira (command line)|{reviews:7,product:80}|a typo\n1|mira (command line)|{reviews:8}|\n1|mira (command line)|{list:*}|";
    assert_eq!(shop.audit(), audit);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(shop.postgres.psql("shop", "SELECT DISTINCT peer FROM edge.audit"), host.trim());
}

#[test]
fn a_purge_of_all_and_a_new_epoch_leave_nothing_to_answer_from() {
    let shop = Shop::open(&[]);
    let targets = ["/products/7", "/reviews?product_id=7", "/products?count=3"];
    shop.hold(&targets);
    let (first, said) = shop.purged(&["--all"]);
    assert_eq!(said, ["hard *"]);
    for target in targets {
        assert_eq!(after(&shop.nodes[0], &first, target), (200, AGAIN.to_owned()), "{target}");
    }

    shop.hold(&targets);
    let before = shop.stored("*:product/7");
    let (second, said) = shop.purged(&["--new-epoch", "--reason", "a table was swapped in"]);
    assert_eq!(said, ["new epoch"]);
    let epoch = |ord: &str| ord.split_once('.').unwrap().0.to_owned();
    assert_ne!(epoch(&first), epoch(&second));
    for target in targets {
        assert_eq!(after(&shop.nodes[0], &second, target), (200, AGAIN.to_owned()), "{target}");
    }
    wait_until("Redis has it under another name", PATIENCE, || (shop.keys("*:product/7").len() == 2).then_some(()));
    assert_eq!(after(&shop.nodes[1], &second, targets[0]), (200, FROM_REDIS.to_owned()));
    assert!(shop.keys("*:product/7").contains(&before));

    // The row that counts epochs is gone: another epoch begins all the same.
    shop.postgres.psql("shop", "DELETE FROM edge.epoch");
    let (third, _) = shop.purged(&["--new-epoch"]);
    let (fourth, _) = shop.purged(&["--new-epoch"]);
    assert_eq!(std::collections::BTreeSet::from([&first, &second, &third, &fourth].map(|ord| epoch(ord))).len(), 4);
    assert_eq!(after(&shop.nodes[1], &fourth, targets[0]), (200, AGAIN.to_owned()));
    let audit = "1|mira (command line)|{*}|\n-|mira (command line)|{}|a table was swapped in\n-|mira (command line)|{}|\n-|mira (command line)|{}|";
    assert_eq!(shop.audit(), audit);
}

#[test]
fn a_soft_purge_serves_what_is_held_with_the_label_until_it_is_refreshed_few_at_a_time() {
    const KEYS: u64 = 30;
    // A refresh may wait for as long as this test likes.
    let patient = [("ATELIER_STATEMENT", "40s"), ("ATELIER_BUDGET", "50s"), ("ATELIER_BOUND", "51s")];
    let shop = Shop::open(&[&patient[..], &[("ATELIER_DB_READERS", "5")]].concat());
    let targets: Vec<_> = (1..=KEYS).map(|id| format!("/products/{id}")).collect();
    shop.hold(&targets.iter().map(String::as_str).collect::<Vec<_>>());
    wait_until("Redis has all", PATIENCE, || (shop.keys("*:product/*").len() as u64 == KEYS).then_some(()));
    for node in &shop.nodes {
        wait_until("all connections are up", PATIENCE, || {
            (node.log().matches("\"connected to the database\"").count() == 5).then_some(())
        });
    }
    let before = shop.fetches("products");
    let mut lock = shop.postgres.session("shop");
    lock.run("BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE");
    let (_, said) = shop.purged(&["--all", "--soft"]);
    assert_eq!(said, ["soft *"]);
    // Not with the purge's own token: who brings that wants what is behind it.
    for node in &shop.nodes {
        wait_until("the purge has come", PATIENCE, || (proof(node, "product/7") == "softened").then_some(()));
    }

    let blocked = || -> usize {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atelier-edge' AND wait_event_type = 'Lock'";
        shop.postgres.psql("shop", count).parse().unwrap()
    };
    let stale = |node: &Node, target: &str| {
        let response = node.get(target);
        let said = response.header("cache-status").unwrap();
        assert_eq!(response.status, 200, "{target}");
        assert!(said.starts_with("atelier-edge; hit; ttl=-") && said.ends_with("; detail=stale-purge"), "{said}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
    };
    for _ in 0..3 {
        for (node, target) in shop.nodes.iter().flat_map(|node| targets.iter().map(move |target| (node, target))) {
            stale(node, target);
        }
        // ATELIER_REFRESH_CONCURRENCY is 2 by default, on each of two nodes.
        assert!(blocked() <= 4);
    }
    wait_until("refreshes are under way", PATIENCE, || (blocked() == 4).then_some(()));
    // Others have nothing to fall back on, and wait.
    assert_eq!(proof(&shop.nodes[0], "product/7"), "softened");
    lock.run("COMMIT");

    for (node, target) in shop.nodes.iter().flat_map(|node| targets.iter().map(move |target| (node, target))) {
        wait_until("it is refreshed", PATIENCE, || (status(&node.get(target)).1 == HIT).then_some(()));
    }
    let fetched = shop.fetches("products") - before;
    assert!((KEYS..=KEYS * 2).contains(&fetched), "{fetched} fetches for {KEYS} keys on two nodes");
    // Nothing more to come.
    for target in &targets {
        assert_eq!(status(&shop.nodes[0].get(target)).1, HIT);
    }
    assert_eq!(shop.fetches("products") - before, fetched);
    assert_eq!(shop.audit(), "0|mira (command line)|{*}|");
}

#[test]
fn a_soft_purge_ends_with_its_grace() {
    let shop = Shop::open(&[("ATELIER_GRACE", "1s")]);
    shop.hold(&["/products/7", "/products/8"]);
    let answer = order(&shop.nodes[0], &json!({"tags": ["product:7"], "kind": "soft"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(proof(&shop.nodes[0], "product/7"), "softened");
    wait_until("the grace is over", PATIENCE, || (proof(&shop.nodes[0], "product/7") == "outdated").then_some(()));
    assert_eq!(status(&shop.nodes[0].get("/products/7")), (200, AGAIN.to_owned()));
    assert_eq!(status(&shop.nodes[0].get("/products/8")), (200, HIT.to_owned()));
}

#[test]
fn a_purge_through_a_node_is_seen_there_at_once_and_elsewhere_with_its_place_in_the_history() {
    let shop = Shop::open(&[]);
    let targets = ["/products/7", "/reviews?product_id=7"];
    shop.hold(&targets);
    let json_of = |response: &Response| -> Value {
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json; charset=utf-8")));
        serde_json::from_str(response.text()).unwrap()
    };
    let answer = json_of(&order(&shop.nodes[0], &json!({"tags": ["reviews:7"], "reason": "a typo"})));
    let ord = answer["ord"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({"ord": ord, "kind": "hard", "tags": ["reviews:7"]}));
    assert_eq!(status(&shop.nodes[0].get(targets[1])), (200, AGAIN.to_owned()));
    assert_ne!(after(&shop.nodes[1], &ord, targets[1]).1, HIT);
    assert_eq!(status(&shop.nodes[0].get(targets[0])), (200, HIT.to_owned()));

    let answer = json_of(&order(&shop.nodes[1], &json!({"keys": ["product/7"], "kind": "erase"})));
    assert_eq!((&answer["kind"], &answer["tags"]), (&json!("erase"), &json!(["product:7"])));
    assert_eq!(status(&shop.nodes[1].get(targets[0])), (200, AGAIN.to_owned()));

    let answer = json_of(&order(&shop.nodes[0], &json!({"all": true, "kind": "soft"})));
    assert_eq!(answer["tags"], json!(["*"]));
    assert!(status(&shop.nodes[0].get(targets[1])).1.ends_with("detail=stale-purge"));

    let before = ord.split_once('.').unwrap().0.to_owned();
    let answer = json_of(&order(&shop.nodes[0], &json!({"new_epoch": true})));
    let ord = answer["ord"].as_str().unwrap();
    assert_eq!(answer, json!({"ord": ord, "new_epoch": true}));
    assert_ne!(ord.split_once('.').unwrap().0, before);
    for node in &shop.nodes {
        assert_ne!(after(node, ord, targets[0]).1, HIT);
    }
    let audit = "1|admin listener|{reviews:7}|a typo\n2|admin listener|{product:7}|\n0|admin listener|{*}|\n-|admin listener|{}|";
    assert_eq!(shop.audit(), audit);
    let peers = shop.postgres.psql("shop", "SELECT bool_and(peer ~ '^127\\.0\\.0\\.1:[0-9]+$') FROM edge.audit");
    assert_eq!(peers, "t");
}

#[test]
fn the_commands_of_the_page_do_what_they_say() {
    let shop = Shop::open(&[]);
    shop.hold(&["/products/7"]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = page.split_once("\n## Purge\n").unwrap().1.split_once("\n## ").unwrap().0;
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let mut orders = 0;
    for line in blocks.flat_map(str::lines) {
        let line = line.replace("$TOKEN", TOKEN).replace("127.0.0.1:9090", &shop.nodes[0].admin.to_string());
        let words = atelier_rig::words(&line);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..2] {
            ["atelier-edge", "purge"] => drop(shop.purged(&words[2..])),
            ["curl", _] => {
                if line.contains("/entry") {
                    assert_eq!(shop.nodes[0].get("/products/7").status, 200);
                }
                let output =
                    Command::new("curl").args(["--fail", "--max-time", "10"]).args(&words[1..]).output().unwrap();
                let said = text(&output.stdout);
                assert!(output.status.success(), "{line}: {}", text(&output.stderr));
                serde_json::from_str::<Value>(&said).unwrap();
            }
            _ => panic!("{line}"),
        }
        orders += usize::from(!line.contains("/entry"));
    }
    assert_eq!((orders, shop.audit().lines().count()), (10, 10));
}
