//! An nginx of the test's own before nodes, with the configuration of `nginx/local.conf`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::http::Client;
use crate::process::{Process, children, free_port, runs, wait_until};
use crate::scratch::Scratch;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../nginx/local.conf");

/// Debian has it where only root looks.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A running nginx on loopback.
#[derive(Debug)]
pub struct Nginx {
    process: Option<Process>,
    /// Where it serves.
    pub address: SocketAddr,
    scratch: Scratch,
}

/// A request as nginx noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The status that the client got.
    pub status: u16,
    /// The nodes that were asked, in this order.
    pub nodes: Vec<SocketAddr>,
}

impl Nginx {
    /// The program, or why there is none that runs.
    pub fn program() -> Result<&'static str, String> {
        let runs = |program: &&str| {
            let looked = Command::new(program).arg("-v").stderr(Stdio::null()).status();
            looked.is_ok_and(|status| status.success())
        };
        PROGRAMS.into_iter().find(runs).ok_or_else(|| format!("none of {PROGRAMS:?} runs: dev/setup.sh installs it"))
    }

    /// Starts one before these nodes. Each gets its turn.
    pub fn start(nodes: &[SocketAddr]) -> Self {
        let program = Self::program().unwrap_or_else(|why| panic!("{why}"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut nginx = Self { process: None, address, scratch: Scratch::new("nginx") };
        for _ in 0..5 {
            nginx.address.set_port(free_port());
            if nginx.launch(program, nodes) {
                return nginx;
            }
        }
        let said = std::fs::read_to_string(nginx.scratch.path().join("nginx.out")).unwrap_or_default();
        panic!("nginx does not start: {said}");
    }

    /// Points it at these nodes, of which one gets no more requests, and waits until every process of before is gone.
    pub fn point(&self, nodes: &[SocketAddr], down: Option<SocketAddr>) {
        self.configure(nodes, down);
        let pid = self.process.as_ref().expect("a started nginx runs").pid();
        let before = children(pid);
        crate::process::send("HUP", &[pid]);
        wait_until("nginx has other workers", Duration::from_secs(20), || {
            let now = children(pid).into_iter().any(|child| !before.contains(&child));
            (now && !before.iter().any(|child| runs(*child))).then_some(())
        });
    }

    fn configure(&self, nodes: &[SocketAddr], down: Option<SocketAddr>) -> std::path::PathBuf {
        let server = |node: &SocketAddr| {
            let down = if down == Some(*node) { " down" } else { "" };
            format!("    server {node} max_fails=2 fail_timeout=2s{down};")
        };
        let servers: Vec<_> = nodes.iter().map(server).collect();
        let template = std::fs::read_to_string(Path::new(TEMPLATE)).expect("the template is there");
        let configuration = template
            .replace("@LISTEN@", &self.address.to_string())
            .replace("@FOLDER@", &self.scratch.path().display().to_string())
            .replace("@SERVERS@", &servers.join("\n"));
        self.scratch.write("nginx.conf", configuration)
    }

    fn launch(&mut self, program: &str, nodes: &[SocketAddr]) -> bool {
        let folder = self.scratch.path().to_owned();
        let configuration = self.configure(nodes, None);
        let log = folder.join("nginx-error.log");
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-e").arg(&log).arg("-c").arg(configuration);
        let said = File::create(folder.join("nginx.out")).expect("the output can be written");
        let mut process = Process::start(&command, "TERM", Stdio::null(), Stdio::from(said));
        // Another server may have had the port first: then nginx gives up, which its log says at the first of five attempts.
        let up = wait_until("nginx serves", Duration::from_secs(20), || {
            let failed = std::fs::read_to_string(&log).unwrap_or_default().contains("[emerg]");
            if failed || !process.is_running() {
                return Some(false);
            }
            let started = std::fs::read_to_string(folder.join("nginx.pid")).is_ok_and(|pid| !pid.trim().is_empty());
            (started && Client::try_connect(self.address).is_ok()).then_some(true)
        });
        if up {
            self.process = Some(process);
        } else {
            drop(process);
            let _ = std::fs::remove_file(log);
        }
        up
    }

    /// What it noted of its requests so far, in the order they were answered.
    pub fn asked(&self) -> Vec<Asked> {
        let log = std::fs::read_to_string(self.scratch.path().join("nginx-access.log")).unwrap_or_default();
        let line = |line: &str| {
            let mut fields = line.split('\t');
            let (method, status, nodes) = (fields.next()?, fields.next()?, fields.next()?);
            let nodes = nodes.split(", ").filter_map(|node| node.parse().ok()).collect();
            Some(Asked { method: method.to_owned(), status: status.parse().ok()?, nodes })
        };
        log.lines().filter_map(line).collect()
    }
}
