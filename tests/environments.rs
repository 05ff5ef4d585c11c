//! Two hundred environments, drawn by a fixed seed: each setting right or wrong, by the environment or by a file, names that are none, and
//! values that contradict each other. What `check-config` says of each is known beforehand, and only what is right starts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::process::{Command, Output};

use atelier_edge::config::{Setting, settings};
use atelier_rig::node::OF_OTHERS;
use atelier_rig::{Node, Scratch};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

const ENVIRONMENTS: usize = 200;

/// Files and folders that settings may name.
struct Files {
    scratch: Scratch,
    authority: atelier_rig::Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self { scratch: Scratch::new("mutations"), authority: atelier_rig::Authority::new() };
        files.scratch.write("secret", "hunter2\n");
        files.scratch.write("empty", "");
        files
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }
}

/// Right values and wrong ones, each wrong by itself.
fn values(setting: &Setting, files: &Files) -> (Vec<String>, Vec<String>) {
    let default = setting.default.clone();
    let mut right: Vec<String> = default.into_iter().collect();
    let (more, wrong): (Vec<String>, Vec<String>) = {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        match (&*setting.variable, &*setting.kind) {
            ("ATELIER_LISTEN" | "ATELIER_ADMIN_LISTEN", _) => {
                right.clear();
                (texts(&["127.0.0.1:0"]), texts(&["everywhere", "127.0.0.1", "localhost:80", "", "127.0.0.1:65536"]))
            }
            ("DATABASE_URL", _) => (
                texts(&["postgres://u@127.0.0.1:9/d", "host=localhost user=u sslmode=disable"]),
                texts(&[
                    "",
                    "mysql://h/d",
                    "postgres://h:port/d",
                    "postgres://h/d?sslmode=prefer",
                    "postgres://h/d?sslcert=x",
                    "dbname=d",
                ]),
            ),
            ("REDIS_URL", _) => (
                texts(&["redis://127.0.0.1:9/0", "redis+unix:///nowhere"]),
                texts(&["", "http://h", "redis://h:port", "rediss://127.0.0.1/#insecure", "redis://0.0.0.0"]),
            ),
            // Said with every other setting of the test.
            ("ATELIER_ENV_FILE", _) => (vec![], vec![]),
            (name, "FILE") if name.ends_with("_CA_FILE") => (
                vec![files.authority.file().display().to_string()],
                vec!["/nowhere/ca.pem".to_owned(), "/".to_owned(), files.path("secret"), files.path("empty")],
            ),
            (_, "FILE") => (
                vec![files.path("secret")],
                ["/nowhere/secret", "/", "/dev/zero", ""]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([files.path("empty")])
                    .collect(),
            ),
            (_, "FOLDER") => {
                (vec![files.path("")], vec!["/nowhere/state".to_owned(), files.path("secret"), String::new()])
            }
            (_, "WORD") => (texts(&["accepted"]), texts(&["", "yes", "Accepted", "accepted "])),
            (_, "FILTER") => (texts(&["warn", "info,atelier_edge=debug"]), texts(&["info,=x=y", "a=b=c"])),
            (_, "ON|OFF") => (texts(&["on", "off"]), texts(&["", "ON", "yes", "true", "1"])),
            (_, "NUMBER") => (vec![], texts(&["", "-1", "1.5", "many", "0x10", "99999999999999999999"])),
            ("ATELIER_MEM_LIMIT", _) => (texts(&["8GiB"]), texts(&["", "8", "8GB", "1KiB"])),
            (_, "SIZE") => (vec![], texts(&["", "12", "64MB", "-1B", "1.5KiB", "99999999999999999999B"])),
            (_, "DURATION") => (vec![], texts(&["", "5", "soon", "-1s", "1 fortnight"])),
            (_, "DURATION,…") => {
                (texts(&["7s,reviews=9s"]), texts(&["", "5", "5s,nothing=1s", "5s,reviews", "reviews=5s"]))
            }
            (_, "SHARE,…") => (texts(&["5%,list=0%"]), texts(&["", "10", "101%", "-1%", "5%,list=7"])),
            (_, "NUMBER,…") => (texts(&["0,list=2.5"]), texts(&["", "-1", "inf", "1,list=x"])),
            (_, "SHARE") => (vec![], texts(&["", "10", "101%", "-1%"])),
            (_, "DURATION..DURATION") => (texts(&["5s..5s"]), texts(&["", "1s", "2s..1s", "0..1s", "1s..2"])),
            (_, "HOST,…") => (texts(&["shop.example,api.example:8443"]), texts(&["a b", "http://shop.example"])),
            (_, "NETWORK,…") => (texts(&["10.0.0.0/8,192.0.2.7"]), texts(&["10.0.0.0/33", "proxies", "10.0.0"])),
            (_, "TEXT") => (texts(&["", "hr-x"]), vec![]),
            (name, kind) => panic!("{name} is of the kind {kind}, of which this test knows no values"),
        }
    };
    right.extend(more);
    (right, wrong)
}

