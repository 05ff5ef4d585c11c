//! Whatever changes an answer is noted (invariant A11 of docs/freshness.md): for every table, verb, column and path the tags in
//! the outbox cover each answer whose rows are others afterwards, and are those the design names, no more.
//!
//! The answers are those of the server's own statements, for every key of a tiny catalogue. Each change is made in a
//! transaction that is never committed, so all of them begin with the same rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    missing_docs
)]

#[path = "coverage/cases.rs"]
mod cases;
#[path = "coverage/shop.rs"]
mod shop;
#[path = "coverage/tables.rs"]
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use atelier_rig::Postgres;
use tokio_postgres::Client;

use self::cases::Case;
use self::shop::{Shop, Tags, ask, connect, make, rows};
use self::tables::{OTHERS, TABLES, Table};

/// Every change that is noted though no answer shows it. What a row was is compared with what it is only where stars and
/// recommendations are concerned; and nobody looks whether a row is shown.
const IN_VAIN: [(&str, &str); 19] = [
    ("a photo of an answer that is not shown", "answers:81 questions:1"),
    ("a question that is not shown", "questions:1"),
    ("a review that is not shown", "reviews:1"),
    ("an answer that is not shown", "answers:81 questions:1"),
    ("answers: UPDATE answerer_email", "answers:81 questions:1"),
    ("answers: UPDATE of nothing", "answers:81 questions:1"),
    ("answers_photos: UPDATE of nothing", "answers:81 questions:1"),
    ("characteristic_reviews: UPDATE of nothing", "meta:1"),
    ("characteristics: UPDATE of nothing", "meta:1"),
    ("features: UPDATE of nothing", "product:1"),
    ("products: UPDATE of nothing", "list:* product:1"),
    ("questions: UPDATE asker_email", "questions:1"),
    ("questions: UPDATE of nothing", "questions:1"),
    ("related: UPDATE of nothing", "related:1"),
    ("reviews: UPDATE of nothing", "reviews:1"),
    ("reviews: UPDATE reviewer_email", "reviews:1"),
    ("reviews_photos: UPDATE of nothing", "reviews:1"),
    ("styles: UPDATE of nothing", "styles:1"),
    ("styles: UPDATE photo_ids", "styles:1"),
];

/// What one transaction has noted, with kinds, in alphabetical order; it is taken back.
async fn noted(client: &Client, sql: &str) -> Vec<String> {
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let noted = "SELECT tag || ' ' || kind FROM edge.outbox WHERE xid = pg_current_xact_id_if_assigned()";
    let mut rows = ask(client, noted).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    rows.sort();
    rows
}

fn sorted(tags: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut tags: Vec<String> = tags.into_iter().map(Into::into).collect();
    tags.sort();
    tags
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn every_change_of_an_answer_is_noted_and_little_else() {
    let postgres = Postgres::start();
    let shop = Shop::open(&make(&postgres, "shop")).await;
    let cases = cases::all();
    let mut wrong = Vec::new();
    let mut in_vain: BTreeMap<&str, Tags> = BTreeMap::new();
    for case in &cases {
        match shop.check(case).await {
            Ok(tags) if tags.is_empty() => {}
            Ok(tags) => in_vain.entry(&case.what).or_default().extend(tags),
            Err(error) => wrong.push(error),
        }
    }
    println!("{} changes", cases.len());
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), cases.len());
    let in_vain: Vec<_> = in_vain.iter().map(|(what, tags)| (*what, Vec::from_iter(tags.clone()).join(" "))).collect();
    let expected: Vec<_> = IN_VAIN.iter().map(|(what, tags)| (*what, (*tags).to_owned())).collect();
    assert_eq!(in_vain, expected);
}

#[tokio::test]
async fn no_table_and_no_column_is_forgotten_by_this_test() {
    let postgres = Postgres::start();
    let client = connect(&make(&postgres, "shop")).await;
    let found = "SELECT table_name, column_name FROM information_schema.columns
                 JOIN information_schema.tables USING (table_schema, table_name)
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let mut listed = BTreeSet::new();
    for table in TABLES {
        let fixed = table.fixed.iter().map(|(column, _)| *column);
        let shown = table.shown.iter().map(|(column, _, _)| *column);
        let hidden = table.hidden.iter().map(|(column, _)| *column);
        listed.extend(fixed.chain(shown).chain(hidden).map(|column| format!("{}|{column}", table.name)));
    }
    let of_others = |row: &String| OTHERS.iter().any(|table| row.starts_with(&format!("{table}|")));
    let found: BTreeSet<String> = ask(&client, found).await.into_iter().filter(|row| !of_others(row)).collect();
    assert_eq!(listed, found);
}

