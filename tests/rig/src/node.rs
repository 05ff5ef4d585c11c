//! A running server of ours.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::http::{Client, Response};
use crate::process::{Process, wait_until};
use crate::scratch::Scratch;

/// Variables that a node reads besides its own.
pub const OF_OTHERS: [&str; 7] = [
    "DATABASE_URL",
    "REDIS_URL",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
];

/// One atelier-edge process on free ports.
#[derive(Debug)]
pub struct Node {
    process: Process,
    /// Where the API is served.
    pub address: SocketAddr,
    /// Where the admin listener is.
    pub admin: SocketAddr,
    /// What it printed before it served.
    pub greeting: Vec<String>,
    scratch: Scratch,
}

impl Node {
    /// Starts `program` (`env!("CARGO_BIN_EXE_atelier-edge")`) with these settings and waits until it is ready.
    pub fn start(program: &str, settings: &[(&str, &str)]) -> Self {
        let node = Self::launch(program, settings);
        wait_until("the node is ready", Duration::from_secs(10), || {
            (node.admin_get("/readyz").status == 200).then_some(())
        });
        node
    }

    /// Starts `program` and waits only until it says where it listens.
    pub fn launch(program: &str, settings: &[(&str, &str)]) -> Self {
        Self::launch_with(program, &[], settings)
    }

    /// The same, with arguments.
    pub fn launch_with(program: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new("node");
        let log = File::create(scratch.path().join("node.log")).expect("the log can be written");
        Self::begin(program, arguments, settings, scratch, Stdio::from(log))
    }

    /// The same, with its log elsewhere.
    pub fn launch_logging_to(program: &str, settings: &[(&str, &str)], log: Stdio) -> Self {
        Self::begin(program, &[], settings, Scratch::new("node"), log)
    }

    fn begin(program: &str, arguments: &[&str], settings: &[(&str, &str)], scratch: Scratch, log: Stdio) -> Self {
        let mut command = Command::new(Path::new(program));
        command.args(arguments);
        // Nothing of the caller's environment is a setting of the node.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ATELIER_") || OF_OTHERS.contains(&&*name) {
                command.env_remove(name);
            }
        }
        command.env("ATELIER_LISTEN", "127.0.0.1:0").env("ATELIER_ADMIN_LISTEN", "127.0.0.1:0");
        command.envs(settings.iter().copied());
        let mut process = Process::start(&command, "KILL", Stdio::piped(), log);
        let mut greeting = Vec::new();
        let mut addresses = None;
        for line in BufReader::new(process.stdout()).lines() {
            let line = line.expect("the output is text");
            let said = line.strip_prefix("Serving http://").and_then(|rest| rest.split_once(", admin http://"));
            let last = line.contains("sort=newest");
            if let Some((public, rest)) = said {
                let admin = rest.split_once(". ").map_or(rest, |(admin, _)| admin);
                addresses = public.parse().ok().zip(admin.parse().ok());
            }
            greeting.push(line);
            if last {
                break;
            }
        }
        let Some((address, admin)) = addresses else {
            let log = std::fs::read_to_string(scratch.path().join("node.log")).unwrap_or_default();
            panic!("the node does not start: {greeting:?} {log}");
        };
        Self { process, address, admin, greeting, scratch }
    }

    /// A new connection to the API.
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One GET on a connection of its own.
    pub fn get(&self, target: &str) -> Response {
        self.client().get(target, &[])
    }

    /// One GET to the admin listener.
    pub fn admin_get(&self, target: &str) -> Response {
        Client::connect(self.admin).get(target, &[])
    }

    /// What a counter stands at, by the name and labels under which it is scraped; 0 if it never counted.
    pub fn counted(&self, series: &str) -> u64 {
        let metrics = self.admin_get("/metrics");
        let value = metrics.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a counter is a whole number"))
    }

    /// How many connections to the API are open, and how many of those hold bytes that it has not read yet.
    pub fn connections(&self) -> (usize, usize) {
        const ESTABLISHED: &str = "01";
        let local = format!("0100007F:{:04X}", self.address.port());
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let unread: Vec<_> = lines
            .filter(|fields| fields.get(1) == Some(&&*local) && fields.get(3) == Some(&ESTABLISHED))
            .map(|fields| !fields[4].ends_with(":00000000"))
            .collect();
        (unread.len(), unread.iter().filter(|unread| **unread).count())
    }

    /// Has it read its settings again, and waits until it has; returns what it logged from then on.
    pub fn reload(&self) -> String {
        const SAID: &str = "the settings were read again";
        let before = self.log().len();
        self.process.signal("HUP");
        wait_until("the settings are read again", Duration::from_secs(10), || {
            let log = self.log().split_off(before);
            // A line that is still being written is not all of it.
            (log.contains(SAID) && log.ends_with('\n')).then_some(log)
        })
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path().join("node.log")).unwrap_or_default()
    }
}
