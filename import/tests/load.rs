//! What a load leaves in the database and says of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;

use atelier_rig::Postgres;
use common::{GOOD, content, leftovers, load, load_well, only, set, shape};
use serde_json::json;

#[test]
fn every_file_ends_up_in_its_table_as_the_contract_needs_it() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let data = set(&[]);
    let loaded = load_well(data.path(), &database, &[]);

    let rows = |sql: &str| postgres.psql("shop", sql);
    assert_eq!(
        rows("SELECT id, name, slogan, description, category, default_price FROM products ORDER BY id"),
        "1|Coat|Warm|Wool, lined|Coats|14000\n2|Hat|Flat|Felt|Hats|4050\n3|Sock||null|Socks|0"
    );
    assert_eq!(
        rows("SELECT product_id, id, feature, value IS NULL FROM features ORDER BY 1, 2"),
        "1|1|Fabric|f\n1|2|Lining|t\n2|3|Brim|t"
    );
    assert_eq!(
        rows(
            "SELECT id, product_id, name, sale_price, original_price, default_style, photo_ids, photo_urls, photo_thumbnails, \
              sku_ids, sku_sizes, sku_quantities FROM styles ORDER BY product_id, id"
        ),
        "1|1|Blue|9999|14000|t|{2,5}|{https://img.example/2,https://img.example/5}|{NULL,https://img.example/t/5}|{1,9,10}|{NULL,M,M}|{0,3,NULL}\n\
         2|1|Red|0|14000|f|{}|{}|{}|{4}|{\"One Size\"}|{12}\n\
         3|2|Grey||4050|t|{7}|{NULL}|{https://img.example/t/7}|{}|{}|{}"
    );
    assert_eq!(
        rows("SELECT product_id, id, related_product_id FROM related ORDER BY 1, 2"),
        "1|1|2\n1|2|3\n1|3|2\n2|4|2"
    );
    assert_eq!(
        rows(
            "SELECT id, product_id, rating, date, summary, body, recommend, reported, reviewer_name, reviewer_email, response, \
              helpfulness FROM reviews ORDER BY id"
        ),
        "1|1|5|1596080481467|Good|Very|t|f|mira|mira@example.com||3\n4|2|1|1515024000000||Too flat|f|t|olu|olu@example.com|Sorry|0"
    );
    assert_eq!(
        rows("SELECT review_id, id, url FROM reviews_photos ORDER BY 1, 2"),
        "1|7|https://img.example/r/7\n1|8|https://img.example/r/8"
    );
    assert_eq!(rows("SELECT id, product_id, name FROM characteristics ORDER BY id"), "1|1|Fit\n2|1|Length\n3|2|Fit");
    assert_eq!(
        rows("SELECT id, characteristic_id, review_id, value FROM characteristic_reviews ORDER BY id"),
        "1|1|1|4\n2|2|1|5\n3|3|4|1"
    );
    assert_eq!(
        rows("SELECT id, product_id, body, date_written, asker_name, reported, helpful FROM questions ORDER BY id"),
        "1|1|Lined?|1600000000042|ines|f|2\n6|2|Felt?|1622535300042|olu|t|0"
    );
    assert_eq!(
        rows("SELECT id, question_id, body, date_written, answerer_email, reported, helpful FROM answers ORDER BY id"),
        "2|6|Yes, \"real\" felt|1|null|f|0\n3|1|Yes|0|seller@example.com|f|1"
    );
    assert_eq!(rows("SELECT id, answer_id, url FROM answers_photos"), "1|3|https://img.example/a/1");
    assert_eq!(
        rows("SELECT id, style_id, url FROM photos ORDER BY id"),
        "2|1|https://img.example/2\n5|1|https://img.example/5\n7|3|"
    );
    assert_eq!(
        rows("SELECT id, style_id, size, quantity FROM skus ORDER BY id"),
        "1|1||0\n4|2|One Size|12\n9|1|M|3\n10|1|M|"
    );

    assert_eq!(loaded.report["status"], 0);
    assert_eq!(loaded.report["before"], json!({}));
    assert_eq!(loaded.file("cart.csv")["dropped"], 1);
    assert_eq!(loaded.file("reviews.csv")["nulls"], json!({ "response": 1 }));
    assert_eq!(loaded.file("product.csv")["notes"], json!({ "null as text": 1 }));
    assert_eq!(loaded.file("photos.csv")["highest_id"], 7);
    // E-mail addresses are nobody's business, in the report least of all.
    assert!(!format!("{}{}{}", loaded.out, loaded.err, loaded.report).contains('@'), "{}", loaded.report);
    assert!(loaded.out.contains("features.csv               read 3  loaded 3  repaired 0"), "{}", loaded.out);
    assert_eq!(leftovers(&postgres, "shop"), "");
}