/// Every trigger of the design is needed, and needed always: without it, or when a replica may skip it, a case fails.
#[tokio::test]
async fn a_trigger_that_is_missing_is_noticed() {
    let postgres = Postgres::start();
    let shop = Shop::open(&make(&postgres, "shop")).await;
    let cases = cases::all();
    let mut unnoticed = Vec::new();
    let mut tried = 0;
    for Table { name, .. } in TABLES {
        for (trigger, verb) in [
            ("edge_insert", ": INSERT"),
            ("edge_update", ": UPDATE"),
            ("edge_delete", ": DELETE"),
            ("edge_truncate", ": TRUNCATE"),
            ("edge_fixed", ": a move"),
        ] {
            let of_verb: Vec<_> = cases.iter().filter(|case| case.table == name && case.what.contains(verb)).collect();
            let harms =
                [format!("DROP TRIGGER {trigger} ON {name}"), format!("ALTER TABLE {name} ENABLE TRIGGER {trigger}")];
            for harm in harms {
                tried += 1;
                shop.client.batch_execute(&format!("SAVEPOINT whole; {harm}")).await.unwrap();
                if shop.first_failure(of_verb.iter().copied()).await.is_none() {
                    unnoticed.push(harm);
                }
                shop.client.batch_execute("ROLLBACK TO SAVEPOINT whole; RELEASE SAVEPOINT whole").await.unwrap();
            }
        }
    }
    assert_eq!((tried, unnoticed), (110, Vec::<String>::new()));
    assert_eq!(shop.first_failure(cases.iter().take(50)).await, None, "all is whole again");
}

/// So is a function that leaves out a note, or acts with the rights of whoever changes a row.
#[tokio::test]
async fn a_function_that_does_less_is_noticed() {
    let postgres = Postgres::start();
    let shop = Shop::open(&make(&postgres, "shop")).await;
    let cases = cases::all();
    let functions = "SELECT proname, regexp_count(prosrc, 'PERFORM edge\\.emit') FROM pg_proc
                     WHERE pronamespace = 'edge'::regnamespace AND proname LIKE 'on\\_%' AND proname <> 'on_cut'";
    let mut unnoticed = Vec::new();
    let mut tried = 0;
    for function in ask(&shop.client, functions).await {
        let (function, notes) = function.split_once('|').unwrap();
        let mut harms = vec![format!("ALTER FUNCTION edge.{function}() SECURITY INVOKER")];
        for note in 1..=notes.parse::<u32>().unwrap() {
            // Another function that takes the same and does nothing.
            harms.push(format!(
                "DO $do$ DECLARE text text := pg_get_functiondef('edge.{function}()'::regprocedure); BEGIN \
                 EXECUTE regexp_replace(text, 'PERFORM edge\\.emit\\(', 'PERFORM concat(', 1, {note}); END $do$"
            ));
        }
        for harm in harms {
            tried += 1;
            shop.client.batch_execute("SAVEPOINT whole").await.unwrap();
            shop.client.batch_execute(&harm).await.unwrap_or_else(|error| panic!("{harm}: {error:?}"));
            let concerned = |case: &&Case| match function {
                "on_truncate" => case.what.ends_with("TRUNCATE"),
                _ => function.strip_prefix("on_") == Some(case.table),
            };
            if shop.first_failure(cases.iter().filter(concerned)).await.is_none() {
                unnoticed.push(harm);
            }
            shop.client.batch_execute("ROLLBACK TO SAVEPOINT whole; RELEASE SAVEPOINT whole").await.unwrap();
        }
    }
    assert_eq!((tried, unnoticed), (12 + 16, Vec::<String>::new()));
}

