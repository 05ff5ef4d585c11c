//! What a load tells the nodes, that the tables it leaves go on telling, and how a database of another version is met.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::{Path, PathBuf};

use atelier_rig::Postgres;
use common::{content, leftovers, load, load_well, miscounted, only, outbox, set, shape};

fn schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.sql")
}

/// A database of an older version with the rows of the good set.
fn of_version(version: u32, postgres: &Postgres, database: &str) -> String {
    let address = postgres.create(database);
    let schema = format!("tests/fixtures/schema_{version}.sql");
    postgres.psql_file(database, &Path::new(env!("CARGO_MANIFEST_DIR")).join(schema));
    let loaded = postgres.create("loaded");
    load_well(set(&[]).path(), &loaded, &[]);
    for table in postgres.psql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").lines() {
        // Rows go over as text; references are looked at when all are there.
        let rows = postgres.psql("loaded", &format!("SELECT quote_literal(t::text) FROM {table} AS t"));
        for row in rows.lines() {
            let insert = format!("INSERT INTO {table} SELECT ({row}::{table}).*");
            postgres.psql(database, &format!("SET session_replication_role = replica; {insert}"));
        }
    }
    postgres.psql("postgres", "DROP DATABASE loaded");
    // From version 2 on these rows are noted, in whatever role they come.
    if version > 1 {
        postgres.psql(database, "DELETE FROM edge.outbox");
    }
    assert_eq!(postgres.psql(database, "SELECT version FROM edge.schema_version"), version.to_string());
    address
}

/// One change of each table, and what it must say.
const CHANGES: [(&str, &str); 11] = [
    ("UPDATE products SET name = 'x' WHERE id = 1", "product:1|1\nlist:*|1"),
    ("UPDATE features SET value = 'x' WHERE id = 1", "product:1|1"),
    ("UPDATE photos SET url = 'x' WHERE style_id = 3", "styles:2|1"),
    ("UPDATE related SET related_product_id = 1 WHERE id = 4", "related:2|1"),
    ("UPDATE reviews SET helpfulness = 9 WHERE id = 4", "reviews:2|1"),
    ("UPDATE reviews_photos SET url = 'x' WHERE id = 8", "reviews:1|1"),
    ("UPDATE characteristics SET name = 'x' WHERE id = 3", "meta:2|1"),
    ("UPDATE characteristic_reviews SET value = 2 WHERE id = 2", "meta:1|1"),
    ("UPDATE questions SET helpful = 9 WHERE id = 1", "questions:1|1"),
    ("UPDATE answers SET helpful = 9 WHERE id = 3", "answers:1|1\nquestions:1|1"),
    ("UPDATE answers_photos SET url = 'x' WHERE id = 1", "answers:1|1\nquestions:1|1"),
];

/// Deep pages rest on the counts, before and after a product comes and one goes.
fn products_are_counted(postgres: &Postgres, session: &mut atelier_rig::Session) {
    const COUNTED: &str = "SELECT level, sum(n) FROM edge.product_counts GROUP BY level ORDER BY level";
    assert_eq!(miscounted(postgres, "shop"), "");
    let believed = "SELECT count(*) FROM edge.counted JOIN edge.epoch USING (gen)";
    assert_eq!(postgres.psql("shop", believed), "1");
    let all = |change: i64| {
        let count: i64 = postgres.psql("shop", "SELECT count(*) FROM products").parse().unwrap();
        assert!(count > 0);
        let count = count + change;
        format!("1|{count}\n2|{count}\n3|{count}")
    };
    let more = "INSERT INTO products (id, name, slogan, description, category, default_price) VALUES (70000, '', '', '', '', 1)";
    assert_eq!(session.run(&format!("BEGIN; {more}; {COUNTED}; ROLLBACK")), all(1));
    assert_eq!(session.run(&format!("BEGIN; DELETE FROM products WHERE id = 1; {COUNTED}; ROLLBACK")), all(-1));
}

/// Makes every change in a session that stays, and undoes it.
fn every_change_is_noted(session: &mut atelier_rig::Session) {
    for (change, tags) in CHANGES {
        let noted = "SELECT tag, kind FROM edge.outbox WHERE xid = pg_current_xact_id() ORDER BY id";
        assert_eq!(session.run(&format!("BEGIN; {change}; {noted}; ROLLBACK")), tags, "{change}");
    }
}