/// Values that are right for themselves and wrong beside what others are, and which setting is complained of.
const CONTRADICTIONS: [(&str, &str, &str); 11] = [
    ("ATELIER_STATEMENT", "900ms", "ATELIER_BUDGET"),
    ("ATELIER_WRITE_WAIT", "600ms", "ATELIER_WRITE_BUDGET"),
    ("ATELIER_POLL_TIMEOUT", "1s", "ATELIER_BOUND"),
    ("ATELIER_OUTBOX_RETENTION", "10m", "ATELIER_OUTBOX_RETENTION"),
    ("ATELIER_DRAIN_IDLE", "20s", "ATELIER_DRAIN_IDLE"),
    ("ATELIER_LISTEN", "127.0.0.1:9090", "ATELIER_ADMIN_LISTEN"),
    ("ATELIER_ADMIN_LISTEN", "0.0.0.0:0", "ATELIER_ADMIN_LISTEN"),
    ("ATELIER_MAX_AGE", "5s", "ATELIER_MAX_AGE"),
    ("ATELIER_FAIL_TTL", "3s", "ATELIER_FAIL_TTL"),
    ("ATELIER_MEM_SOFT", "95%", "ATELIER_MEM_SOFT"),
    ("REDIS_URL", "redis://10.0.0.1", "REDIS_URL"),
];

/// What contradictions are about: these are left at their defaults beside one.
const OF_CONTRADICTIONS: [&str; 23] = [
    "ATELIER_BUDGET",
    "ATELIER_BLIND_WAIT",
    "ATELIER_REDIS_TIMEOUT",
    "ATELIER_PERMIT_WAIT",
    "ATELIER_STATEMENT",
    "ATELIER_WRITE_WAIT",
    "ATELIER_WRITE_BUDGET",
    "ATELIER_BOUND",
    "ATELIER_POLL",
    "ATELIER_POLL_TIMEOUT",
    "ATELIER_OUTBOX_RETENTION",
    "ATELIER_L2_TTL",
    "ATELIER_DRAIN_IDLE",
    "ATELIER_DRAIN_MAX",
    "ATELIER_LISTEN",
    "ATELIER_ADMIN_LISTEN",
    "ATELIER_FAIL_TTL",
    "ATELIER_MEM_SOFT",
    "ATELIER_MEM_HARD",
    "ATELIER_MAX_AGE",
    "ATELIER_DOWNSTREAM_STALENESS",
    "REDIS_URL",
    "ATELIER_REDIS_PLAINTEXT",
];

const UNKNOWN: [&str; 4] = ["ATELIER_TTL_PRODUCTS", "ATELIER_LISTENN", "ATELIER_", "ATELIER_REDIS_URL"];

/// One environment, and the names that are complained of, once each.
#[derive(Debug, Default)]
struct Drawn {
    values: BTreeMap<String, String>,
    wrong: Vec<String>,
}

