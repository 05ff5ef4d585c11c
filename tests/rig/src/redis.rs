//! A Redis of the test's own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{Process, free_port, program, wait_until};
use crate::scratch::Scratch;
use crate::tls::Certificate;

/// A running Redis on loopback that writes nothing to disk.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    port: u16,
    /// A second port, on which it speaks TLS.
    tls: Option<(u16, Certificate)>,
    /// How many keys it has saved.
    saved: u64,
    scratch: Scratch,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Self {
        Self::begin(None)
    }

    /// Starts one that speaks TLS on a port of its own, with this certificate.
    pub fn start_with_tls(certificate: &Certificate) -> Self {
        Self::begin(Some(certificate))
    }

    fn begin(certificate: Option<&Certificate>) -> Self {
        let mut redis = Self { process: None, port: 0, tls: None, saved: 0, scratch: Scratch::new("redis") };
        for _ in 0..5 {
            redis.port = free_port();
            redis.tls = certificate.map(|certificate| (free_port(), certificate.clone()));
            if redis.launch() {
                return redis;
            }
        }
        let log = std::fs::read_to_string(redis.scratch.path().join("redis.log")).unwrap_or_default();
        panic!("Redis does not start: {log}");
    }

    fn spawn(&self, more: &[&str]) -> (Process, u32) {
        let server = program(&["redis-server", "/usr/bin/redis-server"], "redis-server");
        let mut command = Command::new(server);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        if let Some((port, certificate)) = &self.tls {
            command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            command.arg("--tls-cert-file").arg(&certificate.certificate).arg("--tls-key-file").arg(&certificate.key);
        }
        command.args(more).current_dir(self.scratch.path());
        let log = File::create(self.scratch.path().join("redis.log")).expect("the log can be written");
        let process = Process::start(&command, "KILL", Stdio::from(log), Stdio::null());
        let pid = process.pid();
        (process, pid)
    }

    fn launch(&mut self) -> bool {
        // What was saved is for one start only.
        let _ = std::fs::remove_file(self.scratch.path().join("dump.rdb"));
        let (mut process, pid) = self.spawn(&[]);
        let answered = wait_until("Redis answers", Duration::from_secs(20), || {
            if self.try_command("PING").is_some_and(|reply| reply.starts_with("+PONG")) {
                // Ours, or one that had the port first? Only ours knows this process.
                let info = self.try_command("INFO server").unwrap_or_default();
                return Some(info.contains(&format!("process_id:{pid}\r")));
            }
            (!process.is_running()).then_some(false)
        });
        if answered {
            self.process = Some(process);
        }
        answered
    }

    /// The address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The port on which it speaks TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls.as_ref().expect("it was started with TLS").0
    }

    /// Shows another certificate to whoever connects from now on.
    pub fn set_certificate(&self, certificate: &Certificate) {
        let Certificate { certificate, key } = certificate;
        let (certificate, key) = (certificate.display(), key.display());
        let reply = self.command(&format!("CONFIG SET tls-cert-file {certificate} tls-key-file {key}"));
        assert!(reply.starts_with("+OK"), "{reply}");
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The running process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("a started Redis runs")
    }

    /// Whether it was started and not ended since.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Ends it at once, as a crash would; nothing of its data is left.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again, empty, on its port.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "Redis runs");
        // Meanwhile an outgoing connection may have been given its port; even one that was meant for it, which then talks to itself.
        wait_until("Redis starts again", Duration::from_secs(20), || self.launch().then_some(()));
    }

    /// Starts it again on its port with what it saved, and takes so long to load that; it says so meanwhile.
    pub fn start_loading(&mut self, long: Duration) {
        assert!(self.process.is_none(), "Redis runs");
        let keys = self.saved.max(1);
        let delay = (long.as_micros() / u128::from(keys)).max(1).to_string();
        let more = ["--key-load-delay", &delay, "--loading-process-events-interval-bytes", "1024"];
        let (process, _) = self.spawn(&more);
        self.process = Some(process);
        wait_until("Redis loads", Duration::from_secs(20), || {
            self.try_command("PING").filter(|reply| reply.starts_with("-LOADING"))
        });
    }

    /// Saves all it has, for [`Self::start_loading`].
    pub fn save(&mut self) {
        assert!(self.command("SAVE").starts_with("+OK"), "Redis cannot save");
        let size = self.command("DBSIZE");
        self.saved = size.trim_start_matches(':').lines().next().and_then(|keys| keys.parse().ok()).unwrap_or(0);
    }

    /// Sends one inline command and returns the reply as it comes, up to its end or 64 KiB.
    pub fn command(&self, command: &str) -> String {
        self.try_command(command).unwrap_or_else(|| panic!("Redis gives no reply to {command:?}"))
    }

    fn try_command(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        // QUIT ends the stream behind the reply.
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut reply = Vec::new();
        stream.take(64 << 10).read_to_end(&mut reply).ok()?;
        let reply = String::from_utf8_lossy(&reply).into_owned();
        Some(reply.strip_suffix("+OK\r\n").map(str::to_owned).unwrap_or(reply))
    }
}