#[test]
fn what_is_in_the_database_can_be_relied_on() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);

    // The tables are the ones a fresh run of the schema makes.
    let plain = postgres.create("plain");
    postgres.psql_file("plain", &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.sql"));
    assert_eq!(shape(&postgres, "shop"), shape(&postgres, "plain"));
    drop(plain);

    // Rows are frozen and the statistics are there, so the first reader has no work for VACUUM or bad plans.
    assert_eq!(
        postgres.psql(
            "shop",
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
        AND relname NOT IN ('carts', 'interactions') AND (relallvisible < relpages OR reltuples < 1)"
        ),
        ""
    );

    // The sequences go on after the highest id.
    let next = |table: &str| postgres.psql("shop", &format!("SELECT nextval(pg_get_serial_sequence('{table}', 'id'))"));
    for (table, expected) in [
        ("reviews", "5"),
        ("reviews_photos", "9"),
        ("characteristic_reviews", "4"),
        ("questions", "7"),
        ("answers", "4"),
        ("answers_photos", "2"),
        ("products", "4"),
        ("styles", "4"),
    ] {
        assert_eq!(next(table), expected, "{table}");
    }
    assert_eq!(postgres.psql("shop", "SELECT nextval('photo_ids'), nextval('sku_ids')"), "8|11");
}

#[test]
fn sequences_of_empty_tables_begin_at_1() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let loaded = load_well(only(&["product.csv"]).path(), &database, &[]);
    assert_eq!(loaded.report["absent"], json!(["features.csv", "styles.csv", "photos.csv", "skus.csv", "related.csv"]));
    assert!(loaded.out.contains("features.csv               not there: features without its rows"), "{}", loaded.out);
    for table in ["features", "styles", "reviews", "questions", "answers_photos"] {
        let next = format!("SELECT nextval(pg_get_serial_sequence('{table}', 'id'))");
        assert_eq!(postgres.psql("shop", &next), "1", "{table}");
    }
    assert_eq!(postgres.psql("shop", "SELECT nextval('photo_ids'), nextval('sku_ids')"), "1|1");
}

#[test]
fn a_catalogue_that_holds_rows_is_replaced_only_on_request() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    let before = content(&postgres, "shop");

    let second = set(&[(
        "product.csv",
        "id,name,slogan,description,category,default_price\n1,\"New\",\"\",\"\",\"\",1\n2,\"n\",\"\",\"\",\"\",1\n3,\"n\",\"\",\"\",\"\",1\n",
    )]);
    let refused = load(second.path(), &database, &[]);
    assert_eq!(refused.status, 1);
    for found in ["products 3", "photos 3", "skus 4", "reviews 2", "answers_photos 1", "--replace"] {
        assert!(refused.out.contains(found), "{found}: {}", refused.out);
    }
    assert_eq!(content(&postgres, "shop"), before);

    let replaced = load_well(second.path(), &database, &["--replace"]);
    assert_eq!(replaced.report["before"]["products"], 3);
    assert_eq!(replaced.report["before"]["skus"], 4);
    assert!(replaced.out.contains("rows before: products 3 features 3"), "{}", replaced.out);
    assert_eq!(postgres.psql("shop", "SELECT name FROM products WHERE id = 1"), "New");
    let children = |content: &str| content.split_once("features\n").map(|(_, rest)| rest.to_owned());
    assert_eq!(children(&content(&postgres, "shop")), children(&before), "only products.csv is another");
}

