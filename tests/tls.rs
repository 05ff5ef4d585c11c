//! TLS to PostgreSQL and Redis: with the right certificates everything works over it, and a server that cannot be verified is told
//! nothing, and why is said. The certificates are thrown away with the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use atelier_rig::node::OF_OTHERS;
use atelier_rig::{Authority, Node, Postgres, Redis, Scratch, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

const PASSWORD: &str = "correct-horse";

/// Who may come in: the test itself as ever, a shop with TLS and its password alone.
const HBA: &str = "host all postgres 127.0.0.1/32 trust\nhostssl all shop 127.0.0.1/32 scram-sha-256\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A program with these settings and no others.
fn run(program: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if name.starts_with("ATELIER_") || OF_OTHERS.contains(&&*name) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(settings.iter().copied()).output().unwrap()
}

fn purge(settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let done = run(Path::new(SERVER), &["purge", "--tag", "product:1"], settings);
    (done.status.code(), text(&done.stdout) + &text(&done.stderr))
}

fn load(settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let sample = path(&Path::new(env!("CARGO_MANIFEST_DIR")).join("import/sample"));
    let program: PathBuf = atelier_rig::import::program(SERVER);
    let done = run(&program, &["load", "--replace", "--data", &sample], settings);
    (done.status.code(), text(&done.stdout) + &text(&done.stderr))
}

#[test]
fn reads_writes_polls_hints_imports_and_purges_go_over_tls() {
    let (authority, scratch) = (Authority::new(), Scratch::new("tls"));
    let certificate = authority.issue(&["DNS:db.atelier.test", "IP:127.0.0.1"]);
    let (postgres, redis) = (Postgres::start_with_tls(&certificate, &[]), Redis::start_with_tls(&certificate));
    postgres.psql("postgres", &format!("CREATE ROLE shop SUPERUSER LOGIN PASSWORD '{PASSWORD}'"));
    postgres.psql("postgres", "CREATE DATABASE shop OWNER shop");
    postgres.let_in(HBA);
    assert!(redis.command(&format!("CONFIG SET requirepass {PASSWORD}")).starts_with("+OK"));
    let password = path(&scratch.write("password", format!("{PASSWORD}\n")));
    let ca = path(&authority.file());
    let port = postgres.port();
    // Without a password in it, without a name in the address, and bound to the very channel.
    let database = format!("postgres://shop@127.0.0.1:{port}/shop?sslmode=verify-full&channel_binding=require");
    let trust = [("ATELIER_DATABASE_PASSWORD_FILE", &*password), ("ATELIER_DB_CA_FILE", &*ca)];
    let settings = [&[("DATABASE_URL", &*database)], &trust[..]].concat();

    let (status, said) = load(&settings);
    assert_eq!(status, Some(0), "{said}");

    let shared = format!("rediss://127.0.0.1:{}/0", redis.tls_port());
    let more = [
        ("REDIS_URL", &*shared),
        ("ATELIER_REDIS_PASSWORD_FILE", &*password),
        ("ATELIER_REDIS_CA_FILE", &*ca),
        // On a busy machine a look-up may take longer than 20 ms, and what is seen within the seconds that the next poll is away was
        // seen by a hint.
        ("ATELIER_REDIS_TIMEOUT", "500ms"),
        ("ATELIER_BUDGET", "1500ms"),
        ("ATELIER_POLL", "60s"),
        ("ATELIER_BOUND", "70s"),
    ];
    let settings = [&settings[..], &more[..]].concat();
    let nodes = [Node::start(SERVER, &settings), Node::start(SERVER, &settings)];
    let target = "/reviews?product_id=2";
    let status = |node: &Node| node.get(target).header("cache-status").unwrap().to_owned();
    assert_eq!(status(&nodes[0]), "atelier-edge; fwd=uri-miss; stored");
    assert_eq!(status(&nodes[0]), "atelier-edge; hit; detail=l1");
    wait_until("the answer is in Redis, beside the epoch", PATIENCE, || {
        redis.command(&format!("AUTH {PASSWORD}\r\nDBSIZE")).contains(":2\r").then_some(())
    });
    assert_eq!(status(&nodes[1]), "atelier-edge; hit; detail=l2");

    let before = nodes[1].get(target).text().to_owned();
    let review = before.split_once("\"review_id\":").unwrap().1.split_once(',').unwrap().0.to_owned();
    wait_until("both nodes hear hints", PATIENCE, || {
        let written = nodes[0].client().request("PUT", &format!("/reviews/{review}/helpful"), &[], b"");
        assert_eq!(written.status, 204, "{}", nodes[0].log());
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            if nodes[1].get(target).text() != before {
                return Some(());
            }
        }
        None
    });

    let (status, said) = purge(&settings);
    assert_eq!((status, said.contains("hard product:1")), (Some(0), true), "{said}");
    // By a name that a certificate bears while the address is another; and with roots that the system trusts.
    let named =
        format!("host=db.atelier.test hostaddr=127.0.0.1 port={port} user=shop dbname=shop sslmode=verify-full");
    let (status, said) =
        purge(&[("DATABASE_URL", &named), ("ATELIER_DATABASE_PASSWORD_FILE", &password), ("SSL_CERT_FILE", &ca)]);
    assert_eq!(status, Some(0), "{said}");

    let kinds =
        "SELECT ssl, count(*) > 5 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'shop' GROUP BY 1";
    assert_eq!(postgres.psql("postgres", kinds), "t|t", "every connection of the nodes is encrypted");
    for node in &nodes {
        assert!(!node.log().contains("Redis fails"), "{}", node.log());
    }
}

