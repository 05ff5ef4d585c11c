//! The package on a machine that boots: a real systemd, the units with all that they forbid, and a real PostgreSQL in the machine's
//! network. One machine for all of it: each step leaves a node that runs.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atelier_rig::{Ask, Client, Load, Machine, Package, Postgres, wait_until};

use super::SERVER;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where the units have the node serve.
const API: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);
const ADMIN: ([u8; 4], u16) = ([127, 0, 0, 1], 9090);

const SETTINGS: &str = "/etc/atelier-edge/atelier-edge.env";

/// How long a restart may keep a reader waiting: a debug build, on a machine that does other things besides.
const LONGEST: Duration = Duration::from_secs(5);

/// How long a client may be silent that is there when a restart begins; longer than the above.
const SILENT: Duration = Duration::from_secs(7);

struct Site {
    machine: Machine,
    postgres: Postgres,
    database: String,
}

impl Site {
    /// Writes the settings: where the database is, and these.
    fn set(&self, settings: &str) {
        // In place, so that it stays the file of root and of the node's group.
        let lines = format!("DATABASE_URL={}\n{settings}", self.database);
        self.machine.shell(&format!("cat >{SETTINGS} <<'END'\n{lines}\nEND"));
    }

    fn node(&self, name: &str) -> String {
        self.machine.property("atelier-edge.service", name)
    }

    fn wait_until_active(&self) {
        wait_until("the node is active", PATIENCE, || (self.node("ActiveState") == "active").then_some(()));
    }

    /// Starts the node, which has to work, with no limit of how often.
    fn start(&self) {
        self.machine.shell("systemctl reset-failed 2>/dev/null; systemctl start atelier-edge.service");
    }

    fn stop(&self) {
        self.machine.shell("systemctl stop atelier-edge.socket atelier-edge.service");
    }

    /// Runs the commands of README.md below this heading, as they stand there.
    fn follow(&self, section: &str, block: usize) -> String {
        let lines = &commands(section)[block];
        let lines = lines.replace("postgres://atelier@db.internal/atelier", &self.database);
        let lines = lines.replace("postgres://atelier_edge@db.internal/atelier", &self.database);
        self.machine.write("/root/readme.sh", format!("set -e\n{lines}"));
        self.machine.shell("cd /root && bash readme.sh")
    }

    /// Where the journal ends now.
    fn cursor(&self) -> String {
        let said = self.machine.journal("-n 0 --show-cursor");
        said.rsplit("-- cursor: ").next().unwrap().to_owned()
    }

    fn said_since(&self, cursor: &str) -> String {
        self.machine.shell("journalctl --sync");
        self.machine.journal(&format!("--after-cursor '{cursor}'"))
    }

    /// Fails to start a unit; what the journal says of it.
    fn refused(&self, start: &str) -> String {
        let cursor = self.cursor();
        let (status, said) = self.machine.try_shell(start);
        assert_ne!(status, 0, "{start}: {said}");
        let journal = self.said_since(&cursor);
        self.machine.shell("systemctl stop atelier-edge.socket atelier-edge.service; systemctl reset-failed");
        journal
    }
}