#[test]
fn a_group_without_files_keeps_its_rows_but_for_those_whose_product_is_gone() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    // A reader's question: kept, since no file of its group is given.
    postgres.psql("shop", "INSERT INTO questions (product_id, body, date_written, asker_name, asker_email) VALUES (1, 'New?', 1, 'a', 'b')");

    let products = only(&["styles.csv"]);
    products.write("product.csv", "id,name,slogan,description,category,default_price\n1,\"Coat\",\"\",\"\",\"\",1\n");
    let loaded = load(products.path(), &database, &["--replace"]);
    assert_eq!(loaded.status, 3, "the style of product 2 has no parent: {}", loaded.out);
    assert_eq!(loaded.file("styles.csv")["orphan"], 1);
    assert_eq!(
        loaded.file("styles.csv")["reasons"],
        json!([{ "outcome": "orphan", "reason": "productId", "count": 1, "lines": [{ "line": 2 }] }])
    );

    let rows = |sql: &str| postgres.psql("shop", sql);
    assert_eq!(rows("SELECT id FROM reviews"), "1");
    assert_eq!(rows("SELECT id FROM characteristics ORDER BY 1"), "1\n2");
    assert_eq!(rows("SELECT id FROM characteristic_reviews ORDER BY 1"), "1\n2");
    assert_eq!(rows("SELECT id, body FROM questions ORDER BY 1"), "1|Lined?\n7|New?");
    assert_eq!(rows("SELECT id FROM answers"), "3");
    assert_eq!(rows("SELECT count(*) FROM features"), "0", "the file was absent in a group that was loaded");
    assert_eq!(
        loaded.report["removed"],
        json!({ "answers": 1, "characteristic_reviews": 1, "characteristics": 1, "questions": 1, "reviews": 1 })
    );
    assert!(loaded.out.contains("removed with products that are gone: characteristic_reviews 1"), "{}", loaded.out);
    assert!(loaded.out.contains("so they keep their rows: reviews, reviews_photos"), "{}", loaded.out);
    // The references from what was kept to what was replaced hold, also for what is written now.
    assert_eq!(
        rows(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated AND connamespace = 'public'::regnamespace"
        ),
        "12"
    );
    let refused =
        postgres.try_psql("shop", "INSERT INTO characteristics (product_id, name) VALUES (2, 'Fit')").unwrap_err();
    assert!(refused.contains("characteristics_product"), "{refused}");
    assert_eq!(
        rows(
            "INSERT INTO questions (product_id, body, date_written, asker_name, asker_email) VALUES (1, '', 1, '', '') RETURNING id"
        ),
        "8"
    );
    assert_eq!(leftovers(&postgres, "shop"), "");
}

#[test]
fn owners_and_privileges_outlive_the_tables() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    postgres.psql(
        "shop",
        "CREATE ROLE keeper; CREATE ROLE \"web reader\" LOGIN; ALTER TABLE reviews OWNER TO keeper; ALTER VIEW photos OWNER TO keeper; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"web reader\"; GRANT INSERT (summary, body), UPDATE ON reviews TO \"web reader\"; \
         GRANT USAGE ON SEQUENCE reviews_id_seq TO PUBLIC; GRANT DELETE ON features TO keeper WITH GRANT OPTION",
    );
    let privileges = "SELECT relname, relowner::regrole, relacl FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S') \
                      AND relname <> 'photo_ids' ORDER BY 1; \
                      SELECT attrelid::regclass, attname, attacl FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid > 16384 ORDER BY 1, 2";
    let before = postgres.psql("shop", privileges);
    assert!(before.contains("web reader") && before.contains("keeper"), "{before}");
    load_well(set(&[]).path(), &database, &["--replace"]);
    let sorted = |text: &str| {
        // The entries of a list of privileges stand in the order in which they were granted, which means nothing.
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut entries: Vec<&str> = line.split(['{', ',', '}']).collect();
                entries.sort_unstable();
                entries.join(" ")
            })
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&postgres.psql("shop", privileges)), sorted(&before));
}