#[test]
fn a_load_is_one_soft_note_and_its_tables_note_their_changes() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    assert_eq!(outbox(&postgres, "shop"), "*|0", "not one note for the rows, which came before the triggers");
    // A session that stays has its plans made for the tables that are replaced below it.
    let mut session = postgres.session("shop");
    every_change_is_noted(&mut session);
    products_are_counted(&postgres, &mut session);

    // What was noted of reviews that are replaced is of no use any more.
    let steps = "SELECT * FROM edge.review_steps; SELECT * FROM edge.review_moves";
    postgres.psql("shop", "INSERT INTO edge.review_steps VALUES (1, 0, 1, 1, 1, 0, true); INSERT INTO edge.review_moves VALUES (1, 1, 1, 1, 1)");
    assert_eq!(postgres.psql("shop", steps).lines().count(), 2);
    load_well(set(&[]).path(), &database, &["--replace"]);
    assert_eq!(postgres.psql("shop", steps), "");
    assert_eq!(outbox(&postgres, "shop"), "*|0\n*|0");
    every_change_is_noted(&mut session);
    products_are_counted(&postgres, &mut session);
    every_change_is_noted(&mut postgres.session("shop"));

    // Reviews and questions are kept, and those of a product that is gone are removed.
    let products = only(&["styles.csv"]);
    products.write("product.csv", "id,name,slogan,description,category,default_price\n1,a,b,c,d,1\n3,a,b,c,d,1\n");
    let loaded = load(products.path(), &database, &["--replace"]);
    assert_eq!(loaded.status, 3, "{}", loaded.out);
    assert_eq!(loaded.report["removed"]["reviews"], 1);
    products_are_counted(&postgres, &mut session);
    assert_eq!(outbox(&postgres, "shop"), "*|0\n*|0\n*|0", "the rows that are removed say nothing besides");
    assert_eq!(postgres.psql("shop", "SELECT count(DISTINCT xid) FROM edge.outbox"), "3");
    for (change, tags) in [CHANGES[0], CHANGES[5], CHANGES[7], CHANGES[10]] {
        let noted = "SELECT tag, kind FROM edge.outbox WHERE xid = pg_current_xact_id() ORDER BY id";
        assert_eq!(session.run(&format!("BEGIN; {change}; {noted}; ROLLBACK")), tags, "{change}");
    }

    // A load that is refused says nothing.
    assert_eq!(load(set(&[]).path(), &database, &[]).status, 1);
    assert_eq!(load(set(&[("styles.csv", "id\n")]).path(), &database, &["--replace"]).status, 1);
    assert_eq!(outbox(&postgres, "shop"), "*|0\n*|0\n*|0");
}

#[test]
fn carts_and_interactions_are_left_alone() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    postgres.psql(
        "shop",
        "INSERT INTO carts VALUES (2, 9, '\\x00'); \
         INSERT INTO interactions (received_at, element, widget, time) VALUES (1, 'a', 'b', 'c')",
    );
    let rows =
        "SELECT * FROM carts; SELECT * FROM interactions; SELECT 'carts'::regclass::oid, 'interactions'::regclass::oid";
    let before = postgres.psql("shop", rows);
    load_well(set(&[]).path(), &database, &["--replace"]);
    assert_eq!(postgres.psql("shop", rows), before);
    assert_eq!(outbox(&postgres, "shop"), "*|0\n*|0", "nothing that is cached depends on them");
}

#[test]
fn a_schema_of_version_1_is_brought_to_this_version_by_its_file() {
    its_file_brings_it_to_this_version(1);
}

#[test]
fn a_schema_of_version_2_is_brought_to_this_version_by_its_file() {
    its_file_brings_it_to_this_version(2);
}

fn its_file_brings_it_to_this_version(version: u32) {
    let postgres = Postgres::start();
    let _ = of_version(version, &postgres, "shop");
    let before = content(&postgres, "shop");
    postgres.psql_file("shop", &schema());
    postgres.create("plain");
    postgres.psql_file("plain", &schema());
    assert_eq!(shape(&postgres, "shop"), shape(&postgres, "plain"));
    assert_eq!(content(&postgres, "shop"), before);
    assert_eq!(outbox(&postgres, "shop"), "");
    every_change_is_noted(&mut postgres.session("shop"));
    products_are_counted(&postgres, &mut postgres.session("shop"));
    // Again, it changes nothing.
    postgres.psql("shop", "UPDATE edge.epoch SET gen = 7; INSERT INTO edge.incarnation DEFAULT VALUES");
    let kept = "SELECT gen FROM edge.epoch; SELECT id FROM edge.incarnation";
    let kept_before = postgres.psql("shop", kept);
    postgres.psql_file("shop", &schema());
    assert_eq!(shape(&postgres, "shop"), shape(&postgres, "plain"));
    assert_eq!(postgres.psql("shop", kept), kept_before);
    products_are_counted(&postgres, &mut postgres.session("shop"));
}

