//! What a node tells systemd, heard by a socket of the test's own.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use atelier_rig::process::free_port;
use atelier_rig::{Client, Fault, Node, Notified, Postgres, Process, Proxy, Scratch, wait_until};

use super::SERVER;

const PATIENCE: Duration = Duration::from_secs(20);

/// A node that systemd would have started, with a watchdog of a second.
fn launch(notified: &Notified, settings: &[(&str, &str)]) -> Node {
    let path = notified.path().display().to_string();
    let own = [("NOTIFY_SOCKET", &*path), ("WATCHDOG_USEC", "1000000")];
    // Nobody else but the process of this number is meant.
    let arguments = ["-c", "WATCHDOG_PID=$$ exec \"$0\"", SERVER];
    Node::launch_with("sh", &arguments, &[&own, settings].concat())
}

const FED: &str = "WATCHDOG=1";

#[test]
fn it_is_ready_when_it_can_answer_and_says_how_it_is_until_it_ends() {
    let postgres = Postgres::start();
    let database = postgres.create("shop");
    let line = Proxy::start(([127, 0, 0, 1], postgres.port()).into());
    line.set(None, Fault::Refuse);
    let scratch = Scratch::new("notify");
    let file = scratch.write("edge.env", "").display().to_string();
    let database = database.replace(&format!(":{}/", postgres.port()), &format!(":{}/", line.address().port()));
    let notified = Notified::new();
    let mut node = launch(&notified, &[("DATABASE_URL", &database), ("ATELIER_ENV_FILE", &file)]);

    // There is no database: it asks to be waited for, and says why. That it is not ready, nobody has to be told.
    let waits = notified.wait_for("EXTEND_TIMEOUT_USEC=", PATIENCE);
    assert!(waits.contains("STATUS=not ready: the database could not be read yet: "), "{waits}");
    assert!(!waits.contains("READY"), "{waits}");
    postgres.psql_file("shop", &Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql"));
    line.heal_all();
    let ready = notified.wait_for("READY=1", PATIENCE);
    assert!(ready.contains("STATUS=serving\n"), "{ready}");
    assert_eq!(node.admin_get("/readyz").status, 200);
    notified.wait_for(FED, PATIENCE);

    // The database goes away: what is held is served, which is not death.
    line.set(None, Fault::Refuse);
    let blind = notified.wait_for("STATUS=serving what is held, labelled: ", PATIENCE);
    assert!(blind.contains(FED), "{blind}");
    line.heal_all();
    notified.wait_for("STATUS=serving", PATIENCE);

    for (settings, status) in [
        ("ATELIER_TTL_LIST=5s", "STATUS=the settings were read again\n"),
        (
            "ATELIER_TTL_LIST=5",
            "STATUS=the settings were read again and are wrong: nothing was changed, and the log says why\n",
        ),
    ] {
        scratch.write("edge.env", settings);
        node.process().signal("HUP");
        let reloading = notified.wait_for("RELOADING=1", PATIENCE);
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        let reloaded = notified.wait_for("READY=1", PATIENCE);
        assert!(reloaded.contains(status), "{reloaded}");
    }

    // A client that says nothing holds up the end, and the end is no death either.
    let _idle = node.client();
    node.process().signal("TERM");
    let stopping = notified.wait_for("STOPPING=1", PATIENCE);
    assert!(stopping.contains("STATUS=draining\n"), "{stopping}");
    notified.wait_for(FED, PATIENCE);
    node.process().signal("TERM");
    assert_eq!(node.process().ended(PATIENCE), 0);
}

#[test]
fn the_watchdog_is_not_fed_when_the_poll_or_the_answers_stand_still() {
    // PollStands and AnswerStands.
    for (bug, why) in [("29", "the poll stands still"), ("30", "it does not answer its own request")] {
        let scratch = Scratch::new("stand");
        let stand = scratch.path().join("stand").display().to_string();
        let notified = Notified::new();
        let settings = [("RED", bug), ("STAND", &stand), ("ATELIER_POLL_TIMEOUT", "20ms")];
        let node = launch(&notified, &settings);
        notified.wait_for("READY=1", PATIENCE);
        notified.wait_for(FED, PATIENCE);
        scratch.write("stand", "");
        wait_until("it says that it is not well", PATIENCE, || {
            node.log().contains(&format!("systemd's watchdog is not fed: {why}")).then_some(())
        });
        while notified.next(Duration::from_millis(1)).is_some() {}
        // Longer than the watchdog waits. How the node is may be said; that it lives may not.
        let until = Instant::now() + Duration::from_millis(1100);
        while let Some(told) = notified.next(until.saturating_duration_since(Instant::now())) {
            assert!(!told.contains(FED), "bug {bug}: {told}");
        }
    }
}

#[test]
fn a_node_with_as_many_connections_as_it_may_have_is_fed_though_it_answers_no_other() {
    let notified = Notified::new();
    let node = launch(&notified, &[("ATELIER_MAX_CONNS", "2")]);
    notified.wait_for("READY=1", PATIENCE);
    let mut held = [node.client(), node.client()];
    for client in &mut held {
        assert_eq!(client.get("/products/1", &[]).status, 200);
    }
    // Whoever comes now waits.
    let waiting = Client::connect(node.address);
    waiting.set_patience(Duration::from_millis(100));
    while notified.next(Duration::from_millis(1)).is_some() {}
    for _ in 0..3 {
        notified.wait_for(FED, Duration::from_secs(5));
    }
    assert!(!node.log().contains("watchdog is not fed"), "{}", node.log());
}

/// `systemd-socket-activate`, which waits for a first connection and then becomes the node, with its socket under this name.
fn activated(port: u16, name: &str, log: Stdio) -> Process {
    let mut command = Command::new("systemd-socket-activate");
    command.args([
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--fdname",
        name,
        "-E",
        "ATELIER_ADMIN_LISTEN=127.0.0.1:0",
        SERVER,
    ]);
    Process::start(&command, "KILL", Stdio::null(), log)
}

#[test]
fn a_socket_by_the_name_of_public_is_served_and_one_by_another_name_refused() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        eprintln!("skipped: systemd-socket-activate is not installed");
        return;
    }
    let scratch = Scratch::new("activated");
    let log = |name: &str| Stdio::from(std::fs::File::create(scratch.path().join(name)).unwrap());
    let port = free_port();
    let ask = || Client::try_connect(([127, 0, 0, 1], port).into())?.try_request("GET", "/products/1", &[], b"");
    let process = activated(port, "public", log("public"));
    // The first connection is answered, though there was no node when it came.
    let answer = wait_until("the node is activated", PATIENCE, || ask().ok());
    assert_eq!(answer.status, 200);
    drop(process);

    let mut refused = activated(port, "web", log("web"));
    let _ = wait_until("somebody listens", PATIENCE, || Client::try_connect(([127, 0, 0, 1], port).into()).ok());
    assert_eq!(refused.ended(PATIENCE), 78);
    let said = std::fs::read_to_string(scratch.path().join("web")).unwrap();
    assert!(said.contains("a socket named \"web\": FileDescriptorName= of its unit has to be `public`"), "{said}");
}

#[test]
fn a_taken_port_is_refused_with_what_to_do() {
    for (setting, other) in [("ATELIER_LISTEN", "ATELIER_ADMIN_LISTEN"), ("ATELIER_ADMIN_LISTEN", "ATELIER_LISTEN")] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut command = Command::new(SERVER);
        command.env(setting, &address).env(other, "127.0.0.1:0");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let line = format!(
            "atelier-edge: {setting}: {address} cannot be listened on: Address already in use (os error 98); does the node run already? \
             `ss -ltnp` says who has it"
        );
        assert!(said.lines().any(|said| said == line), "{said}");
    }
}
