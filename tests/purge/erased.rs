//! What is erased is served nowhere again, also not in an outage or out of a backup.

use atelier_rig::{Node, wait_until};
use serde_json::json;

use crate::shop::{HIT, PATIENCE, SERVER, Shop, after, order, proof};

/// Whether it is served with the label of an outage.
fn in_outage(node: &Node, target: &str) -> Option<bool> {
    let response = node.get(target);
    let status = response.header("cache-status").unwrap_or_default();
    match (response.status, status) {
        (200, status) if status.ends_with("detail=stale-origin") => Some(true),
        (503, _) => Some(false),
        // Proved for a moment longer.
        (200, HIT) => None,
        other => panic!("{target}: {other:?}"),
    }
}

#[test]
fn what_is_erased_is_never_served_again_and_is_gone_from_redis() {
    let mut shop = Shop::open(&[]);
    let (erased, hard, other) = ("/reviews?product_id=7", "/reviews?product_id=8", "/reviews?product_id=70");
    shop.hold(&[erased, hard, other]);
    // Whoever restores a backup of Redis brings it back.
    let name = shop.stored("*:reviews/7/*");
    shop.stored("*:reviews/8/*");
    let kept = shop.stored("*:reviews/70/*");
    assert_eq!(shop.redis.command(&format!("COPY {name} backup")), ":1\r\n");

    let (ord, said) = shop.purged(&["--tag", "reviews:7", "--erase", "--reason", "a name in it"]);
    assert_eq!(said, ["erase reviews:7"]);
    shop.purged(&["--tag", "reviews:8"]);
    wait_until("it is gone from Redis", PATIENCE, || shop.keys("*:reviews/7/*").is_empty().then_some(()));
    assert_eq!(shop.keys("*:reviews/70/*"), [kept], "what only begins the same is left");
    for node in &shop.nodes {
        wait_until("the node has applied it", PATIENCE, || {
            (proof(node, "reviews/8/helpful/1x5") == "outdated").then_some(())
        });
        assert_eq!(proof(node, "reviews/7/helpful/1x5"), "outdated");
    }
    let name_of_epoch = name.split(":reviews").next().unwrap().to_owned();
    let note = shop.redis.command(&format!("HGET {name_of_epoch}:erased reviews:7"));
    assert!(note.starts_with('$') && !note.starts_with("$-1"), "{note}");
    let expiry = shop.redis.command(&format!("PTTL {name_of_epoch}:erased"));
    let expiry: i64 = expiry.trim().trim_start_matches(':').parse().unwrap();
    assert!(expiry > 3_600_000, "the note ends before what it is about: {expiry}");

    shop.postgres.stop();
    assert_eq!(shop.redis.command(&format!("COPY backup {name} REPLACE")), ":1\r\n");
    // This one has known neither the entry nor the purge.
    let late = Node::launch(SERVER, &shop.settings());
    wait_until("it takes what Redis knows", PATIENCE, || (late.admin_get("/readyz").status == 200).then_some(()));
    for node in shop.nodes.iter().chain([&late]) {
        let served = wait_until("nothing can be proved", PATIENCE, || in_outage(node, other));
        assert!(served, "what was not purged is served in an outage");
        assert_eq!(in_outage(node, erased), Some(false));
        // What was purged without erasing is good enough for an outage.
        assert_eq!(in_outage(node, hard), Some(true));
    }
    shop.postgres.start_again();
    wait_until("the database is back", PATIENCE, || (shop.nodes[0].get(erased).status == 200).then_some(()));
    // The polls have a connection of their own, which may come back a little later.
    wait_until("the node has polled again", PATIENCE, || {
        (shop.nodes[0].client().get(erased, &[&format!("Atelier-Min-Ord: {ord}")]).status == 200).then_some(())
    });
    assert_eq!(shop.audit(), "2|mira (command line)|{reviews:7}|a name in it\n1|mira (command line)|{reviews:8}|");
}

#[test]
fn an_erased_answer_does_not_come_back_with_another_epoch() {
    let mut shop = Shop::open(&[]);
    shop.hold(&["/products/7", "/products/8"]);
    shop.stored("*:product/7");
    shop.stored("*:product/8");
    // The epoch first: what is held is of the one before.
    let (ord, _) = shop.purged(&["--new-epoch"]);
    for node in &shop.nodes {
        assert_eq!(after(node, &ord, "/products/9").0, 200);
    }
    assert_eq!(shop.keys("*:product/7").len(), 1, "under the name of the epoch before");
    let answer = order(&shop.nodes[0], &json!({"keys": ["product/7"], "kind": "erase"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    wait_until("it is gone from Redis", PATIENCE, || shop.keys("*:product/7").is_empty().then_some(()));
    assert_eq!(shop.keys("*:product/8").len(), 1);
    shop.postgres.stop();
    let node = &shop.nodes[0];
    wait_until("nothing can be proved", PATIENCE, || in_outage(node, "/products/9"));
    assert_eq!((in_outage(node, "/products/8"), in_outage(node, "/products/7")), (Some(true), Some(false)));
}
