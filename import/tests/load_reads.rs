//! Reads that go on during a load: each has the old catalogue or the new one, and none is stopped for long.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use atelier_rig::{Postgres, Scratch, wait_until};
use common::load_well;
use tokio_postgres::{Client, NoTls};

/// The longest a read may be stopped by the exchange of the tables.
const LOCKED_MAX: Duration = Duration::from_millis(100);

const PRODUCTS: u32 = 20_000;

/// A catalogue in which every row of a product bears `edition`.
fn edition(edition: &str) -> Scratch {
    let data = Scratch::new("csv");
    let mut products = "id,name,slogan,description,category,default_price\n".to_owned();
    let mut features = "id,product_id,feature,value\n".to_owned();
    let mut styles = "id,productId,name,sale_price,original_price,default_style\n".to_owned();
    for id in 1..=PRODUCTS {
        writeln!(products, "{id},{edition},s,d,c,1").unwrap();
        writeln!(features, "{id},{id},{edition},v").unwrap();
        writeln!(styles, "{id},{id},{edition},null,1,0").unwrap();
    }
    data.write("product.csv", products);
    data.write("features.csv", features);
    data.write("styles.csv", styles);
    data
}

/// One statement over three tables, as an answer is made of several.
const READ: &str = "SELECT p.name || ' ' || f.feature || ' ' || s.name FROM products AS p JOIN features AS f ON f.product_id = p.id \
                    JOIN styles AS s ON s.product_id = p.id WHERE p.id = $1";

async fn connect(database: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What a reader met.
#[derive(Debug, Default)]
struct Met {
    reads: u64,
    old: u64,
    longest: Duration,
}

/// Reads with one prepared statement until told to stop.
async fn read(client: Client, stop: Arc<AtomicBool>) -> Met {
    let statement = client.prepare(READ).await.unwrap();
    let mut met = Met::default();
    while !stop.load(Ordering::Relaxed) {
        let id = i32::try_from(met.reads * 7919 % u64::from(PRODUCTS)).unwrap() + 1;
        let began = Instant::now();
        let rows = client.query(&statement, &[&id]).await.unwrap();
        met.longest = met.longest.max(began.elapsed());
        assert_eq!(rows.len(), 1, "product {id} is always there");
        match rows[0].get::<_, &str>(0) {
            "old old old" => {
                met.old += 1;
                assert_eq!(met.old, met.reads + 1, "the old catalogue came back");
            }
            "new new new" => {}
            mixed => panic!("an answer of two catalogues: {mixed}"),
        }
        met.reads += 1;
    }
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_have_the_old_catalogue_until_they_have_the_new_one() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(edition("old").path(), &database, &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..2 {
        readers.push(tokio::spawn(read(connect(&database).await, Arc::clone(&stop))));
    }
    let new = edition("new");
    let address = database.clone();
    let loaded = tokio::task::spawn_blocking(move || load_well(new.path(), &address, &["--replace"])).await.unwrap();
    let client = connect(&database).await;
    wait_for(&client, "new new new").await;
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        let met = reader.await.unwrap();
        println!(
            "{} reads during the load, {} of them of the old catalogue, the longest took {:?}",
            met.reads, met.old, met.longest
        );
        assert!(met.old > 0, "the reader began before the exchange");
    }
    let locked = loaded.report["swap"]["locked_ms"].as_f64().unwrap();
    println!("readers were locked out for {locked:.1} ms");
    assert!(locked < LOCKED_MAX.as_secs_f64() * 1e3, "{locked} ms");
}

async fn wait_for(client: &Client, expected: &str) {
    let row = client.query_one(READ, &[&1]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_end_holds_up_the_load_but_not_the_other_readers() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(edition("old").path(), &database, &[]);
    let long = connect(&database).await;
    long.batch_execute("BEGIN; SELECT count(*) FROM products").await.unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn(read(connect(&database).await, Arc::clone(&stop)));
    let new = edition("new");
    let address = database.clone();
    let load = tokio::task::spawn_blocking(move || load_well(new.path(), &address, &["--replace"]));
    // The load asks for its lock, in vain, several times.
    let mut attempts = 0;
    wait_until("the load asks for the lock again and again", Duration::from_secs(30), || {
        let asking = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'";
        attempts += u32::from(postgres.psql("shop", asking) != "0");
        (attempts >= 3).then_some(())
    });
    assert!(!load.is_finished());
    long.batch_execute("COMMIT").await.unwrap();
    let loaded = load.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let met = other.await.unwrap();
    println!("{} reads, the longest took {:?}; {} retries", met.reads, met.longest, loaded.report["swap"]["retries"]);
    assert!(loaded.report["swap"]["retries"].as_u64().unwrap() >= 1);
    // Not for the whole time the other reader stayed: for a few requests for the lock at most, each of 40 ms.
    assert!(met.longest < Duration::from_secs(1), "{:?}", met.longest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_whose_patience_ends_changes_nothing() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(edition("old").path(), &database, &[]);
    let long = connect(&database).await;
    long.batch_execute("BEGIN; SELECT count(*) FROM products").await.unwrap();
    let new = edition("new");
    let address = database.clone();
    let load = move || common::load(new.path(), &address, &["--replace", "--swap-patience", "200ms"]);
    let refused = tokio::task::spawn_blocking(load).await.unwrap();
    assert_eq!(refused.status, 1, "{}", refused.out);
    assert!(refused.out.contains("readers or writers held the tables"), "{}", refused.out);
    wait_for(&long, "old old old").await;
    assert_eq!(common::leftovers(&postgres, "shop"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_told_to_stop_after_the_exchange_says_what_is_served() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(common::set(&[]).path(), &database, &[]);
    let long = connect(&database).await;
    long.batch_execute("BEGIN; SELECT count(*) FROM products").await.unwrap();
    // Reviews are kept, so the load locks them before the exchange and validates their references after it.
    let products = common::only(&["styles.csv"]);
    products.write(
        "product.csv",
        "id,name,slogan,description,category,default_price\n1,new,s,d,c,1\n2,new,s,d,c,1\n3,new,s,d,c,1\n",
    );
    let load = common::start(products.path(), &database, &["--replace"]);
    let granted = "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'ShareRowExclusiveLock' AND relation = 'reviews'::regclass";
    wait_until("the load holds its lock on reviews", Duration::from_secs(20), || {
        (postgres.psql("shop", granted) == "1").then_some(())
    });
    // Stands in the queue for the reviews, and so gets them between the exchange and the validation.
    let between = connect(&database).await;
    let queued = tokio::spawn(async move {
        between.batch_execute("BEGIN; LOCK TABLE reviews IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
        between
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareUpdateExclusiveLock'";
    wait_until("somebody waits for the reviews", Duration::from_secs(20), || {
        (postgres.psql("shop", waiting) != "0").then_some(())
    });
    long.batch_execute("COMMIT").await.unwrap();
    let between = queued.await.unwrap();
    wait_until("the load waits to validate", Duration::from_secs(20), || {
        (postgres.psql("shop", waiting) != "0").then_some(())
    });
    assert_eq!(postgres.psql("shop", "SELECT name FROM products WHERE id = 1"), "new");

    let told = std::process::Command::new("kill").arg("-TERM").arg(load.id().to_string()).status();
    assert!(told.unwrap().success());
    between.batch_execute("COMMIT").await.unwrap();
    let output = load.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(!out.contains("as it was"), "{out}");
    assert_eq!(common::leftovers(&postgres, "shop"), "");
}