#[test]
fn a_database_that_cannot_be_verified_is_told_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = authority.issue(&["DNS:db.atelier.test", "IP:127.0.0.1"]);
    let postgres = Postgres::start_with_tls(&good, &["log_connections=on"]);
    postgres.psql("postgres", &format!("CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'"));
    let port = postgres.port();
    let at = |name: &str, more: &str| {
        format!("host={name} hostaddr=127.0.0.1 port={port} user=shop password={PASSWORD} dbname=postgres {more}")
    };
    let verified = at("db.atelier.test", "sslmode=verify-full");
    let (ours, theirs) = (path(&authority.file()), path(&stranger.file()));
    let refused = |database: &str, ca: &str, why: &str| {
        let settings = [("DATABASE_URL", database), ("ATELIER_DB_CA_FILE", ca)];
        for (status, said) in [purge(&settings), load(&settings)] {
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains(why) && !said.contains(PASSWORD), "{why}: {said}");
        }
    };
    refused(&verified, &theirs, "UnknownIssuer");
    refused(&at("shop.atelier.test", "sslmode=verify-full"), &ours, "not valid for name");

    // A node serves nothing from there, and says why in its log and to whoever asks whether it is ready.
    let node = Node::launch(SERVER, &[("DATABASE_URL", &verified), ("ATELIER_DB_CA_FILE", &theirs)]);
    wait_until("the node says why", PATIENCE, || {
        let ready = node.admin_get("/readyz");
        let why = "ATELIER_DB_CA_FILE names the file of its authority: error performing TLS handshake: invalid peer certificate: UnknownIssuer";
        (ready.status == 503 && ready.text().contains(why) && node.log().contains(why)).then_some(())
    });
    assert_eq!(node.get("/products/1").status, 503);
    drop(node);

    postgres.set_certificate(&authority.issue_expired(&["DNS:db.atelier.test"]));
    refused(&verified, &ours, "Expired");
    postgres.set_tls(false);
    refused(&verified, &ours, "server does not support TLS");
    // This machine by an address that is not one of loopback: without a word about it, that is another machine.
    refused(&format!("postgres://shop:{PASSWORD}@0.0.0.0:{port}/postgres"), &ours, "server does not support TLS");

    // Nobody got as far as saying who he is.
    let log = postgres.log();
    assert!(log.contains("connection received") && !log.contains("user=shop"), "{log}");
    // The same, when plain text is asked for.
    let (_, said) = purge(&[("DATABASE_URL", &at("db.atelier.test", "sslmode=disable"))]);
    assert!(said.contains("the database holds no catalogue"), "{said}");
    assert!(postgres.log().contains("user=shop"));
}

#[test]
fn a_redis_that_cannot_be_verified_is_told_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let redis = Redis::start_with_tls(&authority.issue(&["IP:127.0.0.1"]));
    let (ours, theirs) = (path(&authority.file()), path(&stranger.file()));
    let by = |host: &str, port: u16| format!("rediss://:{PASSWORD}@{host}:{port}/0");
    let refused = |url: &str, ca: &str, why: &str| {
        let node = Node::start(SERVER, &[("REDIS_URL", url), ("ATELIER_REDIS_CA_FILE", ca)]);
        assert_eq!(node.get("/products/1").status, 200, "it serves without");
        wait_until("it says why", PATIENCE, || {
            node.log().lines().any(|line| line.contains("Redis fails") && line.contains(why)).then_some(())
        });
        assert!(!node.log().contains(PASSWORD), "{}", node.log());
    };
    refused(&by("127.0.0.1", redis.tls_port()), &theirs, "UnknownIssuer");
    refused(&by("localhost", redis.tls_port()), &ours, "not valid for name");
    redis.set_certificate(&authority.issue_expired(&["IP:127.0.0.1"]));
    refused(&by("127.0.0.1", redis.tls_port()), &ours, "Expired");
    refused(&by("127.0.0.1", redis.port()), &ours, "TLS");
    assert!(redis.command("DBSIZE").starts_with(":0\r"));
    let failures = redis.command("INFO commandstats");
    assert!(!failures.contains("cmdstat_auth") && !failures.contains("cmdstat_set:"), "{failures}");
}
