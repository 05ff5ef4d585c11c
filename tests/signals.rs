//! What a node says of itself: counts, log lines, names of requests, the admin listener's answers, and the page in a real browser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atelier_rig::{Chromium, Client, Fault, Node, Postgres, Proxy, Scratch, wait_until};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: &str = "open-sesame";

/// A node with a token for operators, behind a proxy on this machine, that logs what it is told to.
struct Subject {
    node: Node,
    scratch: Scratch,
}

impl Subject {
    fn start(settings: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new("signals");
        let token = scratch.write("operators", TOKEN).display().to_string();
        let file = scratch.write("edge.env", "").display().to_string();
        let own = [
            ("ATELIER_ADMIN_TOKEN_FILE", &*token),
            ("ATELIER_TRUSTED_PROXIES", "127.0.0.1"),
            ("ATELIER_ENV_FILE", &*file),
            ("ATELIER_WORKERS", "2"),
        ];
        let node = Node::start(SERVER, &[&own, settings].concat());
        Self { node, scratch }
    }

    fn reload(&self, file: &str) {
        self.scratch.write("edge.env", file);
        self.node.reload();
    }

    /// An answer of the admin listener to somebody who asks for an address, with the token if `as_operator`.
    fn admin(&self, method: &str, target: &str, as_operator: bool, body: &str) -> (u16, String) {
        let mut admin = Client::connect(self.node.admin);
        let bearer = format!("Authorization: Bearer {TOKEN}");
        let (host, length) = (format!("Host: {}", self.node.admin), format!("Content-Length: {}", body.len()));
        let mut head = vec![format!("{method} {target} HTTP/1.1"), host, length, "Connection: close".to_owned()];
        head.extend(as_operator.then_some(bearer));
        admin.send(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes());
        let response = admin.read(false);
        (response.status, response.text().to_owned())
    }