fn draw(random: &mut fastrand::Rng, all: &[(Setting, Vec<String>, Vec<String>)]) -> Drawn {
    let mut drawn = Drawn::default();
    // Half of them are to be right: each of many settings would hardly ever be by chance.
    let may_be_wrong = random.bool();
    let contradiction = (may_be_wrong && random.bool()).then(|| CONTRADICTIONS[random.usize(..CONTRADICTIONS.len())]);
    for (setting, right, wrong) in all {
        let name = &setting.variable;
        if random.u8(..4) > 0 || (contradiction.is_some() && OF_CONTRADICTIONS.contains(&&**name)) {
            continue;
        }
        let is_wrong = may_be_wrong && random.u8(..4) == 0 && !wrong.is_empty();
        let from = if is_wrong { wrong } else { right };
        if from.is_empty() {
            continue;
        }
        drawn.values.insert(name.clone(), from[random.usize(..from.len())].clone());
        if is_wrong {
            drawn.wrong.push(name.clone());
        }
    }
    if let Some((name, value, complaint)) = contradiction {
        drawn.values.insert(name.to_owned(), value.to_owned());
        drawn.wrong.push(complaint.to_owned());
    }
    if may_be_wrong && random.u8(..4) == 0 {
        let name = UNKNOWN[random.usize(..UNKNOWN.len())];
        drawn.values.insert(name.to_owned(), "1".to_owned());
        drawn.wrong.push(name.to_owned());
    }
    drawn.wrong.sort();
    drawn
}

fn run(command: &str, environment: &[(&str, &str)]) -> Output {
    let mut process = Command::new(SERVER);
    for (name, _) in std::env::vars() {
        if name.starts_with("ATELIER_") || OF_OTHERS.contains(&&*name) {
            process.env_remove(name);
        }
    }
    process.arg(command).envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn of_two_hundred_environments_only_those_start_in_which_everything_is_right() {
    let files = Files::new();
    let all: Vec<_> = settings()
        .into_iter()
        .map(|setting| {
            let (right, wrong) = values(&setting, &files);
            (setting, right, wrong)
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(0x07);
    let (mut right, mut started, mut refused, mut complaints) = (0, 0, 0, BTreeMap::<String, usize>::new());
    for number in 0..ENVIRONMENTS {
        let drawn = draw(&mut random, &all);
        // Some of it stands in a file, which comes before the environment.
        let (in_file, outside): (Vec<_>, Vec<_>) = drawn.values.iter().partition(|_| random.bool());
        let lines: String = in_file.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        let file = files.scratch.write("edge.env", lines).display().to_string();
        let mut environment: Vec<_> = outside.iter().map(|(name, value)| (&***name, &***value)).collect();
        environment.push(("ATELIER_ENV_FILE", &file));

        let checked = run("check-config", &environment);
        let said = String::from_utf8(checked.stderr).unwrap();
        let context = format!("environment {number}: {drawn:#?}\n{said}");
        let named = |line: &str| {
            let text = line.strip_prefix("atelier-edge: ").unwrap_or_else(|| panic!("{context}"));
            text.split_once(": ").unwrap_or_else(|| panic!("{context}")).0.to_owned()
        };
        let mut names: Vec<_> = said.lines().map(named).collect();
        names.sort();
        assert_eq!(names, drawn.wrong, "{context}");
        let status = if drawn.wrong.is_empty() { 0 } else { 78 };
        assert_eq!((checked.status.code(), checked.stdout.len()), (Some(status), 0), "{context}");
        assert!(!said.contains("hunter2"), "{context}");
        for name in names {
            *complaints.entry(name).or_default() += 1;
        }
        right += usize::from(status == 0);

        // What is checked is what starts; a few are enough to see that.
        if number % 20 == 0 {
            if drawn.wrong.is_empty() {
                let node = Node::launch(SERVER, &environment);
                assert_eq!(node.admin_get("/livez").status, 200, "{context}");
                started += 1;
            } else {
                let refusal = run("serve", &environment);
                assert_eq!(
                    (refusal.status.code(), String::from_utf8(refusal.stderr).unwrap()),
                    (Some(78), said.clone()),
                    "{context}"
                );
                refused += 1;
            }
        }
    }
    println!(
        "{right} of {ENVIRONMENTS} are right, {started} started, {refused} did not; {} names were complained of",
        complaints.len()
    );
    assert!((60..=140).contains(&right) && started > 0 && refused > 0, "{right} {started} {refused}");
    let wrongable = all.iter().filter(|(_, _, wrong)| !wrong.is_empty()).count();
    assert!(complaints.len() > wrongable * 9 / 10, "{} of {wrongable}", complaints.len());
}