fn a_load_brings_it_to_this_version(version: u32) {
    let postgres = Postgres::start();
    let database = of_version(version, &postgres, "shop");
    let before = (content(&postgres, "shop"), postgres.psql("shop", "SELECT count(*) FROM pg_proc"));
    let refused = load(set(&[]).path(), &database, &[]);
    assert_eq!(refused.status, 1);
    assert!(refused.out.contains("--replace") && refused.report["schema"].is_null(), "{}", refused.out);
    assert_eq!((content(&postgres, "shop"), postgres.psql("shop", "SELECT count(*) FROM pg_proc")), before);
    assert_eq!(postgres.psql("shop", "SELECT version FROM edge.schema_version"), version.to_string());

    // The questions are kept, so their tables get triggers where they are.
    let some = set(&[("questions.csv", ""), ("answers.csv", ""), ("answers_photos.csv", "")]);
    let loaded = load_well(some.path(), &database, &["--replace"]);
    let said = format!("the schema was brought from version {version} to 3");
    assert!(loaded.out.contains(&said) && loaded.err.contains(&said), "{}{}", loaded.out, loaded.err);
    assert_eq!(loaded.report["schema"], serde_json::json!({ "from": version, "to": 3 }));
    postgres.create("plain");
    postgres.psql_file("plain", &schema());
    assert_eq!(shape(&postgres, "shop"), shape(&postgres, "plain"));
    assert_eq!(outbox(&postgres, "shop"), "*|0");
    every_change_is_noted(&mut postgres.session("shop"));
    products_are_counted(&postgres, &mut postgres.session("shop"));
    assert!(load_well(some.path(), &database, &["--replace"]).report["schema"].is_null());
}

#[test]
fn a_schema_of_version_1_is_brought_to_this_version_by_a_load_that_is_not_refused() {
    a_load_brings_it_to_this_version(1);
}

#[test]
fn a_schema_of_version_2_is_brought_to_this_version_by_a_load_that_is_not_refused() {
    a_load_brings_it_to_this_version(2);
}

#[test]
fn a_schema_of_a_later_version_is_left_as_it_is() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    // What a later version may have done differently.
    postgres.psql(
        "shop",
        "UPDATE edge.schema_version SET version = 4; DROP TABLE carts; DROP TRIGGER edge_update ON reviews; \
         CREATE OR REPLACE FUNCTION edge.emit(class text, ids bigint[]) RETURNS void LANGUAGE sql AS ''",
    );
    let before = (shape(&postgres, "shop"), content(&postgres, "shop"));
    let refused = load(set(&[]).path(), &database, &["--replace"]);
    assert_eq!(refused.status, 1);
    assert!(refused.out.contains("has version 4, this program works with 3"), "{}", refused.out);
    assert_eq!((shape(&postgres, "shop"), content(&postgres, "shop")), before);
    assert_eq!(leftovers(&postgres, "shop"), "");

    // Psql goes on after an error unless it is told not to: the rest of the file must not be done either.
    let file = schema();
    let mut psql = std::process::Command::new("psql");
    let output = psql.args(["-Xq", "-d", &database, "-f"]).arg(file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("has version 4, this file is version 3"), "{errors}");
    assert_eq!((shape(&postgres, "shop"), content(&postgres, "shop")), before);
}

#[test]
fn a_catalogue_lives_in_the_first_schema_of_the_search_path_and_is_the_only_one() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    // What the public schema holds is not the catalogue, whatever it is called.
    postgres.psql(
        "shop",
        "CREATE SCHEMA \"My shop\"; CREATE TABLE public.reviews (id int, product_id int); \
         INSERT INTO public.reviews VALUES (1, 77); ALTER DATABASE shop SET search_path = \"My shop\", public",
    );
    load_well(set(&[]).path(), &database, &[]);
    load_well(set(&[]).path(), &database, &["--replace"]);
    every_change_is_noted(&mut postgres.session("shop"));
    // Whoever writes need not have the same path.
    let elsewhere = "SET search_path = public; BEGIN; UPDATE \"My shop\".reviews_photos SET url = 'y' WHERE id = 8; \
                     SELECT tag FROM edge.outbox WHERE xid = pg_current_xact_id(); ROLLBACK";
    assert_eq!(postgres.psql("shop", elsewhere), "reviews:1");

    postgres.psql("shop", "DROP TABLE public.reviews; ALTER DATABASE shop SET search_path = public");
    let before = postgres.psql(
        "shop",
        "SELECT oid::regprocedure, proconfig FROM pg_proc WHERE pronamespace = 'edge'::regnamespace ORDER BY 1",
    );
    let refused = load(set(&[]).path(), &database, &[]);
    assert_eq!(refused.status, 1);
    assert!(refused.out.contains("this database has a catalogue already"), "{}", refused.out);
    assert_eq!(
        postgres.psql(
            "shop",
            "SELECT oid::regprocedure, proconfig FROM pg_proc WHERE pronamespace = 'edge'::regnamespace ORDER BY 1"
        ),
        before
    );
    assert_eq!(leftovers(&postgres, "shop"), "");
}