#[test]
fn faults_of_the_set_are_all_named_before_anything_is_changed() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    let before = content(&postgres, "shop");
    let refuse = |data: &std::path::Path, expected: &[&str]| {
        let refused = load(data, &database, &["--replace"]);
        assert_eq!(refused.status, 1, "{expected:?}: {}", refused.out);
        assert_eq!(refused.report["status"], 1);
        for part in expected {
            assert!(refused.out.contains(part), "{part}: {}", refused.out);
            assert!(refused.report["error"].as_str().unwrap().contains(part), "{}", refused.report);
        }
        assert_eq!(content(&postgres, "shop"), before);
        assert_eq!(leftovers(&postgres, "shop"), "");
    };
    refuse(
        set(&[
            ("features.csv", "id,product_id,feature\n1,1,x\n"),
            ("skus.csv", "id,styleId,size,quantity,quantity,color\n"),
            ("related.csv", "\n"),
        ])
        .path(),
        &[
            "features.csv:1: the column \"value\" is missing",
            "skus.csv:1: the column name \"quantity\" is repeated",
            "\"color\" is unknown",
            "related.csv:1: the file is empty",
        ],
    );
    refuse(set(&[("product.csv", "")]).path(), &["product.csv is not there"]);
    refuse(
        set(&[("styles.csv", ""), ("reviews.csv", "")]).path(),
        &["photos.csv: needs styles.csv", "skus.csv: needs styles.csv", "reviews_photos.csv: needs reviews.csv"],
    );
    refuse(std::path::Path::new("/nonexistent/folder"), &["/nonexistent/folder is not a folder"]);
    refuse(
        set(&[("reviews.csv", "id,product_id,rating,date,summary,body,recommend,reported,reviewer_name,reviewer_email,response,helpfulness\n\
            1,1,5,0,\"a\nb\",\"c\",true,false,a,b,,0\n2,1,5,0,\"never closed,c,true,false,a,b,,0\n")]).path(),
        &["reviews.csv: line 4: open quote"],
    );
    let folder = set(&[("skus.csv", "")]);
    std::fs::create_dir(folder.path().join("skus.csv")).unwrap();
    refuse(folder.path(), &["skus.csv"]);
    let folder = set(&[]);
    std::fs::set_permissions(folder.path().join("skus.csv"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(folder.path().join("skus.csv")).is_ok() {
        println!("skipped: to root every file is readable");
    } else {
        refuse(folder.path(), &["skus.csv: cannot be opened", "Permission denied"]);
    }
}

#[test]
fn the_wrong_file_is_an_error_and_a_few_bad_rows_are_not() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let bad = |bad: usize, good: usize| {
        let mut text = "id,product_id,feature,value\n".to_owned();
        for row in 0..bad + good {
            text.push_str(&format!("{},{},f,v\n", row + 1, if row < bad { 77 } else { 1 }));
        }
        set(&[("features.csv", &text)])
    };
    let refused = load(bad(1000, 8000).path(), &database, &[]);
    assert_eq!(refused.status, 1, "{}", refused.out);
    assert!(
        refused.out.contains("features.csv: 1000 of 9000 rows are rejected or without parent: this is the wrong file"),
        "{}",
        refused.out
    );
    assert_eq!(postgres.psql("shop", "SELECT count(*) FROM products"), "0");

    // One row less than a thousand, or no more than a tenth.
    let few = load(bad(999, 100).path(), &database, &[]);
    assert_eq!((few.status, few.report["status"].as_i64()), (3, Some(3)), "{}", few.out);
    assert_eq!(load(bad(1000, 9000).path(), &database, &["--replace"]).status, 3);
    assert_eq!(
        load(bad(2, 2).path(), &database, &["--replace", "--reject-least", "2", "--reject-share", "49"]).status,
        1
    );
    assert_eq!(
        load(bad(2, 2).path(), &database, &["--replace", "--reject-least", "2", "--reject-share", "50"]).status,
        3
    );
    assert_eq!(postgres.psql("shop", "SELECT count(*) FROM features"), "2");
}

#[test]
fn a_database_that_does_not_fit_is_refused() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    load_well(set(&[]).path(), &database, &[]);
    let refuse = |expected: &str| {
        let refused = load(set(&[]).path(), &database, &["--replace"]);
        assert_eq!(refused.status, 1, "{}", refused.out);
        assert!(refused.out.contains(expected), "{expected}: {}", refused.out);
        assert_eq!(postgres.psql("shop", "SELECT count(*) FROM products"), "3");
    };
    postgres.psql("shop", "CREATE VIEW cheap AS SELECT * FROM products WHERE default_price < 100");
    refuse("cheap on products");
    postgres
        .psql("shop", "DROP VIEW cheap; CREATE TABLE wishes (product integer CONSTRAINT wished REFERENCES products)");
    refuse("foreign key wished of wishes on products");
    postgres.psql("shop", "DROP TABLE wishes; UPDATE edge.schema_version SET version = 99");
    refuse("has version 99, this program works with 3");

    let refused = load(set(&[]).path(), "postgres://postgres:secret@127.0.0.1:1/shop", &[]);
    assert_eq!(refused.status, 1);
    let said = "--database-url has a password";
    assert!(refused.out.contains(said) && !refused.out.contains("secret"), "{}", refused.out);
    let refused = load(set(&[]).path(), "postgres://postgres@127.0.0.1:1/shop", &[]);
    assert_eq!(refused.status, 1);
    assert!(refused.out.contains("cannot connect to the database"), "{}", refused.out);
    let refused = load(set(&[]).path(), "mysql://u:secret@h/d", &[]);
    assert!(refused.status == 1 && !refused.out.contains("secret"), "{}", refused.out);
}

#[test]
fn the_report_is_where_it_was_asked_for_or_nothing_is_done() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let data = set(&[]);
    let child = common::start(data.path(), &database, &["--report", "/nonexistent/report.json"]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("the report /nonexistent/report.json"), "{output:?}");
    assert_eq!(postgres.psql("shop", "SELECT to_regclass('products') IS NULL"), "t");
    assert_eq!(GOOD.len(), 14);
}
