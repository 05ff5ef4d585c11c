//! When there can be no purge, that is said, with what is wrong.

use std::net::SocketAddr;
use std::path::Path;

use atelier_rig::{Client, Fault, Node, Postgres, Proxy, wait_until};
use serde_json::json;

use crate::shop::{HIT, PATIENCE, SERVER, Shop, TOKEN, bearer, order, purge, refused, status, text};

#[test]
fn without_the_token_nothing_is_purged_or_shown() {
    let shop = Shop::open(&[]);
    let node = &shop.nodes[0];
    shop.hold(&["/products/7"]);
    let ask = |node: &Node, method: &str, target: &str, headers: &[&str], body: &[u8]| {
        Client::connect(node.admin).request(method, target, headers, body)
    };
    let body = br#"{"all":true}"#;
    for given in [None, Some(""), Some("open-sesam"), Some("open-sesame2"), Some("xpen-sesame"), Some("OPEN-SESAME")] {
        let header = given.map(|given| format!("Authorization: Bearer {given}"));
        let headers: Vec<_> = header.iter().map(String::as_str).collect();
        for (method, target, body) in [("POST", "/purge", &body[..]), ("GET", "/entry?key=product/7", b"")] {
            let response = ask(node, method, target, &headers, body);
            assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")), "{given:?}");
            assert!(response.text().contains("ATELIER_ADMIN_TOKEN_FILE") && !response.text().contains(TOKEN));
        }
    }
    // Whoever has to be told to send a body is not told, and the connection is not used for it.
    let mut client = Client::connect(node.admin);
    client.send(b"POST /purge HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n");
    let response = client.read(false);
    assert_eq!((response.status, response.header("connection")), (401, Some("close")));
    let refused = "was refused: without the token; orders refused so far: 1";
    wait_until("it is logged", PATIENCE, || node.log().contains(refused).then_some(()));
    assert!(!node.log().contains(TOKEN));

    let settings: Vec<_> =
        shop.settings().into_iter().filter(|(name, _)| *name != "ATELIER_ADMIN_TOKEN_FILE").collect();
    let open = Node::start(SERVER, &settings);
    for (method, target, body) in [("POST", "/purge", &body[..]), ("GET", "/entry?key=product/7", b"")] {
        for header in [bearer(), "X-Nothing: 1".to_owned()] {
            let response = ask(&open, method, target, &[&header], body);
            assert_eq!(response.status, 403);
            assert!(response.text().contains("ATELIER_ADMIN_TOKEN_FILE"), "{}", response.text());
        }
    }
    assert_eq!(shop.audit(), "");
    assert_eq!(shop.postgres.psql("shop", "SELECT count(*) FROM edge.outbox WHERE tag = '*'"), "0");
    assert_eq!(status(&node.get("/products/7")), (200, HIT.to_owned()));
    // With the token, all of it.
    assert_eq!(order(node, &json!({"all": true})).status, 200);
    // A GET never purges, whoever asks.
    let response = ask(node, "GET", "/purge", &[&bearer()], b"");
    assert_eq!((response.status, response.header("allow")), (405, Some("POST")));
    assert_eq!(ask(node, "POST", "/entry?key=product/7", &[&bearer()], body).status, 405);
}

