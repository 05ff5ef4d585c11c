//! What is left of a load that does not come to its end: the old catalogue, and nothing that the next load would mind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::fmt::Write;
use std::process::{Child, Command};
use std::time::Duration;

use atelier_rig::{Postgres, Scratch, wait_until};
use common::{Held, content, leftovers, load, load_well, set};

const FEATURES: &str = "id,product_id,feature,value\n1,1,a,b\n";

/// A load that is in the middle of features.csv, while other files are done.
struct InTheMiddle {
    _data: Scratch,
    features: Held,
    import: Child,
    before: String,
}

fn in_the_middle(postgres: &Postgres, database: &str) -> InTheMiddle {
    load_well(set(&[]).path(), database, &[]);
    let before = content(postgres, "shop");
    let data = set(&[("features.csv", "")]);
    let mut features = Held::new(&data, "features.csv");
    let import = common::start(data.path(), database, &["--replace"]);
    features.begin(FEATURES, postgres, "shop");
    wait_until("the last files are loaded", Duration::from_secs(20), || {
        postgres.psql("shop", "SELECT to_regclass('atelier_load.answers_photos') IS NOT NULL").eq("t").then_some(())
    });
    InTheMiddle { _data: data, features, import, before }
}

impl InTheMiddle {
    /// How the import ended and what it said.
    fn ended(self) -> (Option<i32>, String) {
        // Drop the end of the pipe only afterwards: the import must end by itself.
        let output = self.import.wait_with_output().unwrap();
        drop(self.features);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
}

/// The next load finds nothing in its way.
fn next_load_works(postgres: &Postgres, database: &str) {
    let new = set(&[(
        "product.csv",
        "id,name,slogan,description,category,default_price\n1,\"Next\",\"\",\"\",\"\",1\n2,a,b,c,d,1\n3,a,b,c,d,1\n",
    )]);
    load_well(new.path(), database, &["--replace"]);
    assert_eq!(postgres.psql("shop", "SELECT name FROM products WHERE id = 1"), "Next");
    assert_eq!(leftovers(postgres, "shop"), "");
    assert_eq!(
        postgres.psql("shop", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'atelier%'"),
        "0"
    );
}

#[test]
fn a_killed_load_changes_nothing_and_the_next_clears_up() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let mut middle = in_the_middle(&postgres, &database);
    middle.import.kill().unwrap();
    middle.import.wait().unwrap();
    assert_eq!(content(&postgres, "shop"), middle.before);
    assert_ne!(leftovers(&postgres, "shop"), "", "a killed process clears nothing up");
    next_load_works(&postgres, &database);
}

#[test]
fn a_load_that_is_told_to_stop_clears_up_itself() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    for name in ["-TERM", "-INT"] {
        postgres.psql("shop", "DROP SCHEMA IF EXISTS edge CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        let middle = in_the_middle(&postgres, &database);
        let before = middle.before.clone();
        signal(&middle.import, name);
        let (status, out) = middle.ended();
        assert_eq!(status, Some(1), "{out}");
        assert!(
            out.contains(&format!("error: SIG{} ended the import; the catalogue is as it was", &name[1..])),
            "{out}"
        );
        assert_eq!(content(&postgres, "shop"), before);
        assert_eq!(leftovers(&postgres, "shop"), "");
    }
}

#[test]
fn a_second_load_at_the_same_time_is_refused() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let mut middle = in_the_middle(&postgres, &database);
    let second = load(set(&[]).path(), &database, &["--replace"]);
    assert_eq!(second.status, 1);
    assert!(second.out.contains("another import is at work in this database"), "{}", second.out);
    // The first is not disturbed.
    middle.features.more("2,2,c,d\n");
    middle.features.end();
    let (status, out) = middle.ended();
    assert_eq!(status, Some(0), "{out}");
    assert_eq!(postgres.psql("shop", "SELECT count(*) FROM features"), "2");
}

#[test]
fn a_database_that_goes_away_is_named_as_the_cause() {
    let mut postgres = Postgres::start();
    let database = postgres.create("shop");

    // One connection is ended by an administrator.
    let mut middle = in_the_middle(&postgres, &database);
    let before = middle.before.clone();
    postgres.psql(
        "shop",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'atelier-import worker'",
    );
    // The reader notices when it writes.
    middle.features.end();
    let (status, out) = middle.ended();
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("the connection to the database was lost"), "{out}");
    assert_eq!(content(&postgres, "shop"), before);
    assert_eq!(leftovers(&postgres, "shop"), "");

    // The whole server is gone, and comes back later.
    postgres.psql("shop", "DROP SCHEMA edge CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let mut middle = in_the_middle(&postgres, &database);
    let before = middle.before.clone();
    postgres.stop();
    middle.features.end();
    let (status, out) = middle.ended();
    assert_eq!(status, Some(1), "{out}");
    // Whoever asks for a connection at that moment gets none.
    let causes = ["the connection to the database was lost", "cannot connect to the database"];
    assert!(causes.iter().any(|cause| out.contains(cause)), "{out}");
    postgres.start_again();
    assert_eq!(content(&postgres, "shop"), before);
    next_load_works(&postgres, &database);
}