/// The blocks of commands in a section of the operations chapter.
fn commands(section: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, rest) = text.split_once(&format!("\n### {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = rest.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
    let blocks = section.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").expect("a block ends").0.to_owned()).collect()
}

fn get(at: ([u8; 4], u16), target: &str) -> Result<(u16, String), String> {
    let answer = Client::try_connect(SocketAddr::from(at))?.try_request("GET", target, &[], b"")?;
    Ok((answer.status, answer.text().to_owned()))
}

#[test]
fn the_packaged_units_run_on_a_machine_that_boots() {
    let package = Package::make(SERVER);
    let machine = match Machine::boot(&package.deb) {
        Ok(machine) => machine,
        Err(why) => {
            eprintln!("skipped: no machine can be booted here: {why}");
            return;
        }
    };
    // From here on this test is in the network of the machine, and so is all that it starts.
    machine.enter_network();
    let postgres = Postgres::start();
    let database = postgres.create("atelier");
    let mut site = Site { machine, postgres, database };
    let step = |what: &str, begun: Instant| eprintln!("{:>5.1} s  {what}", begun.elapsed().as_secs_f64());
    let begun = Instant::now();

    // Every block of these sections has its step.
    assert_eq!(["Install", "Configure", "Roll"].map(|section| commands(section).len()), [1, 4, 2]);
    an_install_starts_nothing(&site);
    step("installed", begun);
    the_import_fills_the_database(&site);
    step("imported", begun);
    a_node_is_configured_as_the_page_says(&site);
    step("configured", begun);
    bad_settings_are_refused_and_the_journal_has_all_that_is_wrong(&site);
    step("bad settings", begun);
    a_start_waits_for_the_database(&mut site);
    step("no database", begun);
    the_process_may_do_nothing_that_it_need_not(&site);
    a_reload_changes_a_ttl_and_a_wrong_one_fails(&site);
    step("reload", begun);
    a_second_start_is_none_and_a_taken_port_is_said(&site);
    step("twice", begun);
    restarts_under_load_fail_no_request(&site);
    step("restarts", begun);
    the_watchdog_ends_a_process_that_stands_still(&site);
    step("watchdog", begun);
    a_connection_starts_the_node(&site);
    step("activation", begun);
    a_missing_credential_is_named_and_one_that_is_there_is_used(&site);
    step("credentials", begun);
    several_nodes_run_beside_each_other(&site);
    step("instances", begun);
    an_upgrade_restarts_and_a_removal_ends_it(&site);
    step("upgrade", begun);
}

fn an_install_starts_nothing(site: &Site) {
    site.follow("Install", 0);
    assert_eq!(site.node("ActiveState"), "inactive");
    assert_eq!(site.node("LoadState"), "loaded");
    assert!(get(API, "/products/1").is_err());
}

fn the_import_fills_the_database(site: &Site) {
    let machine = &site.machine;
    // The sample, as an operator would bring it.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("import/sample");
    for entry in std::fs::read_dir(sample).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        machine.write(&format!("/var/lib/atelier-import/{name}"), std::fs::read(&path).unwrap());
    }
    let report = site.follow("Configure", 0);
    assert!(report.contains("product.csv"), "{report}");
    assert_eq!(machine.property("atelier-import.service", "Result"), "success");
    assert_eq!(machine.property("atelier-import.timer", "ActiveState"), "active");
    assert_eq!(site.postgres.psql("atelier", "SELECT count(*) > 10 FROM products"), "t");
}

fn a_node_is_configured_as_the_page_says(site: &Site) {
    let said = site.follow("Configure", 1);
    assert!(said.contains("active (running)") && said.contains("Status: \"serving\""), "{said}");
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    // In another place.
    site.follow("Configure", 2);
    assert_eq!(get(([127, 0, 0, 2], 8080), "/products/1").unwrap().0, 200);
    let cursor = site.cursor();
    site.follow("Configure", 3);
    wait_until("the journal says what has changed", PATIENCE, || {
        site.said_since(&cursor).contains("changed: ATELIER_TTL_PRODUCT 300s → 600s").then_some(())
    });
    // On, as it was.
    let pid = site.node("MainPID");
    site.follow("Roll", 0);
    assert_ne!(site.node("MainPID"), pid);
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    site.stop();
}

fn bad_settings_are_refused_and_the_journal_has_all_that_is_wrong(site: &Site) {
    site.set("ATELIER_TTL_LIST=60\nATELIER_L1_BYTES=64MB\nATELIER_TTLS=5s");
    let said = site.refused("systemctl start atelier-edge.service");
    for problem in ["ATELIER_TTL_LIST: ", "ATELIER_L1_BYTES: ", "ATELIER_TTLS: there is no such setting"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("atelier-edge: {problem}"))), "{problem}: {said}");
    }
    assert!(!said.contains("postgres://"), "{said}");
}

fn a_start_waits_for_the_database(site: &mut Site) {
    site.postgres.stop();
    site.set("");
    site.machine.shell("systemctl start --no-block atelier-edge.service");
    wait_until("the state of the unit says what it waits for", PATIENCE, || {
        site.node("StatusText").starts_with("not ready: the database could not be read yet: ").then_some(())
    });
    assert_eq!(site.node("ActiveState"), "activating");
    site.postgres.start_again();
    site.wait_until_active();
    assert_eq!(site.node("StatusText"), "serving");
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    assert_eq!(get(ADMIN, "/readyz").unwrap(), (200, "ready\n".to_owned()));
}