#[test]
fn an_order_that_is_none_is_refused_with_what_is_wrong() {
    let shop = Shop::open(&[]);
    let node = &shop.nodes[0];
    for (body, status, part) in [
        ("{", 400, "the body is not JSON"),
        (r#"{"tags":["reviews:7","reviews"]}"#, 422, "\"reviews\": not a tag; tags look like reviews:7"),
        (r#"{"keys":["/products/7"]}"#, 422, "\"/products/7\": not a key; keys look like product/7"),
        (r#"{"all":true,"kind":"gentle"}"#, 422, "\"gentle\": not a kind"),
        ("{}", 422, "exactly one of tags, keys, all and new_epoch"),
    ] {
        let response = Client::connect(node.admin).request("POST", "/purge", &[&bearer()], body.as_bytes());
        assert_eq!(response.status, status, "{body}");
        assert!(response.text().contains(part), "{body}: {}", response.text());
    }
    let entry = |target: &str| {
        let response = Client::connect(node.admin).get(target, &[&bearer()]);
        (response.status, response.text().to_owned())
    };
    assert_eq!(entry("/entry?key=product/7"), (404, "nothing is held under product/7\n".to_owned()));
    assert_eq!(entry("/entry").0, 400);
    let (status, said) = entry("/entry?key=product:7");
    assert!(status == 400 && said.starts_with("key: not a key"), "{said}");

    for (arguments, parts) in [
        (&["--tag", "reviews:7", "reviews"][..], &["'reviews'", "--tag", "not a tag; tags look like reviews:7"][..]),
        (&["--key", "/products/7"], &["'/products/7'", "--key", "not a key; keys look like product/7"]),
        (&["--tag", "list:7"], &["'list:7'", "not a tag"]),
        (&[], &["--tag", "--key", "--all", "--new-epoch"]),
        (&["--all", "--tag", "reviews:7"], &["cannot be used with"]),
        (&["--all", "--soft", "--erase"], &["cannot be used with"]),
        (&["--new-epoch", "--soft"], &["cannot be used with"]),
    ] {
        let (status, said) = refused(&shop.purge(arguments));
        assert_eq!(status, 2, "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
    assert_eq!(shop.audit(), "");
}

#[test]
fn a_purge_without_settings_or_a_database_says_why() {
    let (status, said) = refused(&purge(&[], &["--all"]));
    assert_eq!(status, 78);
    assert!(said.starts_with("atelier-edge: DATABASE_URL: is not set") && said.contains("POST /purge"), "{said}");
    let wrong = [("DATABASE_URL", "mysql://u:hunter2@h/d"), ("ATELIER_DB_CONNECT", "soon")];
    let (status, said) = refused(&purge(&wrong, &["--all"]));
    assert_eq!((status, said.lines().count()), (78, 2), "{said}");
    assert!(
        said.contains("atelier-edge: DATABASE_URL: ") && said.contains("atelier-edge: ATELIER_DB_CONNECT: "),
        "{said}"
    );
    let (status, said) = refused(&purge(&[("ATELIER_ENV_FILE", "/nowhere/edge.env")], &["--all"]));
    assert_eq!(status, 78);
    assert!(said.contains("ATELIER_ENV_FILE: \"/nowhere/edge.env\" cannot be read"), "{said}");
    // Settings that a purge has nothing to do with are no hindrance.
    let port = atelier_rig::process::free_port();
    let nobody = format!("postgres://u:hunter2@127.0.0.1:{port}/shop");
    let (status, said) = refused(&purge(&[("DATABASE_URL", &nobody), ("ATELIER_TTL_LIST", "soon")], &["--all"]));
    assert_eq!(status, 1, "{said}");
    let begin = format!("atelier-edge: nothing was purged: postgres://u:…@127.0.0.1:{port}/shop: ");
    assert!(said.starts_with(&begin) && said.contains("Connection refused"), "{said}");

    let mut postgres = Postgres::start();
    let empty = postgres.create("empty");
    let (status, said) = refused(&purge(&[("DATABASE_URL", &empty)], &["--all"]));
    assert_eq!(status, 1);
    assert!(said.contains("the database holds no catalogue: load one with atelier-import"), "{said}");

    // One that says nothing is waited for no longer than ATELIER_DB_CONNECT.
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port())));
    proxy.set(None, Fault::Silent);
    let silent = format!("postgres://postgres@{}/empty", proxy.address());
    let (status, said) = refused(&purge(&[("DATABASE_URL", &silent), ("ATELIER_DB_CONNECT", "300ms")], &["--all"]));
    assert_eq!(status, 1);
    assert!(said.contains("it took longer than 300ms"), "{said}");
    postgres.stop();
}

#[test]
fn a_purge_whose_commit_is_not_answered_says_that_nobody_knows() {
    let shop = Shop::open(&[]);
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], shop.postgres.port())));
    proxy.set(None, Fault::CutBehindRequest(b"COMMIT".to_vec()));
    let through = format!("postgres://postgres@{}/shop", proxy.address());
    let output = purge(&[("DATABASE_URL", &through)], &["--all"]);
    let (status, said) = refused(&output);
    assert_eq!(status, 69, "{said}");
    assert!(said.contains("whether the write was done is not known; the same purge again does no harm"), "{said}");
    // This time it was.
    wait_until("it is done", PATIENCE, || (shop.audit().lines().count() == 1).then_some(()));
}