/// Many rows of features and skus.
fn big(rows: u32) -> Scratch {
    let (mut features, mut skus) =
        ("id,product_id,feature,value\n".to_owned(), "id,styleId,size,quantity\n".to_owned());
    for row in 1..=rows {
        writeln!(features, "{row},1,\"a feature of some length, so that the disk is full soon\",\"value\"").unwrap();
        writeln!(skus, "{row},{},\"a size of some length, so that the disk is full soon\",4", row % 3 + 1).unwrap();
    }
    set(&[("features.csv", &features), ("skus.csv", &skus)])
}

#[test]
fn a_full_disk_of_the_database_is_named_and_changes_nothing() {
    let postgres = match Postgres::start_with_small_disk(24) {
        Ok(postgres) => postgres,
        Err(why) => return println!("skipped: no small disk can be mounted here: {why}"),
    };
    let disk = postgres.small_disk();
    postgres.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", disk.display()));
    let database = postgres.create("shop");
    postgres.psql("postgres", "ALTER DATABASE shop SET default_tablespace = small");
    load_well(set(&[]).path(), &database, &[]);
    let before = content(&postgres, "shop");
    let refused = load(big(300_000).path(), &database, &["--replace"]);
    assert_eq!(refused.status, 1, "{}", refused.out);
    assert!(refused.out.contains("No space left on device"), "{}", refused.out);
    assert!(refused.out.contains("table "), "the table is named: {}", refused.out);
    assert_eq!(content(&postgres, "shop"), before);
    assert_eq!(leftovers(&postgres, "shop"), "");
    // The space is free again.
    next_load_works(&postgres, &database);
}

#[test]
fn a_full_disk_of_the_import_is_named_and_changes_nothing() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    let before = content(&postgres, "shop");
    let scratch = Scratch::new("small");
    let data = big(600_000);
    let inner = common::command(data.path(), &database, &["--replace"]);
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-c",
        "mount -t tmpfs -o size=1m none \"$TMPDIR\" || exit 77; exec \"$@\"",
        "small",
    ]);
    command.arg(inner.get_program()).args(inner.get_args()).env("TMPDIR", scratch.path());
    let output = command.output().unwrap();
    if output.status.code() == Some(77) || output.status.code() == Some(1) && output.stdout.is_empty() {
        return println!("skipped: no small disk can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
    }
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("a scratch file in") && out.contains("No space left on device"), "{out}");
    assert_eq!(content(&postgres, "shop"), before);
    assert_eq!(leftovers(&postgres, "shop"), "");
}

#[test]
fn a_million_rows_need_less_than_256_mebibytes() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let data = Scratch::new("csv");
    let (mut products, mut styles, mut photos) = (
        "id,name,slogan,description,category,default_price\n".to_owned(),
        "id,productId,name,sale_price,original_price,default_style\n".to_owned(),
        "id,styleId,url,thumbnail_url\n".to_owned(),
    );
    // Together more than the import may have.
    let padding = "of-some-length".repeat(20);
    for id in 1..=1_000_000_u32 {
        writeln!(
            products,
            "{id},\"Name of {id}\",\"A slogan\",\"A description of some length that nobody reads\",\"Coats\",140"
        )
        .unwrap();
        // Far from sorted, so that the scratch files are read in earnest.
        let photo = (id - 1) * 7 % 1_000_000 + 1;
        writeln!(photos, "{photo},{},\"https://img.example/{photo}?{padding}\",null", photo % 200_000 + 1).unwrap();
    }
    for id in 1..=200_000 {
        writeln!(styles, "{id},{},\"Style\",null,140,0", id * 5).unwrap();
    }
    data.write("product.csv", products);
    data.write("styles.csv", styles);
    data.write("photos.csv", photos);

    // A limit that the kernel holds: private writable memory, which includes stacks and everything that was allocated.
    let inner = common::command(data.path(), &database, &[]);
    let mut command = Command::new("prlimit");
    command.arg(format!("--data={}", 256 << 20)).arg("--").arg(inner.get_program()).args(inner.get_args());
    let output = command.output().expect("prlimit is part of util-linux");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        postgres.psql(
            "shop",
            "SELECT count(*), sum(cardinality(photo_ids)), bool_and(edge.is_ascending(photo_ids)) FROM styles"
        ),
        "200000|1000000|t"
    );
    assert_eq!(postgres.psql("shop", "SELECT count(*) FROM products"), "1000000");
}