fn the_process_may_do_nothing_that_it_need_not(site: &Site) {
    let pid = site.node("MainPID");
    let status = site.machine.shell(&format!("cat /proc/{pid}/status"));
    let is = |name: &str| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {status}"));
        line.split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_ne!(is("Uid:"), "0");
    for (name, value) in
        [("NoNewPrivs:", "1"), ("Seccomp:", "2"), ("CapEff:", "0000000000000000"), ("CapBnd:", "0000000000000000")]
    {
        assert_eq!(is(name), value, "{name}");
    }
    let seen = |path: &str| site.machine.try_shell(&format!("nsenter -t {pid} -m -- test -w {path}")).0 == 0;
    assert!(seen("/var/lib/atelier-edge") && !seen("/etc") && !seen("/usr/bin"), "what it may write to");
    // Without a call to raise it, which is not among those that it may make; a machine may have less than the unit asks for.
    let limits = site.machine.shell(&format!("cat /proc/{pid}/limits"));
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let limit = |column| files.split_whitespace().nth(column).unwrap().parse::<u32>().unwrap();
    assert!(limit(3) == limit(4) && limit(3) > 10_000, "{files}");
    assert!(!site.machine.journal("-u atelier-edge.service").contains("Operation not permitted"));
}

fn a_reload_changes_a_ttl_and_a_wrong_one_fails(site: &Site) {
    let pid = site.node("MainPID");
    let cursor = site.cursor();
    site.set("ATELIER_TTL_PRODUCT=7s");
    site.machine.shell("systemctl reload atelier-edge.service");
    wait_until("the journal says what has changed", PATIENCE, || {
        site.said_since(&cursor).contains("changed: ATELIER_TTL_PRODUCT 300s → 7s").then_some(())
    });
    site.set("ATELIER_TTL_PRODUCT=7");
    let (status, _) = site.machine.try_shell("systemctl reload atelier-edge.service");
    assert_ne!(status, 0, "a reload that changes nothing");
    assert!(site.said_since(&cursor).contains("atelier-edge: ATELIER_TTL_PRODUCT: "));
    site.wait_until_active();
    assert_eq!(site.node("MainPID"), pid);
    site.set("");
    site.machine.shell("systemctl reload atelier-edge.service");
}

fn a_second_start_is_none_and_a_taken_port_is_said(site: &Site) {
    let pid = site.node("MainPID");
    site.start();
    assert_eq!(site.node("MainPID"), pid);
    // By hand, beside the one that runs.
    let (status, said) = site.machine.try_shell("/usr/bin/atelier-edge");
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("ATELIER_LISTEN: 127.0.0.1:8080 cannot be listened on: ") && said.contains("`ss -ltnp`"),
        "{said}"
    );
    // As another unit.
    let said = site.refused("systemctl start atelier-edge@8080.socket");
    assert!(said.contains("Address already in use"), "{said}");

    site.stop();
    let other = TcpListener::bind(SocketAddr::from(ADMIN)).unwrap();
    let said = site.refused("systemctl start atelier-edge.service");
    assert!(
        said.contains("ATELIER_ADMIN_LISTEN: 127.0.0.1:9090 cannot be listened on: ") && said.contains("`ss -ltnp`"),
        "{said}"
    );
    drop(other);
    site.start();
}

fn restarts_under_load_fail_no_request(site: &Site) {
    let api = SocketAddr::from(API);
    let known: Vec<_> =
        (1..=10).map(|id| (format!("/products/{id}"), get(API, &format!("/products/{id}")).unwrap())).collect();
    let expected = Arc::new(known.clone());
    let mut turn = 0;
    let next = move || {
        turn += 1;
        let place = turn % known.len();
        // Most come for one answer; a drain waits for the others to ask again.
        let headers = if turn % 5 == 0 { "" } else { "Connection: close\r\n" };
        Ask { number: place as u64, headers: headers.to_owned(), ..Ask::get(api, "read", known[place].0.clone()) }
    };
    let judge = move |ask: &Ask, answer: &atelier_rig::Answer| {
        let (status, body) = &expected[ask.number as usize].1;
        answer.status == *status && answer.body == body.as_bytes()
    };
    let load = Load::start(200, Duration::from_secs(20), next, Arc::new(judge));
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let begun = Instant::now();
        site.machine.shell("systemctl reset-failed 2>/dev/null; systemctl restart atelier-edge.service");
        slowest = slowest.max(begun.elapsed());
    }
    // A client that is silent holds up the restart, and nobody else.
    site.set(&format!("ATELIER_DRAIN_IDLE={}s", SILENT.as_secs()));
    site.machine.shell("systemctl reload atelier-edge.service");
    let mut silent = Client::connect(api);
    assert_eq!(silent.get("/products/1", &[]).status, 200);
    let begun = Instant::now();
    site.machine.shell("systemctl restart atelier-edge.service");
    assert!(begun.elapsed() >= SILENT, "{:?}", begun.elapsed());
    assert!(silent.is_closed());
    site.set("");
    let samples = load.end();
    let (count, longest) = (samples.count(), samples.quantile(1.0));
    eprintln!("21 restarts, {count} requests, longest {longest:.1?}, slowest restart {slowest:.1?} of the first 20");
    assert!(count > 200, "{count}");
    assert_eq!((samples.failed(), samples.wrong()), (0, 0), "{:?}", samples.statuses());
    assert!(longest <= LONGEST, "{longest:?}");
}

