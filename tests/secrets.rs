//! Secrets are told to those they are for, and stand nowhere else: not in a log at its most talkative, not in an answer, not among the
//! arguments, whatever goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::Command;
use std::time::Duration;

use atelier_rig::node::OF_OTHERS;
use atelier_rig::{Client, Node, Postgres, Redis, Scratch, wait_until};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passwords and tokens, right and wrong ones, none of which looks like anything else.
const DATABASE: &str = "dbpw-Ua7xq1";
const WRONG_DATABASE: &str = "dbpw-wrong-Ub8";
const REDIS: &str = "rdpw-Uc9zk3";
const WRONG_REDIS: &str = "rdpw-wrong-Ud0";
const API: &str = "apitok-Ue1mm5";
const ADMIN: &str = "admtok-Uf2nn6";
const WRONG_TOKEN: &str = "tok-wrong-Ug3";
const ALL: [&str; 7] = [DATABASE, WRONG_DATABASE, REDIS, WRONG_REDIS, API, ADMIN, WRONG_TOKEN];

/// Outdates everything that a node holds, so that it has to be fetched again.
fn purge_all(node: &Node) -> Result<atelier_rig::Response, String> {
    let header = format!("Authorization: Bearer {ADMIN}");
    Client::connect(node.admin).try_request("POST", "/purge", &[&header], br#"{"all":true}"#)
}

/// Everything that anybody was told, and by whom.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, who: &str, what: impl Into<String>) {
        self.0.push((who.to_owned(), what.into()));
    }

    /// Runs the server's program and notes what it says; returns its exit status and that.
    fn run(&mut self, who: &str, arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = Command::new(SERVER);
        for (name, _) in std::env::vars() {
            if name.starts_with("ATELIER_") || OF_OTHERS.contains(&&*name) {
                command.env_remove(name);
            }
        }
        let done = command.args(arguments).envs(settings.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        self.add(who, &*said);
        (done.status.code(), said)
    }

    /// The same by a node's log, its greeting and its arguments.
    fn of_node(&mut self, who: &str, mut node: Node) {
        let arguments = std::fs::read(format!("/proc/{}/cmdline", node.process().pid())).unwrap();
        self.add(who, String::from_utf8_lossy(&arguments));
        self.add(who, node.greeting.join("\n"));
        node.process().signal("TERM");
        assert_eq!(node.process().ended(PATIENCE), 0);
        let log = node.log();
        assert!(log.contains("asked to stop"), "{who}: {log}");
        self.add(who, log);
    }

    /// Who said which secret.
    fn leaks(&self) -> Vec<(&str, &str)> {
        let leaks = self.0.iter().flat_map(|(who, what)| {
            ALL.into_iter().filter(move |secret| what.contains(secret)).map(move |secret| (&**who, secret))
        });
        leaks.collect()
    }
}

