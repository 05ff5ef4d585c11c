//! The rights that README.md grants to the server's user: they are enough for everything it does, and none is more than that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::Path;

use atelier_rig::{Client as Http, Node, Postgres, Scratch};
use tokio_postgres::{Client, NoTls};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// The statements of files, with parameters to run them with.
const FILES: [(&str, &str, &str); 15] = [
    ("bigint, bigint", "0, 5", include_str!("../src/origin/postgres/products.sql")),
    ("bigint, bigint", "900, 5", include_str!("../src/origin/postgres/products_deep.sql")),
    ("integer", "2", include_str!("../src/origin/postgres/product.sql")),
    ("integer", "2", include_str!("../src/origin/postgres/styles.sql")),
    ("integer", "2", include_str!("../src/origin/postgres/related.sql")),
    ("integer, bigint, bigint", "2, 0, 5", include_str!("../src/origin/postgres/reviews_helpful.sql")),
    ("integer, bigint, bigint", "2, 0, 5", include_str!("../src/origin/postgres/reviews_newest.sql")),
    ("integer, bigint, bigint", "10, 1000, 5", include_str!("../src/origin/postgres/reviews_helpful_deep.sql")),
    ("integer, bigint, bigint", "10, 1000, 5", include_str!("../src/origin/postgres/reviews_newest_deep.sql")),
    ("integer", "2", include_str!("../src/origin/postgres/meta.sql")),
    ("integer, bigint, bigint", "1, 0, 5", include_str!("../src/origin/postgres/questions.sql")),
    ("integer, bigint, bigint", "2, 0, 5", include_str!("../src/origin/postgres/answers.sql")),
    ("text, bigint", "'3:3:', 10", include_str!("../src/origin/postgres/poll.sql")),
    ("bigint", "10", include_str!("../src/origin/postgres/resync.sql")),
    ("text, bigint", "'0 s', 10", include_str!("../src/origin/postgres/prune.sql")),
];

/// What else a node does: the writes of the API, in the order of docs/freshness.md section 8, and what keeps the outbox.
const WRITES: &str = "
    SELECT version FROM edge.schema_version;
    INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING;
    SELECT pg_current_snapshot(), (SELECT id FROM edge.incarnation);
    SELECT edge.merge_counts();
    SELECT edge.step_reviews(10);
    WITH r AS (INSERT INTO reviews (product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
               VALUES (2, 1, 5, true, '', '', '', '') RETURNING id),
         p AS (INSERT INTO reviews_photos (review_id, url) SELECT id, 'x' FROM r)
    INSERT INTO characteristic_reviews (characteristic_id, review_id, value)
    SELECT c.id, r.id, 3 FROM r, (SELECT id FROM characteristics LIMIT 1) AS c;
    UPDATE reviews SET helpfulness = helpfulness + 1 WHERE id = 7;
    UPDATE reviews SET reported = true WHERE id = 7;
    INSERT INTO questions (product_id, date_written, body, asker_name, asker_email) VALUES (2, 1, '', '', '') RETURNING id;
    WITH a AS (INSERT INTO answers (question_id, date_written, body, answerer_name, answerer_email) VALUES (2, 1, '', '', '') RETURNING id)
    INSERT INTO answers_photos (answer_id, url) SELECT id, 'x' FROM a;
    UPDATE questions SET helpful = helpful + 1 WHERE id = 2;
    UPDATE questions SET reported = true WHERE id = 2;
    UPDATE answers SET helpful = helpful + 1 WHERE id = 9;
    UPDATE answers SET reported = true WHERE id = 9;
    SELECT tag, kind FROM edge.outbox WHERE xid = pg_current_xact_id_if_assigned();
    INSERT INTO carts (owner, sku_id, count) SELECT '\\x00', 99, 2 FROM styles WHERE sku_ids @> ARRAY[99]
    ON CONFLICT (owner, sku_id) DO UPDATE SET count = carts.count + EXCLUDED.count;
    SELECT sku_id, count FROM carts WHERE owner = '\\x00' ORDER BY sku_id;
    INSERT INTO interactions (element, widget, time, received_at) VALUES ('a', 'b', 'c', 1);
    INSERT INTO edge.outbox (tag, kind) SELECT tag, 2 FROM unnest('{reviews:7, list:*}'::text[]) AS tag;
    INSERT INTO edge.audit (actor, peer, tags, kind, reason) VALUES ('a', 'b', '{reviews:7, list:*}', 2, 'c');
    INSERT INTO edge.epoch (gen) VALUES (1) ON CONFLICT (one) DO UPDATE SET gen = edge.epoch.gen + 1;";

/// Does everything once, in a transaction that is undone.
async fn everything(client: &Client) -> Result<(), String> {
    let mut all = vec![WRITES.to_owned()];
    all.extend(
        FILES.map(|(types, values, text)| {
            format!("PREPARE it ({types}) AS {text}; EXECUTE it ({values}); DEALLOCATE it")
        }),
    );
    client.batch_execute("BEGIN").await.unwrap();
    for sql in all {
        if let Err(error) = client.batch_execute(&sql).await {
            client.batch_execute("ROLLBACK; DEALLOCATE ALL").await.unwrap();
            return Err(format!("{sql}: {error:?}"));
        }
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    Ok(())
}

async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn what_the_page_grants_is_enough_and_no_more() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let sample = root.join("import/sample");
    let load = |arguments: &[&str]| {
        let loaded = atelier_rig::import::load(SERVER, &sample, &database, arguments);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stdout));
    };
    load(&[]);
    let page = std::fs::read_to_string(root.join("README.md")).unwrap();
    let grants = page.split_once("```pgsql\n").unwrap().1.split_once("```").unwrap().0;
    postgres.psql("shop", grants);
    let node = connect(&database.replace("postgres@", "atelier_edge@")).await;
    everything(&node).await.unwrap();
    // A load keeps them.
    load(&["--replace"]);
    everything(&node).await.unwrap();

    for refused in [
        "DELETE FROM reviews",
        "UPDATE reviews SET body = 'x'",
        "UPDATE products SET name = 'x'",
        "INSERT INTO products (id, name, slogan, description, category, default_price) VALUES (1, '', '', '', '', 1)",
        "SELECT * FROM interactions",
        "DELETE FROM carts",
        "TRUNCATE edge.outbox",
        "UPDATE edge.outbox SET kind = 0",
        "SELECT * FROM edge.audit",
        "DELETE FROM edge.audit",
        "UPDATE edge.schema_version SET version = 1",
        "CREATE TABLE here (id integer)",
    ] {
        let error = node.batch_execute(refused).await.unwrap_err();
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{refused}");
    }

    // Each right taken away alone is missed.
    let rights = "SELECT format('%s ON %s', a.privilege_type, c.oid::regclass) FROM pg_class AS c, aclexplode(relacl) AS a
                  WHERE a.grantee = 'atelier_edge'::regrole
                  UNION ALL
                  SELECT format('%s (%I) ON %s', a.privilege_type, attname, attrelid::regclass) FROM pg_attribute, aclexplode(attacl) AS a
                  WHERE a.grantee = 'atelier_edge'::regrole
                  UNION ALL
                  SELECT format('%s ON SCHEMA %I', a.privilege_type, nspname) FROM pg_namespace, aclexplode(nspacl) AS a
                  WHERE a.grantee = 'atelier_edge'::regrole";
    let rights = postgres.psql("shop", rights);
    let mut unneeded = Vec::new();
    // Everybody may use the schema public, which hides what is granted here.
    postgres.psql("shop", "REVOKE USAGE ON SCHEMA public FROM PUBLIC");
    for right in rights.lines() {
        postgres.psql("shop", &format!("REVOKE {right} FROM atelier_edge"));
        if everything(&connect(&database.replace("postgres@", "atelier_edge@")).await).await.is_ok() {
            unneeded.push(right);
        }
        postgres.psql("shop", &format!("GRANT {right} TO atelier_edge"));
    }
    println!("{} rights", rights.lines().count());
    assert!(rights.lines().count() > 30, "{rights}");
    assert_eq!(unneeded, [""; 0]);
    everything(&node).await.unwrap();
}