    fn status(&self) -> Value {
        let (status, text) = self.admin("GET", "/status.json", false, "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The lines about requests that were logged so far.
    fn requests(&self) -> Vec<Value> {
        let lines = self.node.log();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.filter(|line: &Value| line["target"] == "atelier_edge::request").collect()
    }

    /// The line about a request with this status, once it is there.
    fn line(&self, status: u16) -> Value {
        wait_until("the line is written", PATIENCE, || {
            self.requests().into_iter().find(|line| line["status"] == status && line["message"] != Value::Null)
        })
    }
}

/// Everything that is counted, by name and labels.
fn counted(node: &Node) -> BTreeMap<String, f64> {
    let metrics = node.admin_get("/metrics");
    assert_eq!(metrics.header("content-type").unwrap().split(';').next(), Some("application/openmetrics-text"));
    let lines = metrics.text().lines().filter(|line| !line.starts_with('#'));
    let mut counted = BTreeMap::new();
    for line in lines {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(counted.insert(name.to_owned(), value).is_none(), "{name} comes twice");
    }
    counted
}

#[test]
fn each_answer_is_counted_once_under_its_route_its_status_and_where_it_came_from() {
    let subject = Subject::start(&[]);
    let node = &subject.node;
    let mut unknown = 888_888;
    wait_until("the filter knows what there is not", PATIENCE, || {
        // Another one each time: what was fetched before the filter knew is held.
        unknown += 1;
        assert_eq!(node.get(&format!("/products/{unknown}")).status, 404);
        (counted(node)["atelier_lookups_total{tier=\"filter\",result=\"hit\"}"] > 0.0).then_some(())
    });
    let before = counted(node);
    // Each over a connection of its own, so that both threads have some.
    let body = node.get("/products/2").body.len() as f64;
    let etag = node.get("/products/2").header("etag").unwrap().to_owned();
    for _ in 0..30 {
        assert_eq!(node.get("/api/fec2/hr-x/products/2/").status, 200);
    }
    assert_eq!(node.client().get("/products/2", &[&format!("If-None-Match: {etag}")]).status, 304);
    assert_eq!(node.client().request("HEAD", "/products/2", &[], b"").status, 200);
    assert_eq!(node.get("/products/999999").status, 404);
    assert_eq!(node.get("/reviews?product_id=2147483648").status, 200);
    assert_eq!(node.get("/reviews").status, 422);
    assert_eq!(node.get("/nowhere/at/all").status, 404);
    assert_eq!(node.client().request("PUT", "/reviews/7/helpful", &[], b"").status, 204);
    assert_eq!(node.client().request("PUT", "/reviews/999999/report", &[], b"").status, 404);
    assert_eq!(node.client().request("OPTIONS", "/cart", &[], b"").status, 204);
    assert_eq!(node.get("/cart").status, 200);

    let after = counted(node);
    let rise = |series: &str| after.get(series).unwrap_or(&0.0) - before.get(series).unwrap_or(&0.0);
    let product = "route=\"/products/:product_id\"";
    for (series, expected) in [
        (format!("atelier_requests_total{{{product},status=\"2xx\"}}"), 33.0),
        (format!("atelier_requests_total{{{product},status=\"3xx\"}}"), 1.0),
        (format!("atelier_requests_total{{{product},status=\"4xx\"}}"), 1.0),
        (format!("atelier_answers_total{{{product},result=\"filled\"}}"), 1.0),
        (format!("atelier_answers_total{{{product},result=\"l1\"}}"), 33.0),
        (format!("atelier_answers_total{{{product},result=\"filter\"}}"), 1.0),
        // The 404 has a text of its own.
        (format!("atelier_response_bytes_total{{{product}}}"), 32.0 * body + 34.0),
        ("atelier_answers_total{route=\"/reviews\",result=\"filter\"}".to_owned(), 1.0),
        ("atelier_answers_total{route=\"/reviews\",result=\"refused\"}".to_owned(), 1.0),
        ("atelier_requests_total{route=\"unknown\",status=\"4xx\"}".to_owned(), 1.0),
        ("atelier_answers_total{route=\"/reviews/:review_id/helpful\",result=\"write\"}".to_owned(), 1.0),
        ("atelier_answers_total{route=\"/reviews/:review_id/report\",result=\"refused\"}".to_owned(), 1.0),
        ("atelier_answers_total{route=\"/cart\",result=\"other\"}".to_owned(), 1.0),
        ("atelier_answers_total{route=\"/cart\",result=\"bypass\"}".to_owned(), 1.0),
        ("atelier_lookups_total{tier=\"l1\",result=\"hit\"}".to_owned(), 33.0),
        ("atelier_lookups_total{tier=\"l1\",result=\"miss\"}".to_owned(), 2.0),
        ("atelier_lookups_total{tier=\"origin\",result=\"fill\"}".to_owned(), 1.0),
        ("atelier_lookups_total{tier=\"l2\",result=\"miss\"}".to_owned(), 0.0),
        // What waits is timed: the fill, and the product that the filter did not know of at once.
        (format!("atelier_request_seconds_count{{{product},result=\"filled\"}}"), 1.0),
        ("atelier_request_seconds_count{route=\"/reviews/:review_id/helpful\",result=\"write\"}".to_owned(), 1.0),
        ("atelier_floors_raised_total{by=\"write\"}".to_owned(), 1.0),
    ] {
        assert_eq!(rise(&series), expected, "{series}");
    }
    let all = |counted: &BTreeMap<String, f64>, family: &str| -> f64 {
        counted.iter().filter(|(name, _)| name.starts_with(family)).map(|(_, number)| number).sum()
    };
    let rose = |family: &str| all(&after, family) - all(&before, family);
    assert_eq!((rose("atelier_requests_total"), rose("atelier_answers_total")), (42.0, 42.0), "each is one answer");

    // Of hits one in sixteen is timed for all; each thread owes at most fifteen.
    let timed = rise(&format!("atelier_request_seconds_count{{{product},result=\"hit\"}}"));
    assert!((1.0..=49.0).contains(&timed), "{timed}");
    assert_eq!(after["atelier_build_info{version=\"0.1.0\",profile=\"debug\"}"], 1.0);
    assert!(after["process_resident_memory_bytes"] > 1e6 && after["process_threads"] >= 3.0);
    assert_eq!((after["atelier_ready"], after["atelier_draining"], after["atelier_blind"]), (1.0, 0.0, 0.0));
    assert!(after["atelier_poll_age_seconds"] < 2.0 && after["atelier_bound_seconds"] == 2.0);
    assert_eq!(after["atelier_permits_max{use=\"read\"}"], 8.0);
    assert!(after["atelier_accepted_total{listener=\"public\"}"] >= 42.0);
    assert_eq!(after["atelier_panics_total{place=\"request\"}"], 0.0);
}

/// The names of metrics on a page, and the fixed values of their labels.
fn on_the_page(page: &str) -> std::collections::BTreeSet<String> {
    let name = |word: &&str| word.starts_with("atelier_") || word.starts_with("process_");
    page.split('`').filter(name).map(str::to_owned).collect()
}

/// The commands of the chapter of README.md that is about looking at a node.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, chapter) = page.split_once("\n## Look at a node\n").unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    chapter.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let subject = Subject::start(&[]);
    let pid = subject.node.pid().to_string();
    let run = |block: &str| {
        let block = block
            .replace("127.0.0.1:9090", &subject.node.admin.to_string())
            .replace("/etc/atelier-edge.env", &subject.scratch.path().join("edge.env").display().to_string())
            .replace("$(pidof atelier-edge)", &pid);
        let block = format!("set -euo pipefail\nTOKEN={TOKEN}\n{block}");
        let output = std::process::Command::new("bash").args(["-c", &block]).output().unwrap();
        assert!(output.stderr.is_empty(), "{block}: {}", String::from_utf8_lossy(&output.stderr));
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let commands = commands();
    let [look, why, log, ttl] = &commands[..] else { panic!("{commands:#?}") };
    let (ok, said) = run(look);
    assert!(ok && said.starts_with("alive\nready\n[+] history: "), "{said}");
    assert!(said.contains("# EOF\n{\"settings\":[") && said.ends_with("}\ninfo\n"), "{said}");
    let (ok, said) = run(why);
    assert!(ok && said.contains("\"key\":\"reviews/2/helpful/1x5\",\"would\":\"asked\""), "{said}");
    assert_eq!(run(log), (true, "info,atelier_edge::cache=debug\ninfo,atelier_edge::request=warn\n".to_owned()));
    // It is said when it is done; the last command may come before that.
    let (first, last) = ttl.trim_end().rsplit_once('\n').unwrap();
    assert!(run(first).0);
    wait_until("the ttl is another", PATIENCE, || run(last).0.then_some(()));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn lines_say_what_was_slow_or_failed_by_its_names_and_nothing_that_a_client_made_up() {
    // A microsecond is less than any answer takes that waits for something. The bug is one of `src/red.rs`.
    let subject = Subject::start(&[
        ("ATELIER_LOG", "info,atelier_edge::cache=debug"),
        ("ATELIER_LOG_SLOW", "1us"),
        ("ATELIER_LOG_SAMPLE", "0"),
        ("RED", "28"),
    ]);
    let node = &subject.node;
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01");
    let names = ["X-Request-Id: 0123-abcd", &parent];
    let said = node.client().get("/reviews?product_id=2&count=3&filters[]=hunter2", &names);
    assert_eq!((said.status, said.header("x-request-id")), (200, Some("0123-abcd")));
    let line = subject.line(200);
    let mut fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = "bytes key level message method micros request_id result route status target timestamp trace_id";
    assert_eq!(fields.join(" "), expected);
    for (field, expected) in [
        ("message", "a slow request"),
        ("level", "WARN"),
        ("method", "GET"),
        ("route", "/reviews"),
        ("key", "reviews/2/helpful/1x3"),
        ("result", "filled"),
        ("request_id", "0123-abcd"),
        ("trace_id", TRACE),
    ] {
        assert_eq!(line[field], expected, "{field} of {line}");
    }
    assert_eq!(line["bytes"], said.body.len());
    assert!(line["micros"].as_u64().unwrap() >= 1);
    // What is logged on its behalf has its names too.
    let inner = wait_until("the fetch is logged", PATIENCE, || {
        let log = node.log();
        log.lines().find(|line| line.contains("fetched `reviews/2")).map(str::to_owned)
    });
    let inner: Value = serde_json::from_str(&inner).unwrap();
    assert_eq!(
        (&inner["span"]["request_id"], &inner["span"]["trace_id"]),
        (&"0123-abcd".into(), &TRACE.into()),
        "{inner}"
    );

    // A fault of ours has made itself a name, and the answer tells it.
    let failed = node.client().get("/products/13", &["X-Request-Id: bad\"name"]);
    let line = subject.line(500);
    assert_eq!(line["request_id"], failed.header("x-request-id").unwrap());
    assert_eq!(
        (&line["level"], &line["result"], &line["route"]),
        (&"ERROR".into(), &"failed".into(), &"unknown".into())
    );

    // A hit waits for nothing, and is said only if it is drawn.
    let before = subject.requests().len();
    (0..40).for_each(|_| assert_eq!(node.get("/reviews?product_id=2&count=3").status, 200));
    let sampled = subject.requests()[before..].iter().filter(|line| line["message"] == "a request").count();
    assert_eq!(sampled, 0, "a sample of 0 is none");
    subject.reload("ATELIER_LOG_SAMPLE=1\nATELIER_LOG_SLOW=1h\n");
    let before = subject.requests().len();
    (0..60).for_each(|_| assert_eq!(node.get("/reviews?product_id=2&count=3").status, 200));
    let lines = wait_until("hits are said", PATIENCE, || {
        let lines = subject.requests().split_off(before);
        // Threads may have begun to count under the setting before.
        (lines.len() >= 20).then_some(lines)
    });
    assert!(lines.iter().all(|line| line["result"] == "l1" && line["level"] == "INFO"), "{lines:?}");

    // Nothing of a target, a method or a header gets anywhere unless it was understood.
    let mut client = node.client();
    client.send(b"GET /hunter2\" HTTP/1.1\r\nHost: hunter2\r\nX-Request-Id: hunter2\"\r\ntraceparent: hunter2\r\n\r\n");
    assert!(matches!(client.read(false).status, 400 | 404));
    assert_eq!(node.client().request("HUNTER2", "/products", &[], b"").status, 405);
    subject.line(405);
    assert!(!node.log().to_lowercase().contains("hunter2"), "{}", node.log());
    subject.requests();
}

#[test]
fn the_admin_listener_says_how_the_node_is_and_lets_operators_change_what_is_logged() {
    let subject = Subject::start(&[("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0"), ("ATELIER_TTL_LIST", "7s")]);
    let get = |target: &str| subject.admin("GET", target, false, "");
    assert_eq!(get("/livez"), (200, "alive\n".to_owned()));
    let (status, text) = get("/readyz?verbose");
    let checks: Vec<_> = text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(
        (status, &checks[..3], text.lines().last()),
        (200, &["[+] history", "[+] proof", "[+] origin"][..], Some("ready"))
    );
    assert_eq!((checks[4], checks[5], checks.len()), ("[+] memory", "[+] drain", 6), "{text}");
    assert_eq!(get("/readyz"), (200, "ready\n".to_owned()));

    let (status, text) = get("/config");
    let config: Value = serde_json::from_str(&text).unwrap();
    let setting = |name: &str| {
        config["settings"].as_array().unwrap().iter().find(|found| found["name"] == name).cloned().unwrap()
    };
    assert_eq!((status, text.contains("hunter2")), (200, false));
    let ttl = serde_json::json!({"name": "ATELIER_TTL_LIST", "value": "7s", "default": "60s", "from": "environment", "live": true});
    assert_eq!(setting("ATELIER_TTL_LIST"), ttl);
    assert_eq!(
        (&setting("DATABASE_URL")["value"], &setting("DATABASE_URL")["from"]),
        (&Value::Null, &"default".into())
    );
    assert_eq!(setting("REDIS_URL")["value"], "redis://127.0.0.1:1/0");
    subject.reload("ATELIER_TTL_LIST=9s\n");
    let config: Value = serde_json::from_str(&get("/config").1).unwrap();
    let of_file =
        config["settings"].as_array().unwrap().iter().find(|found| found["name"] == "ATELIER_TTL_LIST").unwrap();
    assert_eq!((&of_file["value"], &of_file["from"]), (&"9s".into(), &"file".into()));

    assert_eq!(get("/log"), (200, "info\n".to_owned()));
    assert_eq!(subject.admin("PUT", "/log", false, "debug").0, 401);
    for wrong in ["", "=x=y", "\u{1}"] {
        assert_eq!(subject.admin("PUT", "/log", true, wrong).0, 422, "{wrong:?}");
    }
    assert_eq!(get("/log").1, "info\n");
    assert!(!subject.node.log().contains("fetched `product/3`"));
    assert_eq!(
        subject.admin("PUT", "/log", true, "info,atelier_edge::cache=debug\n"),
        (200, "info,atelier_edge::cache=debug\n".to_owned())
    );
    subject.node.get("/products/3");
    wait_until("it is logged", PATIENCE, || subject.node.log().contains("fetched `product/3`").then_some(()));
    subject.node.reload();
    wait_until("the settings have the last word", PATIENCE, || (get("/log").1 == "info\n").then_some(()));

    // A name that leads here is not told what stands here, and no page of another name may show it.
    for target in ["/", "/status.json", "/config", "/log"] {
        assert_eq!(subject.node.admin_get(target).status, 421, "{target}");
    }
    let mut client = Client::connect(subject.node.admin);
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let page = client.read(false);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");

    // Why a path would be answered as it is.
    let why = |path: &str| {
        let path: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (status, text) = subject.admin("GET", &format!("/entry?path={path}"), true, "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(subject.admin("GET", "/entry?path=/products/3", false, "").0, 401);
    let table = [
        ("/products/3", "l1", Some("product/3")),
        ("http://shop.example/products/3/?x=1#top", "l1", Some("product/3")),
        ("/products/3?from=http://shop.example/products/4", "l1", Some("product/3")),
        ("/products/4", "asked", Some("product/4")),
        ("/products/999999", "filter", Some("product/999999")),
        ("/products/2147483648", "filter", None),
        ("/products/x", "404", None),
        ("/reviews", "422", None),
        ("/interactions", "405", None),
        ("/cart", "bypass", None),
        ("/nowhere", "404", None),
    ];
    for (path, would, key) in table {
        let said = why(path);
        assert_eq!((&said["would"], said["key"].as_str()), (&would.into(), key), "{path}: {said}");
        assert!(said["why"].as_str().unwrap().ends_with('.'), "{said}");
        assert_eq!(said["entry"].is_null(), would != "l1", "{said}");
    }
    let before = counted(&subject.node);
    why("/products/4");
    let after = counted(&subject.node);
    assert_eq!(
        before["atelier_lookups_total{tier=\"l1\",result=\"miss\"}"],
        after["atelier_lookups_total{tier=\"l1\",result=\"miss\"}"]
    );
    assert_eq!(why("/products/4")["would"], "asked", "asking changes nothing");
}

/// What a page says of metrics is what a node has, and the other way round.
fn assert_is_described(metrics: &str) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    // As a counter is called in queries.
    let scraped =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| match line.split_once(' ') {
            Some((name, "counter")) => format!("{name}_total"),
            Some((name, "info")) => format!("{name}_info"),
            Some((name, _)) => name.to_owned(),
            None => panic!("{line}"),
        });
    let scraped: std::collections::BTreeSet<_> = scraped.collect();
    assert_eq!(on_the_page(&page), scraped);
    for label in page.split("| ").filter(|cell| cell.contains(" = `")) {
        let (name, values) = label.split_once(" = ").unwrap();
        let name = name.rsplit('`').nth(1).unwrap();
        for value in values.split(", ").next().unwrap().split('`').filter(|word| !word.trim().is_empty()) {
            let there = metrics.contains(&format!("{name}=\"{value}\""));
            let only_then = label.contains("when seen");
            assert!(there || only_then, "{name}={value}");
        }
    }
}

#[test]
fn a_database_that_falls_silent_is_seen_everywhere_and_metrics_are_those_of_their_page() {
    let postgres = Postgres::start();
    postgres.create("shop");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    postgres.psql(
        "shop",
        "INSERT INTO products (id, name, slogan, description, category, default_price)
         SELECT n, 'Product ' || n, 'Slogan', 'Description', 'Jackets', n * 100 FROM generate_series(1, 40) AS n",
    );
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port())));
    let subject = Subject::start(&[("DATABASE_URL", &format!("postgres://postgres@{}/shop", proxy.address()))]);
    let node = &subject.node;
    assert_eq!(node.get("/products/1").status, 200);
    let well = counted(node);
    assert_is_described(node.admin_get("/metrics").text());
    assert_eq!(well["atelier_database_connections{use=\"read\"}"], 3.0);
    assert!(well["atelier_polls_total{result=\"resync\"}"] >= 1.0 && well["atelier_permits_max{use=\"write\"}"] == 4.0);
    proxy.set(None, Fault::Silent);
    wait_until("nothing can be proved", PATIENCE, || (counted(node)["atelier_blind"] == 1.0).then_some(()));
    assert_eq!(node.get("/products/2").status, 503);
    let line = subject.line(503);
    assert_eq!(
        (&line["level"], &line["key"], &line["result"]),
        (&"WARN".into(), &"product/2".into(), &"failed".into())
    );
    let (status, text) = subject.admin("GET", "/readyz?verbose", false, "");
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("[!] proof: nothing can be proved: the last poll began"), "{text}");
    let stale = node.get("/products/1");
    assert!(stale.header("cache-status").unwrap().contains("stale-origin"));
    wait_until("the blind time is counted, and polls that failed", PATIENCE, || {
        let now = counted(node);
        let counts = now["atelier_blind_seconds_total"] > well["atelier_blind_seconds_total"]
            && now["atelier_polls_total{result=\"failed\"}"] > 0.0
            && now["atelier_poll_age_seconds"] > 2.0
            && now["atelier_answers_total{route=\"/products/:product_id\",result=\"stale_origin\"}"] == 1.0;
        counts.then_some(())
    });
    let said = subject.status();
    assert_eq!((&said["freshness"]["open"], said["breakers"][0]["name"].as_str()), (&false.into(), Some("PostgreSQL")));
    proxy.heal_all();
    wait_until("it is well again", PATIENCE, || (counted(node)["atelier_blind"] == 0.0).then_some(()));
}