fn the_watchdog_ends_a_process_that_stands_still(site: &Site) {
    let dropin = "/run/systemd/system/atelier-edge.service.d/watchdog.conf";
    site.machine.write(dropin, "[Service]\nWatchdogSec=1");
    site.machine
        .shell("systemctl daemon-reload; systemctl reset-failed 2>/dev/null; systemctl restart atelier-edge.service");
    let pid = site.node("MainPID");
    let cursor = site.cursor();
    site.machine.shell(&format!("kill -STOP {pid}"));
    wait_until("another process has taken its place", PATIENCE, || {
        (site.node("MainPID") != pid && site.node("ActiveState") == "active").then_some(())
    });
    assert!(site.said_since(&cursor).contains("Watchdog timeout"), "{}", site.said_since(&cursor));
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    site.machine.shell(&format!("rm {dropin}; systemctl daemon-reload; systemctl restart atelier-edge.service"));
}

fn a_connection_starts_the_node(site: &Site) {
    site.machine.shell("systemctl stop atelier-edge.service 2>/dev/null; systemctl reset-failed 2>/dev/null; true");
    assert_eq!(site.node("ActiveState"), "inactive");
    // It waits in the backlog for the node that it has started.
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    site.wait_until_active();
}

fn a_missing_credential_is_named_and_one_that_is_there_is_used(site: &Site) {
    let order = || {
        let mut client = Client::connect(SocketAddr::from(ADMIN));
        client.request("POST", "/purge", &["Authorization: Bearer open-sesame"], br#"{"tags":["product:1"]}"#).status
    };
    assert_eq!(order(), 403, "there is no token");
    site.machine.shell("install -m 600 -D /dev/stdin /etc/credstore/atelier.admin-token <<'END'\nopen-sesame\nEND");
    site.machine.shell("systemctl restart atelier-edge.service");
    assert_eq!(order(), 200);

    let dropin = "/run/systemd/system/atelier-edge.service.d/secrets.conf";
    site.machine.write(dropin, "[Service]\nLoadCredential=atelier.database-password:/run/nowhere/password");
    site.machine.shell("systemctl daemon-reload; systemctl stop atelier-edge.socket atelier-edge.service");
    let said = site.refused("systemctl start atelier-edge.service");
    assert!(said.contains("Failed to set up credentials"), "{said}");
    site.machine.shell(&format!("rm {dropin} /etc/credstore/atelier.admin-token; systemctl daemon-reload"));
    site.start();
}

fn several_nodes_run_beside_each_other(site: &Site) {
    let lines = &commands("Roll")[1];
    let (begin, end) = lines.split_once("# Its end").expect("a node comes and goes");
    site.machine.shell(begin);
    assert_eq!(get(([127, 0, 0, 1], 8082), "/products/1").unwrap().0, 200);
    assert_eq!(get(([127, 0, 0, 1], 18082), "/readyz").unwrap().0, 200);
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    site.machine.shell(&format!("#{end}"));
    assert!(get(([127, 0, 0, 1], 8082), "/products/1").is_err());
    assert!(get(API, "/products/1").is_err());
    site.start();
}

fn an_upgrade_restarts_and_a_removal_ends_it(site: &Site) {
    let pid = site.node("MainPID");
    // The same version again: dpkg does what it does with another one.
    site.machine.shell("dpkg --install /root/atelier-edge_*.deb");
    site.wait_until_active();
    assert_ne!(site.node("MainPID"), pid);
    assert_eq!(get(API, "/products/1").unwrap().0, 200);
    site.machine.shell("dpkg --purge atelier-edge");
    assert!(get(API, "/products/1").is_err());
    assert_eq!(site.machine.try_shell("test -e /etc/atelier-edge -o -e /var/lib/atelier-edge").0, 1);
}