#[tokio::test]
async fn a_statement_without_rows_notes_nothing_and_takes_no_transaction_id() {
    let postgres = Postgres::start();
    let client = connect(&make(&postgres, "shop")).await;
    let before = ask(&client, "SELECT count(*) FROM edge.outbox").await.remove(0);
    for Table { name, .. } in TABLES {
        let merge = format!("MERGE INTO {name} AS t USING (SELECT 1 WHERE false) AS s ON true");
        let insert = format!("INSERT INTO {name} SELECT * FROM {name}");
        let (update, delete) =
            (format!("UPDATE {name} SET id = id WHERE id = -1"), format!("DELETE FROM {name} WHERE id = -1"));
        for sql in [
            update.clone(),
            delete.clone(),
            format!("{insert} WHERE id = -1"),
            format!("{insert} WHERE id = -1 ON CONFLICT ON CONSTRAINT {name}_pkey DO UPDATE SET id = 7"),
            format!("{insert} ON CONFLICT DO NOTHING"),
            format!("WITH a AS ({update} RETURNING 1), b AS ({delete}) SELECT count(*) FROM a"),
            format!("{merge} WHEN MATCHED THEN DELETE"),
            format!("{merge} WHEN MATCHED THEN UPDATE SET id = 7"),
            format!("SAVEPOINT one; {update}; RELEASE SAVEPOINT one"),
        ] {
            let asked = "SELECT pg_current_xact_id_if_assigned() IS NULL, count(*) FROM edge.outbox";
            let answers = rows(&client, &format!("BEGIN; {sql}; {asked}; ROLLBACK")).await;
            let answers = answers.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(answers[answers.len() - 2], [format!("t|{before}")], "{sql}");
        }
    }
}

/// A catalogue of `count` products that have one row of everything each.
fn wide(count: u32) -> String {
    let n = format!("FROM generate_series(1, {count}) AS n");
    format!(
        "TRUNCATE products CASCADE;
         INSERT INTO products (id, name, slogan, description, category, default_price) SELECT n, 'a', 'b', 'c', 'd', 1 {n};
         INSERT INTO features (id, product_id, feature) SELECT n + 10000, n, 'a' {n};
         INSERT INTO styles (id, product_id, name, original_price, default_style) SELECT n + 20000, n, 'a', 1, true {n};
         INSERT INTO related (id, product_id, related_product_id) SELECT n + 30000, n, n {n};
         INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
         SELECT n + 40000, n, 1, 1, true, 'a', 'b', 'c', 'd' {n};
         INSERT INTO reviews_photos (id, review_id, url) SELECT n + 50000, n + 40000, 'a' {n};
         INSERT INTO characteristics (id, product_id, name) SELECT n + 60000, n, 'a' {n};
         INSERT INTO characteristic_reviews (id, characteristic_id, review_id, value)
         SELECT n + 70000, n + 60000, n + 40000, 1 {n};
         INSERT INTO questions (id, product_id, date_written, body, asker_name, asker_email)
         SELECT n + 80000, n, 1, 'a', 'b', 'c' {n};
         INSERT INTO answers (id, question_id, date_written, body, answerer_name, answerer_email)
         SELECT n + 90000, n + 80000, 1, 'a', 'b', 'c' {n};
         INSERT INTO answers_photos (id, answer_id, url) SELECT n + 100000, n + 90000, 'a' {n};
         TRUNCATE edge.outbox"
    )
}

/// A change of every row of a table that every class notices.
fn everything(name: &str) -> String {
    match name {
        "products" | "characteristics" | "styles" => format!("UPDATE {name} SET name = 'x'"),
        "features" => "UPDATE features SET value = 'x'".to_owned(),
        "related" => "UPDATE related SET related_product_id = 1".to_owned(),
        "reviews" => "UPDATE reviews SET rating = 2".to_owned(),
        "reviews_photos" | "answers_photos" => format!("UPDATE {name} SET url = 'x'"),
        "characteristic_reviews" => "UPDATE characteristic_reviews SET value = 2".to_owned(),
        _ => format!("UPDATE {name} SET body = 'x'"),
    }
}

/// The same, of one row.
fn one_of(name: &str) -> String {
    format!("{} WHERE id IN (SELECT id FROM {name} LIMIT 1)", everything(name))
}

