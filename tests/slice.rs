//! One thin slice through everything: one CSV file, one table, `/products/:id` from every tier and both origins.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use atelier_rig::{Node, Postgres, Redis, Scratch};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

const CSV: &str = "id,name,slogan,description,category,default_price\n\
    1,\"Harbor Rain Shell\",\"Dry at the dock\",\"A light shell with taped seams.\",\"Jackets\",128\n";

const BODY: &str = r#"{"id":1,"name":"Harbor Rain Shell","slogan":"Dry at the dock","description":"A light shell with taped seams.","category":"Jackets","default_price":"128.00","features":[]}"#;

#[test]
fn a_product_goes_from_a_csv_file_through_every_tier_to_the_socket() {
    let (postgres, redis, data) = (Postgres::start(), Redis::start(), Scratch::new("csv"));
    let database = postgres.create("shop");
    data.write("product.csv", CSV);
    let loaded = atelier_rig::import::load(SERVER, data.path(), &database, &[]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));

    let settings = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &redis.url())];
    let first = Node::start(SERVER, &settings);
    let answer = |node: &Node, status: &str| {
        let response = node.get("/products/1");
        assert_eq!((response.status, response.text()), (200, BODY));
        assert_eq!(response.header("cache-status"), Some(status));
    };
    answer(&first, "atelier-edge; fwd=uri-miss; stored");
    answer(&first, "atelier-edge; hit; detail=l1");
    atelier_rig::wait_until("the entry is in Redis, beside the epoch", std::time::Duration::from_secs(5), || {
        redis.command("DBSIZE").starts_with(":2\r").then_some(())
    });
    let second = Node::start(SERVER, &settings);
    answer(&second, "atelier-edge; hit; detail=l2");
    answer(&second, "atelier-edge; hit; detail=l1");

    let memory = Node::start(SERVER, &[]);
    // The sample has the same product, with features.
    assert_eq!(memory.get("/products?count=1").text(), format!("[{}]", BODY.replace(",\"features\":[]", "")));
    assert_eq!(memory.get("/products/2147483647").status, 404);
}