#[test]
fn no_secret_is_found_in_anything_that_is_said() {
    let (postgres, redis, scratch) = (Postgres::start(), Redis::start(), Scratch::new("secrets"));
    let database = postgres.create("shop");
    let loaded = atelier_rig::import::load(
        SERVER,
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("import/sample"),
        &database,
        &[],
    );
    assert!(loaded.status.success());
    postgres.psql("postgres", &format!("CREATE ROLE shop SUPERUSER LOGIN PASSWORD '{DATABASE}'"));
    postgres.let_in("host all postgres 127.0.0.1/32 trust\nhost all shop 127.0.0.1/32 scram-sha-256\n");
    assert!(redis.command(&format!("CONFIG SET requirepass {REDIS}")).starts_with("+OK"));
    let file = |name: &str, content: &str| scratch.write(name, format!("{content}\n")).display().to_string();
    let (in_file, wrong_in_file) = (file("db", DATABASE), file("db-wrong", WRONG_DATABASE));
    let redis_in_file = file("redis", REDIS);
    let (api, admin) = (file("api", API), file("admin", ADMIN));
    let (port, redis_port) = (postgres.port(), redis.port());
    let plain = format!("postgres://shop@127.0.0.1:{port}/shop");
    let with = |password: &str| format!("postgres://shop:{password}@127.0.0.1:{port}/shop");
    let redis_with = |password: &str| format!("redis://:{password}@127.0.0.1:{redis_port}/0");
    let redis_plain = format!("redis://127.0.0.1:{redis_port}/0");
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let mut said = Said::default();

    // The right secrets, from files, with a log of everything; then other ones, by a file that is read again.
    let env_file = scratch.write("edge.env", "ATELIER_TTL_LIST=5s\n").display().to_string();
    let settings = [
        ("DATABASE_URL", &*plain),
        ("ATELIER_DATABASE_PASSWORD_FILE", &*in_file),
        ("REDIS_URL", &*redis_plain),
        ("ATELIER_REDIS_PASSWORD_FILE", &*redis_in_file),
        ("ATELIER_REDIS_TIMEOUT", "500ms"),
        ("ATELIER_BUDGET", "1500ms"),
        ("ATELIER_API_TOKEN_FILE", &*api),
        ("ATELIER_ADMIN_TOKEN_FILE", &*admin),
        ("ATELIER_ENV_FILE", &*env_file),
        ("ATELIER_LOG", "trace"),
    ];
    let node = Node::start(SERVER, &settings);
    for (token, status) in [(API, 200), (WRONG_TOKEN, 401)] {
        let header = format!("Authorization: {token}");
        for (method, target) in
            [("GET", "/products/1"), ("GET", "/products/1"), ("GET", "/cart"), ("PUT", "/reviews/7/helpful")]
        {
            let answer = node.client().request(method, target, &[&header], b"");
            assert!(
                answer.status == status || (status, answer.status) == (200, 204),
                "{method} {target}: {}",
                answer.status
            );
            said.add("an answer", format!("{:?} {}", answer.headers, answer.text()));
        }
        let order = br#"{"tags":["product:1"]}"#;
        let header = bearer(if status == 200 { ADMIN } else { token });
        for (method, target) in
            [("GET", "/entry?key=product/1"), ("POST", "/purge"), ("GET", "/metrics"), ("GET", "/readyz")]
        {
            let body: &[u8] = if method == "POST" { order } else { b"" };
            let answer = Client::connect(node.admin).request(method, target, &[&header], body);
            said.add("the admin listener", format!("{:?} {}", answer.headers, answer.text()));
        }
    }
    wait_until("Redis is used with its password", PATIENCE, || {
        redis.command(&format!("AUTH {REDIS}\r\nDBSIZE")).contains("\r\n:").then_some(())
    });
    scratch.write("edge.env", format!("DATABASE_URL={}\nATELIER_TTL_LIST=6s\n", with(WRONG_DATABASE)));
    said.add("a change that needs a restart", node.reload());
    scratch.write("edge.env", format!("DATABASE_URL=mysql://u:{WRONG_DATABASE}@h/d\n{WRONG_REDIS}\n"));
    said.add("a change that is wrong", node.reload());
    said.of_node("the right secrets", node);

    // Panics, wherever they are.
    let mut panicking = settings.to_vec();
    // Everything of this program, and not everything of its libraries again.
    panicking.retain(|(name, _)| *name != "ATELIER_LOG");
    panicking.extend([("ATELIER_LOG", "debug"), ("RED", "28"), ("PANIC", "fetch:2,fill:3,poll:5,write:2")]);
    scratch.write("edge.env", "");
    let node = Node::launch(SERVER, &panicking);
    let header = format!("Authorization: {API}");
    wait_until("everything has panicked", PATIENCE, || {
        for (method, target) in [("GET", "/products/13"), ("GET", "/products/2"), ("PUT", "/reviews/7/helpful")] {
            if let Ok(answer) = node.client().try_request(method, target, &[&header], b"") {
                said.add("a panic", format!("{answer:?}"));
            }
        }
        let _ = purge_all(&node);
        let log = node.log();
        let signs = ["an answer panicked", "on purpose: Fetch", "on purpose: Poll", "on purpose: Write"];
        signs.iter().all(|sign| log.contains(sign)).then_some(())
    });
    said.of_node("panics", node);

    // Wrong ones, and right ones for servers that refuse or are not there.
    let nobody = atelier_rig::process::free_port();
    for (who, settings, sign) in [
        (
            "a wrong password in a file",
            vec![("DATABASE_URL", plain.clone()), ("ATELIER_DATABASE_PASSWORD_FILE", wrong_in_file.clone())],
            "password authentication failed",
        ),
        (
            "a wrong password in the address",
            vec![("DATABASE_URL", with(WRONG_DATABASE))],
            "password authentication failed",
        ),
        (
            "no password",
            vec![("DATABASE_URL", plain.clone())],
            "it belongs into the file of ATELIER_DATABASE_PASSWORD_FILE",
        ),
        (
            "nobody there",
            vec![("DATABASE_URL", format!("postgres://shop:{DATABASE}@127.0.0.1:{nobody}/shop"))],
            "Connection refused",
        ),
        ("a wrong password for Redis", vec![("REDIS_URL", redis_with(WRONG_REDIS))], "Redis fails"),
        ("no Redis", vec![("REDIS_URL", format!("redis://:{REDIS}@127.0.0.1:{nobody}/0"))], "Redis fails"),
    ] {
        let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        settings.push(("ATELIER_LOG", "trace"));
        let node = Node::launch(SERVER, &settings);
        said.add(who, format!("{:?}", node.get("/products/1")));
        wait_until(sign, PATIENCE, || node.log().contains(sign).then_some(()));
        said.add(who, node.admin_get("/readyz").text());
        said.of_node(who, node);
    }

    // Commands, right and wrong.
    let (right, wrong) = ([("DATABASE_URL", &*with(DATABASE))], [("DATABASE_URL", &*with(WRONG_DATABASE))]);
    assert_eq!(said.run("a purge", &["purge", "--all"], &right).0, Some(0));
    let (status, complaint) = said.run("a purge with a wrong password", &["purge", "--all"], &wrong);
    assert!(status == Some(1) && complaint.contains("password authentication failed"), "{complaint}");
    let shown =
        [("DATABASE_URL", &*with(DATABASE)), ("REDIS_URL", &*redis_with(REDIS)), ("ATELIER_ADMIN_TOKEN_FILE", &*admin)];
    for form in ["table", "markdown", "env"] {
        assert_eq!(said.run("print-config", &["print-config", "--form", form], &shown).0, Some(0));
    }
    assert_eq!(said.run("check-config", &["check-config"], &shown).0, Some(0));
    let twice = [
        &shown[..],
        &[("ATELIER_DATABASE_PASSWORD_FILE", &*in_file), ("ATELIER_REDIS_PASSWORD_FILE", &*redis_in_file)],
    ]
    .concat();
    let (status, complaint) = said.run("two passwords", &["check-config"], &twice);
    assert_eq!(
        (status, complaint.lines().count(), complaint.matches("has a password, too").count()),
        (Some(78), 2, 2),
        "{complaint}"
    );
    let broken = [
        ("DATABASE_URL", &*format!("postgres://shop:{DATABASE}@h:port/shop")),
        ("REDIS_URL", &*format!("rediss://:{REDIS}@h/#insecure")),
    ];
    for command in ["check-config", "serve", "purge"] {
        let arguments: &[&str] = if command == "purge" { &["purge", "--all"] } else { &[command] };
        assert_eq!(said.run("addresses that are none", arguments, &broken).0, Some(78));
    }

    // A password among the arguments is refused, by whichever command, and not repeated.
    let (database, redis) =
        (format!("--database-url={}", with(DATABASE)), format!("--redis-url={}", redis_with(REDIS)));
    for arguments in [&["check-config", &*database, &*redis][..], &["serve", &*database, &*redis]] {
        let (status, complaint) = said.run("passwords as arguments", arguments, &[]);
        assert_eq!((status, complaint.lines().count()), (Some(78), 2), "{complaint}");
        assert!(
            complaint.contains("ATELIER_DATABASE_PASSWORD_FILE") && complaint.contains("ATELIER_REDIS_PASSWORD_FILE")
        );
    }
    assert_eq!(said.run("a password as an argument", &["purge", "--all", &database], &[]).0, Some(78));

    println!("{} texts, {} bytes", said.0.len(), said.0.iter().map(|(_, what)| what.len()).sum::<usize>());
    assert_eq!(said.leaks(), []);
    said.add("the test", format!("…{API}…"));
    assert_eq!(said.leaks(), [("the test", API)], "a secret would be found");
}

