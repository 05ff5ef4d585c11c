//! An nginx of the test's own before nodes, with the files of `nginx/` as they are shipped: those in `atelier/` are copied, and only
//! what is each machine's own (where it listens, where the nodes are, where its logs go) is filled in.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::http::Client;
use crate::process::{Process, children, free_port, runs, wait_until};
use crate::scratch::Scratch;
use crate::tls::Certificate;

/// What is shipped.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../nginx");

/// Debian has it where only root looks.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A running nginx on loopback.
#[derive(Debug)]
pub struct Nginx {
    process: Option<Process>,
    /// Where it serves: the API, or with [`Nginx::as_shipped`] TLS for the API's name.
    pub address: SocketAddr,
    /// Where it redirects to TLS, as shipped.
    pub plain: SocketAddr,
    /// Where it tells of itself, as shipped.
    pub status: SocketAddr,
    site: Site,
    scratch: Scratch,
}

/// What its configuration begins with.
#[derive(Clone, Debug)]
enum Site {
    /// `loopback.conf`, with lines for the http block and for the server.
    Loopback { http: String, server: String },
    /// `nginx.conf` and `local/site.conf`, with a certificate.
    Shipped(Certificate),
}

/// A request as nginx noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The status that the client got.
    pub status: u16,
    /// The nodes that were asked, in this order.
    pub nodes: Vec<SocketAddr>,
    /// All that was noted, by name.
    pub noted: Value,
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

    /// Starts one before these nodes, as `make up` does. Each gets its turn.
    pub fn start(nodes: &[SocketAddr]) -> Self {
        Self::start_with(nodes, "", "")
    }

    /// The same, with further lines for the http block and for the server. `@FOLDER@` in them is a folder of its own.
    pub fn start_with(nodes: &[SocketAddr], http: &str, server: &str) -> Self {
        Self::begin(nodes, Site::Loopback { http: http.to_owned(), server: server.to_owned() })
    }

    /// Starts one with `nginx.conf` and `local/site.conf` as they are shipped: TLS, limits, redirects. Only ports and paths are
    /// others.
    pub fn as_shipped(nodes: &[SocketAddr], certificate: &Certificate) -> Self {
        Self::begin(nodes, Site::Shipped(certificate.clone()))
    }

    fn begin(nodes: &[SocketAddr], site: Site) -> Self {
        let program = Self::program().unwrap_or_else(|why| panic!("{why}"));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let scratch = Scratch::new("nginx");
        let mut nginx = Self { process: None, address: nowhere, plain: nowhere, status: nowhere, site, scratch };
        for _ in 0..5 {
            for address in [&mut nginx.address, &mut nginx.plain, &mut nginx.status] {
                address.set_port(free_port());
            }
            if nginx.launch(program, nodes) {
                return nginx;
            }
        }
        let said = fs::read_to_string(nginx.scratch.path().join("nginx.out")).unwrap_or_default();
        panic!("nginx does not start: {said}");
    }

    /// Points it at these nodes, of which one gets no more requests, and waits until every process of before is gone.
    pub fn point(&self, nodes: &[SocketAddr], down: Option<SocketAddr>) {
        self.list(nodes, down);
        let pid = self.process.as_ref().expect("a started nginx runs").pid();
        let before = children(pid);
        crate::process::send("HUP", &[pid]);
        wait_until("nginx has other workers", Duration::from_secs(20), || {
            let now = children(pid).into_iter().any(|child| !before.contains(&child));
            (now && !before.iter().any(|child| runs(*child))).then_some(())
        });
    }

    /// Writes the list of nodes.
    fn list(&self, nodes: &[SocketAddr], down: Option<SocketAddr>) {
        let server = |node: &SocketAddr| {
            let down = if down == Some(*node) { " down" } else { "" };
            format!("server {node} max_fails=2 fail_timeout=2s{down};\n")
        };
        self.scratch.write("atelier/local/nodes.conf", nodes.iter().map(server).collect::<String>());
    }

    /// Writes everything but the list of nodes, and says where it begins.
    fn configure(&self) -> PathBuf {
        let folder = self.scratch.path().display().to_string();
        for place in ["atelier", "atelier/local"] {
            let from = Path::new(SHIPPED).join(place);
            fs::create_dir_all(self.scratch.path().join(place)).expect("the folder can be made");
            for file in fs::read_dir(&from).expect("nginx/ is there").flatten() {
                if file.path().is_file() {
                    let to = self.scratch.path().join(place).join(file.file_name());
                    fs::copy(file.path(), to).expect("the file can be copied");
                }
            }
        }
        match &self.site {
            Site::Loopback { http, server } => {
                let values = [
                    ("@HTTP@", http.clone()),
                    ("@SERVER@", server.clone()),
                    ("@LISTEN@", self.address.to_string()),
                    ("@FOLDER@", folder),
                ];
                self.scratch.write("nginx.conf", filled("loopback.conf", &values))
            }
            Site::Shipped(certificate) => {
                let (tls, plain) = (format!("listen {} ssl", self.address), format!("listen {}", self.plain));
                let values = [
                    ("listen 443 ssl", tls),
                    ("listen 80", plain),
                    ("listen 127.0.0.1:8081", format!("listen {}", self.status)),
                    ("/etc/ssl/atelier/tls.crt", certificate.certificate.display().to_string()),
                    ("/etc/ssl/atelier/tls.key", certificate.key.display().to_string()),
                    ("/var/log/nginx/atelier.log", format!("{folder}/nginx-access.log")),
                    // A test looks at once.
                    (" buffer=64k flush=5s", String::new()),
                ];
                self.scratch.write("atelier/local/site.conf", filled("atelier/local/site.conf", &values));
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let temporary = temporary.map(|name| format!("  {name}_temp_path {folder}/{name};\n")).concat();
                let values = [
                    // A test's nginx belongs to whoever runs it, and ends with it.
                    ("user www-data;", "daemon off;".to_owned()),
                    ("worker_processes auto", "worker_processes 2".to_owned()),
                    ("/run/nginx.pid", format!("{folder}/nginx.pid")),
                    ("/var/log/nginx/error.log", format!("{folder}/nginx-error.log")),
                    ("http {\n", format!("http {{\n{temporary}")),
                ];
                self.scratch.write("nginx.conf", filled("nginx.conf", &values))
            }
        }
    }

    fn launch(&mut self, program: &str, nodes: &[SocketAddr]) -> bool {
        let folder = self.scratch.path().to_owned();
        let configuration = self.configure();
        self.list(nodes, None);
        let log = folder.join("nginx-error.log");
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-e").arg(&log).arg("-c").arg(configuration);
        let said = File::create(folder.join("nginx.out")).expect("the output can be written");
        let mut process = Process::start(&command, "TERM", Stdio::null(), Stdio::from(said));
        // Another server may have had the port first: then nginx gives up, which its log says at the first of five attempts.
        let up = wait_until("nginx serves", Duration::from_secs(20), || {
            let failed = fs::read_to_string(&log).unwrap_or_default().contains("[emerg]");
            if failed || !process.is_running() {
                return Some(false);
            }
            let started = fs::read_to_string(folder.join("nginx.pid")).is_ok_and(|pid| !pid.trim().is_empty());
            (started && Client::try_connect(self.address).is_ok()).then_some(true)
        });
        if up {
            self.process = Some(process);
        } else {
            drop(process);
            let _ = fs::remove_file(log);
        }
        up
    }

    /// What it noted of its requests so far, in the order they were answered.
    pub fn asked(&self) -> Vec<Asked> {
        let log = fs::read_to_string(self.scratch.path().join("nginx-access.log")).unwrap_or_default();
        let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(Asked::read).collect()
    }

    /// The same, once a number of requests is noted: it does so after the answer.
    pub fn asked_once(&self, count: usize) -> Vec<Asked> {
        wait_until("nginx has noted the requests", Duration::from_secs(20), || {
            let asked = self.asked();
            (asked.len() >= count).then_some(asked)
        })
    }
}

impl Asked {
    fn read(line: &str) -> Self {
        let noted: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("nginx's log is not JSON: {error}: {line:?}"));
        let text = |name: &str| noted[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}")).to_owned();
        let status = noted["status"].as_u64().and_then(|status| status.try_into().ok());
        // Where there is no node left to ask, the group's name stands instead.
        let nodes = text("nodes").split(", ").filter_map(|node| node.parse().ok()).collect();
        Self { method: text("method"), path: text("path"), status: status.expect("a status"), nodes, noted }
    }
}

/// A shipped file with other values. One that is not in it is a mistake of this file.
fn filled(name: &str, values: &[(&str, String)]) -> String {
    let path = Path::new(SHIPPED).join(name);
    let mut text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (place, value) in values {
        assert!(text.contains(place), "{name} does not have {place:?}");
        text = text.replace(place, value);
    }
    text
}