#[tokio::test]
async fn more_than_a_thousand_are_all_and_a_soft_purge_is_all_and_soft() {
    let postgres = Postgres::start();
    let client = connect(&make(&postgres, "shop")).await;
    for count in [1000_u32, 1001] {
        client.batch_execute(&wide(count)).await.unwrap();
        for table in TABLES {
            let mut expected = BTreeSet::new();
            for class in table.classes() {
                let first = if class == "answers" { 80_001 } else { 1 };
                if count > 1000 || class == "list" {
                    expected.insert(format!("{class}:* 1"));
                } else {
                    expected.extend((first..first + count).map(|id| format!("{class}:{id} 1")));
                }
            }
            assert_eq!(
                noted(&client, &everything(table.name)).await,
                sorted(expected),
                "{count} rows of {}",
                table.name
            );
        }
    }
    for table in TABLES {
        let soft = sorted(table.classes().iter().map(|class| format!("{class}:* 0")));
        let one = one_of(table.name);
        for change in [&one, &everything(table.name)] {
            assert_eq!(noted(&client, &format!("SET LOCAL atelier.purge = 'soft'; {change}")).await, soft, "{change}");
        }
        let mut truncated =
            noted(&client, &format!("SET LOCAL atelier.purge = 'soft'; TRUNCATE {} CASCADE", table.name)).await;
        truncated.dedup();
        assert_eq!(truncated, sorted(table.truncate.1.iter().map(|tag| format!("{tag} 0"))), "{}", table.name);
        // Nothing changed, nothing noted; and any other word is the usual.
        assert_eq!(
            noted(&client, &format!("SET LOCAL atelier.purge = 'soft'; {one} AND false")).await,
            sorted(NOTHING)
        );
        let usual = noted(&client, &one).await;
        for word in ["hard", "", "Soft"] {
            let found = noted(&client, &format!("SET LOCAL atelier.purge = '{word}'; {one}")).await;
            assert_eq!(found, usual, "{word:?}");
        }
    }
    // Many rows of few products are few.
    let many = "INSERT INTO reviews (product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
                SELECT 1, 1, 1, true, '', '', '', '' FROM generate_series(1, 3000)";
    client.batch_execute(many).await.unwrap();
    let votes = "UPDATE reviews SET helpfulness = 1, rating = 3 WHERE product_id = 1";
    assert_eq!(noted(&client, votes).await, sorted(["reviews:1 1", "meta:1 1"]));
}

#[tokio::test]
async fn a_transaction_that_is_undone_leaves_nothing() {
    let postgres = Postgres::start();
    let address = make(&postgres, "shop");
    let client = connect(&address).await;
    client.batch_execute("TRUNCATE edge.outbox").await.unwrap();
    let undone = "BEGIN; UPDATE reviews SET helpfulness = 7; DELETE FROM products WHERE id = 2; ROLLBACK";
    client.batch_execute(undone).await.unwrap();
    client.batch_execute("BEGIN; UPDATE reviews SET helpfulness = 7; SELECT 1 / 0").await.unwrap_err();
    client.batch_execute("ROLLBACK").await.unwrap();
    client.batch_execute("UPDATE reviews SET rating = 9").await.unwrap_err();
    // A connection that ends in the middle.
    let other = connect(&address).await;
    other.batch_execute("BEGIN; UPDATE questions SET body = 'x'").await.unwrap();
    let pid = ask(&other, "SELECT pg_backend_pid()").await.remove(0);
    ask(&client, &format!("SELECT pg_terminate_backend({pid}, 5000)")).await;
    assert_eq!(ask(&client, "SELECT tag FROM edge.outbox").await, NOTHING);
    client.batch_execute("BEGIN; UPDATE reviews SET helpfulness = 7 WHERE id = 41; COMMIT").await.unwrap();
    assert_eq!(ask(&client, "SELECT tag FROM edge.outbox").await, ["reviews:1"]);
}

#[tokio::test]
async fn whoever_may_change_a_row_needs_no_rights_on_the_outbox() {
    let postgres = Postgres::start();
    let address = make(&postgres, "shop");
    let client = connect(&address).await;
    let rights = "CREATE ROLE voter LOGIN; GRANT SELECT (id), UPDATE (helpfulness) ON reviews TO voter;
                  GRANT SELECT (id), UPDATE (url) ON answers_photos TO voter; TRUNCATE edge.outbox";
    client.batch_execute(rights).await.unwrap();
    let voter = connect(&address.replace("postgres://postgres@", "postgres://voter@")).await;
    let changes =
        "UPDATE reviews SET helpfulness = 8 WHERE id = 43; UPDATE answers_photos SET url = 'x' WHERE id = 102";
    voter.batch_execute(changes).await.unwrap();
    let found = ask(&client, "SELECT tag FROM edge.outbox ORDER BY id").await;
    assert_eq!(found, ["reviews:2", "answers:83", "questions:2"]);
    for refused in [
        "SELECT * FROM edge.outbox",
        "INSERT INTO edge.outbox (tag) VALUES ('*')",
        "SELECT edge.emit('reviews', NULL)",
        "SELECT question_id FROM answers",
    ] {
        let error = voter.batch_execute(refused).await.unwrap_err();
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{refused}");
    }
}