#[test]
fn credentials_of_systemd_are_taken_where_nothing_else_is_said() {
    let (credentials, state) = (Scratch::new("credentials"), Scratch::new("state"));
    credentials.write("atelier.api-token", API);
    credentials.write("atelier.admin-token", ADMIN);
    let (folder, state) = (credentials.path().to_str().unwrap(), state.path().to_str().unwrap());
    let settings = [("CREDENTIALS_DIRECTORY", folder), ("STATE_DIRECTORY", state)];
    let node = Node::start(SERVER, &settings);
    assert_eq!(node.get("/products/1").status, 401);
    assert_eq!(node.client().get("/products/1", &[&format!("Authorization: {API}")]).status, 200);
    let order = |token: &str| {
        Client::connect(node.admin).get("/entry?key=product/1", &[&format!("Authorization: Bearer {token}")])
    };
    assert_eq!((order(API).status, order(ADMIN).status), (401, 200));
    wait_until("the folder for state is used", PATIENCE, || {
        node.log().contains("the list of hot keys is not there").then_some(())
    });

    let other = credentials.write("another", "letmein").display().to_string();
    let (_, shown) =
        Said::default().run("", &["print-config"], &[&settings[..], &[("ATELIER_API_TOKEN_FILE", &other)]].concat());
    let line =
        |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().last().unwrap();
    assert_eq!(line("ATELIER_API_TOKEN_FILE"), "environment");
    assert_eq!((line("ATELIER_ADMIN_TOKEN_FILE"), line("ATELIER_STATE_DIR")), ("systemd", "systemd"));
    assert_eq!(line("ATELIER_DATABASE_PASSWORD_FILE"), "default");
}