/// Asks for a few things again and again until it is told to stop.
fn shop(node: &Node, until: &AtomicBool) {
    let mut client = node.client();
    for round in 0_u64.. {
        if until.load(Ordering::Relaxed) {
            return;
        }
        let target = match round % 10 {
            0..5 => "/products/1".to_owned(),
            5..8 => "/products/2/styles".to_owned(),
            8 => format!("/reviews?product_id={}&count=5", round / 10 % 12 + 1),
            _ => format!("/reviews?product_id=2&page=1&count={}", round / 10 % 4000 + 1),
        };
        assert_eq!(client.get(&target, &[]).status, 200);
        if round % 200 == 199 {
            client.request("PUT", "/reviews/7/helpful", &[], b"");
            // A shop, not a benchmark.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_page_shows_a_node_with_traffic_in_a_real_browser() {
    let Some(chromium) = Chromium::find() else {
        eprintln!("skipped: chromium is not installed; dev/setup.sh installs it on Debian");
        return;
    };
    let subject = Subject::start(&[]);
    let url = format!("http://{}/", subject.node.admin);
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| shop(&subject.node, &stop));
        let order = r#"{"tags":["reviews:7"],"kind":"soft","reason":"a test"}"#;
        let (status, said) = subject.admin("POST", "/purge", true, order);
        // The samples of what is hot begin with the first look.
        wait_until("there are points of a node with traffic", PATIENCE, || {
            let status = subject.status();
            let hits = status["points"].as_array().unwrap().iter().any(|point| point["l1"].as_f64().unwrap() > 0.0);
            (hits && status["hot"]["samples"].as_u64().unwrap() > 0).then_some(())
        });
        let seen = chromium.look(&url);
        if let Some(folder) = std::env::var_os("ATELIER_PICTURES") {
            let picture = |name: &str, size, dark| chromium.picture(&url, &Path::new(&folder).join(name), size, dark);
            picture("desktop.png", (1280, 1400), false);
            picture("dark.png", (1280, 1400), true);
            picture("phone.png", (500, 2600), false);
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(status, 200, "{said}");
        seen
    });
    assert_eq!(seen.console, Vec::<String>::new(), "nothing is refused, and nothing breaks");
    assert_eq!(seen.text("state"), "ready");
    let number = |id: &str| {
        let text = seen.text(id).replace([',', '>', '<', '≤'], "");
        text.trim().parse::<f64>().unwrap_or_else(|_| panic!("{id} is {text:?}"))
    };
    assert!(number("requests") > 0.0 && number("ratio") > 0.0 && number("age") > 0.0);
    assert!(seen.text("tiers").contains("L1, in process"), "{}", seen.text("tiers"));
    assert!(seen.text("hot").starts_with("product/1 "), "{}", seen.text("hot"));
    assert!(seen.text("purges").contains("reviews:7 "), "{}", seen.text("purges"));
    assert!(seen.text("purges").contains("soft, ordered at this node"), "{}", seen.text("purges"));
    assert!(seen.text("checks").contains("✓ history"), "{}", seen.text("checks"));
    assert!(seen.text("breakers").contains("No Redis"), "{}", seen.text("breakers"));
    assert!(seen.text("about").contains(&subject.node.address.to_string()), "{}", seen.text("about"));
    assert!(seen.dom.contains("<path d=\"M"), "lines are drawn");
}