#[test]
fn a_node_needs_no_more_for_any_read_or_write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (postgres, scratch) = (Postgres::start(), Scratch::new("rights"));
    let database = postgres.create("shop");
    let loaded = atelier_rig::import::load(SERVER, &root.join("import/sample"), &database, &[]);
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stdout));
    let page = std::fs::read_to_string(root.join("README.md")).unwrap();
    postgres.psql("shop", page.split_once("```pgsql\n").unwrap().1.split_once("```").unwrap().0);
    let token = scratch.write("operators", "open-sesame").display().to_string();
    let database = database.replace("postgres@", "atelier_edge@");
    let node = Node::start(SERVER, &[("DATABASE_URL", &database), ("ATELIER_ADMIN_TOKEN_FILE", &token)]);
    let mut client = node.client();
    for target in [
        "/products",
        "/products/2",
        "/products/2/styles",
        "/products/2/related",
        "/reviews?product_id=2",
        "/reviews?product_id=2&sort=newest",
        "/reviews/meta?product_id=2",
        "/qa/questions?product_id=1",
        "/qa/questions/2/answers",
        "/cart",
    ] {
        assert_eq!(client.get(target, &[]).status, 200, "{target}");
    }
    let writes = [
        (
            "POST",
            "/reviews",
            r#"{"product_id":2,"rating":4,"summary":"","body":"b","recommend":true,"name":"n","email":"e","photos":["u"]}"#,
        ),
        ("POST", "/qa/questions", r#"{"product_id":2,"body":"b","name":"n","email":"e"}"#),
        ("POST", "/qa/questions/2/answers", r#"{"body":"b","name":"n","email":"e","photos":["u"]}"#),
        ("POST", "/cart", r#"{"sku_id":99,"count":2}"#),
        ("POST", "/cart", r#"{"sku_id":99}"#),
        ("POST", "/interactions", r#"{"element":"a","widget":"b","time":"c"}"#),
        ("PUT", "/reviews/7/helpful", ""),
        ("PUT", "/reviews/7/report", ""),
        ("PUT", "/qa/questions/2/helpful", ""),
        ("PUT", "/qa/questions/2/report", ""),
        ("PUT", "/qa/answers/9/helpful", ""),
        ("PUT", "/qa/answers/9/report", ""),
    ];
    for (method, target, body) in writes {
        let response = client.request(method, target, &["Content-Type: application/json"], body.as_bytes());
        let expected = if method == "POST" { 201 } else { 204 };
        assert_eq!(response.status, expected, "{method} {target}: {} {}", response.text(), node.log());
    }
    for order in [r#"{"all":true}"#, r#"{"new_epoch":true}"#] {
        let mut admin = Http::connect(node.admin);
        let done = admin.request("POST", "/purge", &["Authorization: Bearer open-sesame"], order.as_bytes());
        assert_eq!(done.status, 200, "{order}: {}", done.text());
    }
}