/// The tables of which a change is noted wrongly in a session that has tables of its own by all of our names.
async fn misled(address: &str) -> Vec<&'static str> {
    let mut misled = Vec::new();
    for table in TABLES {
        // A new session: an old one has plans in which the names were looked up already.
        let client = connect(address).await;
        for shadow in TABLES.iter().map(|table| table.name).chain(["changed", "former", "outbox"]) {
            // Rows that lead to product 3 and question 83, whoever asks them.
            let make = format!(
                "CREATE TEMPORARY TABLE {shadow} AS
                 SELECT id, 3 AS product_id, 83 AS question_id, 43 AS review_id, 62 AS characteristic_id, 93 AS answer_id,
                        1 AS rating, true AS recommend
                 FROM generate_series(1, 110) AS id"
            );
            client.batch_execute(&make).await.unwrap();
        }
        let (column, value, tags) = table.shown[0];
        let change = format!("UPDATE public.{} SET {column} = {value} WHERE id = {}", table.name, table.sample);
        if noted(&client, &change).await != sorted(tags.iter().map(|tag| format!("{tag} 1"))) {
            misled.push(table.name);
        }
    }
    misled
}

#[tokio::test]
async fn temporary_tables_do_not_stand_in_for_those_of_the_catalogue() {
    let postgres = Postgres::start();
    let address = make(&postgres, "shop");
    assert_eq!(misled(&address).await, NOTHING);
    // The paths that the functions are bound to are what makes it so.
    let through_a_parent = ["reviews_photos", "characteristic_reviews", "answers", "answers_photos"];
    let client = connect(&address).await;
    for path in ["RESET search_path", "SET search_path = public"] {
        for table in through_a_parent {
            client.batch_execute(&format!("ALTER FUNCTION edge.on_{table}() {path}")).await.unwrap();
        }
        assert_eq!(misled(&address).await, through_a_parent, "{path}");
    }
}

/// A session keeps its plans, and they are made for the first change it makes.
#[tokio::test]
async fn changes_of_one_row_and_of_many_do_not_spoil_each_other_in_one_session() {
    let postgres = Postgres::start();
    let address = make(&postgres, "shop");
    let client = connect(&address).await;
    client.batch_execute(&wide(9_000)).await.unwrap();
    let more = "INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
                SELECT n + 200000, n % 9000 + 1, 1, 1, true, '', '', '', '' FROM generate_series(1, 30000) AS n; ANALYZE";
    client.batch_execute(more).await.unwrap();

    // One, then many: no list of rows is compared with another row by row, which would be a thousand million comparisons.
    let first = connect(&address).await;
    first.batch_execute("SET statement_timeout = '20s'").await.unwrap();
    for table in TABLES {
        noted(&first, &one_of(table.name)).await;
        noted(&first, &everything(table.name)).await;
    }
    // Many, then one: no table is read as a whole to find one parent.
    for (table, parents) in [
        ("reviews_photos", "{reviews}"),
        ("characteristic_reviews", "{characteristics}"),
        ("answers", "{questions}"),
        ("answers_photos", "{answers, questions}"),
    ] {
        let second = connect(&address).await;
        noted(&second, &everything(table)).await;
        let one = format!("{} WHERE id IN (SELECT id FROM {table} LIMIT 1)", everything(table));
        let scans = format!(
            "SELECT sum(seq_scan), sum(idx_scan) > 0 FROM pg_stat_xact_user_tables WHERE relname = ANY ('{parents}')"
        );
        let answers = rows(&second, &format!("BEGIN; {one}; {scans}; ROLLBACK")).await.unwrap();
        assert_eq!(answers[2], ["0|t"], "{table}");
    }
}