#[test]
fn whoever_lacks_rights_is_told_which() {
    let shop = Shop::open(&[]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let grants = page.split_once("```pgsql\n").unwrap().1.split_once("```").unwrap().0;
    shop.postgres.psql("shop", grants);
    let url = shop.database.replace("postgres@", "atelier_edge@");
    let mut settings = shop.settings();
    settings.retain(|(name, _)| *name != "DATABASE_URL");
    settings.push(("DATABASE_URL", &url));

    // The rights that the page grants are enough for a node and for purges, on both ways.
    let node = Node::start(SERVER, &settings);
    assert_eq!(order(&node, &json!({"tags": ["reviews:7"]})).status, 200);
    assert_eq!(order(&node, &json!({"new_epoch": true})).status, 200);
    let done = purge(&[("DATABASE_URL", &url)], &["--all", "--erase"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).ends_with("\nerase *\n"));
    assert_eq!(shop.audit().lines().count(), 3);

    for (right, complaint) in [
        ("INSERT ON edge.audit", "permission denied for table audit"),
        ("INSERT ON edge.outbox", "permission denied for table outbox"),
        ("USAGE ON SCHEMA edge", "permission denied for schema edge"),
    ] {
        shop.postgres.psql("shop", &format!("REVOKE {right} FROM atelier_edge"));
        let (status, said) = refused(&purge(&[("DATABASE_URL", &url)], &["--all"]));
        assert_eq!(status, 1);
        assert!(said.starts_with("atelier-edge: nothing was purged: ") && said.contains(complaint), "{said}");
        shop.postgres.psql("shop", &format!("GRANT {right} TO atelier_edge"));
    }

    // A running node says so to whoever orders, and in its log.
    shop.postgres.psql("shop", "REVOKE INSERT ON edge.audit FROM atelier_edge");
    let answer = order(&node, &json!({"all": true}));
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("nothing was done: ") && answer.text().contains("permission denied for table audit"),
        "{}",
        answer.text()
    );
    // What is logged is written behind the answer.
    wait_until("it is logged", PATIENCE, || node.log().contains("permission denied for table audit").then_some(()));
    // One that starts is not ready, and says what it lacks.
    shop.postgres.psql("shop", "REVOKE UPDATE (gen) ON edge.epoch FROM atelier_edge");
    let late = Node::launch(SERVER, &settings);
    let said = wait_until("it has looked", PATIENCE, || {
        let said = late.admin_get("/readyz");
        said.text().contains("lacks rights").then(|| (said.status, said.text().to_owned()))
    });
    let lacking = "the user atelier_edge lacks rights, or these tables are not there: INSERT on edge.audit; UPDATE (gen) on edge.epoch";
    assert!(said.0 == 503 && said.1.contains(lacking), "{said:?}");
    assert_eq!(shop.audit().lines().count(), 3);
}

#[test]
fn a_node_without_its_database_says_that_nothing_was_done() {
    let mut shop = Shop::open(&[]);
    shop.postgres.stop();
    let answer = order(&shop.nodes[0], &json!({"all": true}));
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("nothing was done: "), "{}", answer.text());
    shop.postgres.start_again();
    assert_eq!(shop.audit(), "");
}
