//! A PostgreSQL of the test's own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Process, children, free_port, program, runs, send, wait_until};
use crate::scratch::Scratch;
use crate::session::Session;
use crate::tls::Certificate;

/// A running PostgreSQL with a superuser `postgres` that needs no password, on loopback and a socket in a scratch folder.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    scratch: Scratch,
    settings: Vec<String>,
    small_disk: Option<u32>,
}

const FOLDER: &str = "/usr/lib/postgresql/15/bin";

/// PostgreSQL refuses to run as root; as root it is run as this user.
const USER: &str = "nobody";

fn as_user(program: &str) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", "nogroup", "--clear-groups", program]);
    command
}

impl Postgres {
    /// Starts one with settings for tests: nothing is synced to disk, `pg_stat_statements` is loaded.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further settings, as `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::begin(settings, None)
    }

    /// Starts one that has this certificate, and answers in plain text as well.
    pub fn start_with_tls(certificate: &Certificate, settings: &[&str]) -> Self {
        let postgres = Self::start_with(settings);
        postgres.set_certificate(certificate);
        postgres.set_tls(true);
        postgres
    }

    /// Speaks TLS with whoever wants to from now on, or with nobody.
    pub fn set_tls(&self, on: bool) {
        self.psql("postgres", &format!("ALTER SYSTEM SET ssl = {on}"));
        self.reload();
    }

    /// Shows another certificate to whoever connects from now on, if it shows any.
    pub fn set_certificate(&self, certificate: &Certificate) {
        for (from, to) in [(&certificate.certificate, "server.crt"), (&certificate.key, "server.key")] {
            let to = self.data().join(to);
            std::fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", to.display()));
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&to, mode).expect("the mode of an own file can be set");
            let _ = Command::new("chown").arg(USER).arg(&to).status();
        }
        self.reload();
    }

    /// Lets in whom these lines of `pg_hba.conf` let in, and nobody else.
    pub fn let_in(&self, lines: &str) {
        std::fs::write(self.data().join("pg_hba.conf"), lines).expect("pg_hba.conf can be written");
        self.reload();
    }

    /// Has the server read its settings again, and waits until it has.
    pub fn reload(&self) {
        const SAID: &str = "received SIGHUP, reloading configuration files";
        let times = || self.log().matches(SAID).count();
        let before = times();
        send("HUP", &[self.pid()]);
        wait_until("PostgreSQL reads its settings again", Duration::from_secs(20), || (times() > before).then_some(()));
    }

    /// Starts one that finds an empty disk of so many MiB at [`Self::small_disk`], for a tablespace. The disk is seen by this
    /// server alone. `Err` says why there can be none on this machine.
    ///
    /// # Errors
    /// When no disk can be mounted, as without being root.
    pub fn start_with_small_disk(mebibytes: u32) -> Result<Self, String> {
        let tried = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
        match tried {
            Ok(tried) if tried.status.success() => Ok(Self::begin(&[], Some(mebibytes))),
            Ok(tried) => Err(String::from_utf8_lossy(&tried.stderr).trim().to_owned()),
            Err(error) => Err(format!("unshare: {error}")),
        }
    }

    /// The folder of the small disk.
    pub fn small_disk(&self) -> PathBuf {
        self.scratch.path().join("small-disk")
    }

    fn begin(settings: &[&str], small_disk: Option<u32>) -> Self {
        let scratch = Scratch::new("postgres");
        let initdb = program(&[&format!("{FOLDER}/initdb"), "initdb"], "postgresql-15");
        let _ = Command::new("chown").args([USER, &scratch.path().display().to_string()]).status();
        let data = scratch.path().join("data");
        let mut command = as_user(&initdb);
        command.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-A",
            "trust",
        ]);
        let made = command.output().expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postgres = Self { process: None, port: 0, scratch, settings, small_disk };
        // Between looking for a free port and taking it, somebody else may have.
        for _ in 0..5 {
            postgres.port = free_port();
            if postgres.launch() {
                return postgres;
            }
        }
        panic!("PostgreSQL does not start: {}", postgres.log());
    }

    /// Starts the server on its port; false if it ends again, as on a taken port.
    fn launch(&mut self) -> bool {
        let server = program(&[&format!("{FOLDER}/postgres"), "postgres"], "postgresql-15");
        let mut command = as_user(&server);
        if let Some(mebibytes) = self.small_disk {
            let _ = std::fs::create_dir(self.small_disk());
            let mount = format!("mount -t tmpfs -o size={mebibytes}m,uid=$(id -u {USER}) none \"$0\" && exec \"$@\"");
            let inner = command;
            command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", &mount]).arg(self.small_disk());
            command.arg(inner.get_program()).args(inner.get_args());
        }
        command.arg("-D").arg(self.scratch.path().join("data")).arg("-k").arg(self.scratch.path());
        let common = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "fsync=off".to_owned(),
            "synchronous_commit=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "max_wal_size=4GB".to_owned(),
            "shared_buffers=256MB".to_owned(),
            "shared_preload_libraries=pg_stat_statements".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        for setting in common.iter().chain(&self.settings) {
            command.arg("-c").arg(setting);
        }
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log can be written");
        let log_too = log.try_clone().expect("a file can be written twice");
        // QUIT is the immediate shutdown, which takes the children along.
        let process = Process::start(&command, "QUIT", Stdio::from(log), Stdio::from(log_too));
        self.process = Some(process);
        let answered = wait_until("PostgreSQL answers", Duration::from_secs(60), || {
            if self.try_psql("postgres", "SELECT 1").is_ok() {
                return Some(true);
            }
            let ended =
                self.log().contains("database system is shut down") || self.log().contains("could not create any TCP");
            ended.then_some(false)
        });
        if !answered {
            self.process = None;
            let _ = std::fs::remove_file(self.log_path());
        }
        answered
    }

    fn log_path(&self) -> PathBuf {
        self.scratch.path().join("postgres.log")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        let file =
            std::fs::read_to_string(self.data().join("postmaster.pid")).expect("a running server has a pid file");
        file.lines().next().and_then(|line| line.parse().ok()).expect("its first line is the pid")
    }

    /// Whether it was started and not ended since.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Sends a signal to all of its processes.
    pub fn signal_all(&self, signal: &str) {
        let postmaster = self.pid();
        let mut all = children(postmaster);
        all.push(postmaster);
        send(signal, &all);
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a new, empty database and returns its address.
    pub fn create(&self, database: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE {database}"));
        self.url(database)
    }

    /// Makes a database as a copy of another and returns its address.
    pub fn copy(&self, from: &str, to: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE {to} TEMPLATE {from}"));
        self.url(to)
    }

    /// Runs SQL and returns its rows, one a line, columns separated by `|`.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs SQL, or returns what psql complains of.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.run_psql(database, &["-c", sql])
    }

    /// Runs a file of SQL.
    pub fn psql_file(&self, database: &str, file: &Path) -> String {
        let file = file.display().to_string();
        self.run_psql(database, &["-f", &file]).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Opens a session that stays until it is dropped.
    pub fn session(&self, database: &str) -> Session {
        Session::start(self.psql_command(database))
    }

    /// Ends the server at once, as a crash would, and leaves its data for [`Postgres::start_again`].
    pub fn stop(&mut self) {
        // Commits here do not wait for the disk; what was written so far is to be there again.
        self.psql("postgres", "CHECKPOINT");
        self.process = None;
    }

    /// Starts the server again where it was.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        let _ = std::fs::remove_file(self.log_path());
        assert!(self.launch(), "PostgreSQL does not start again: {}", self.log());
    }

    /// Kills the postmaster with `kill -9`; its children end when they notice, or are killed a second later.
    pub fn kill(&mut self) {
        let postmaster = self.pid();
        let children = children(postmaster);
        send("KILL", &[postmaster]);
        self.process = None;
        let left = || children.iter().copied().filter(|pid| runs(*pid)).collect::<Vec<_>>();
        let begun = Instant::now();
        wait_until("the server's processes end", Duration::from_secs(20), || {
            let left = left();
            if begun.elapsed() > Duration::from_secs(1) {
                send("KILL", &left);
            }
            left.is_empty().then_some(())
        });
    }

    /// Kills with `kill -9` one backend of `application`; false if there is none. The postmaster then restarts all.
    pub fn kill_backend(&self, application: &str) -> bool {
        let pid = self.psql(
            "postgres",
            &format!(
                "SELECT pid FROM pg_stat_activity WHERE application_name = '{application}' ORDER BY random() LIMIT 1"
            ),
        );
        pid.parse().is_ok_and(|pid| {
            send("KILL", &[pid]);
            true
        })
    }

    /// Starts another server from a copy of this one's data as it lies there. This one must not run.
    pub fn twin(&self) -> Self {
        assert!(self.process.is_none(), "the server runs");
        let scratch = Scratch::new("postgres");
        let _ = Command::new("chown").args([USER, &scratch.path().display().to_string()]).status();
        let copied = Command::new("cp").arg("-a").arg(self.data()).arg(scratch.path().join("data")).status();
        assert!(copied.is_ok_and(|status| status.success()), "the data cannot be copied");
        let mut twin = Self { process: None, port: 0, scratch, settings: self.settings.clone(), small_disk: None };
        let _ = std::fs::remove_file(twin.data().join("postmaster.pid"));
        for _ in 0..5 {
            twin.port = free_port();
            if twin.launch() {
                return twin;
            }
        }
        panic!("the twin does not start: {}", twin.log());
    }

    /// Somebody who runs SQL whether the server is there or not.
    pub fn writer(&self, database: &str) -> Psql {
        Psql { port: self.port, database: database.to_owned() }
    }

    /// Starts a standby of this server, which follows it until [`Self::part`].
    pub fn standby(&self) -> Self {
        let scratch = Scratch::new("postgres");
        let _ = Command::new("chown").args([USER, &scratch.path().display().to_string()]).status();
        let backup = program(&[&format!("{FOLDER}/pg_basebackup"), "pg_basebackup"], "postgresql-15");
        let mut command = as_user(&backup);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-X", "stream", "-R", "-c", "fast", "--no-sync"]);
        command.args(["-p", &self.port.to_string(), "-D"]).arg(scratch.path().join("data"));
        let copied = command.output().expect("pg_basebackup can be started");
        assert!(copied.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&copied.stderr));
        let mut standby = Self { process: None, port: 0, scratch, settings: self.settings.clone(), small_disk: None };
        for _ in 0..5 {
            standby.port = free_port();
            if standby.launch() {
                return standby;
            }
        }
        panic!("the standby does not start: {}", standby.log());
    }

    /// A standby hears no more of its primary.
    pub fn part(&self) {
        self.psql("postgres", "ALTER SYSTEM SET primary_conninfo = ''");
        self.psql("postgres", "SELECT pg_reload_conf()");
        wait_until("the standby is alone", Duration::from_secs(20), || {
            self.psql("postgres", "SELECT count(*) FROM pg_stat_wal_receiver").eq("0").then_some(())
        });
    }

    /// A standby becomes a primary.
    pub fn promote(&self) {
        self.psql("postgres", "SELECT pg_promote()");
    }

    fn psql_command(&self, database: &str) -> Command {
        self.writer(database).command()
    }

    fn run_psql(&self, database: &str, arguments: &[&str]) -> Result<String, String> {
        self.writer(database).run_with(arguments)
    }
}

/// One who runs SQL in a database, each statement on a connection of its own.
#[derive(Clone, Debug)]
pub struct Psql {
    port: u16,
    database: String,
}

impl Psql {
    /// Runs SQL, or returns what psql complains of.
    ///
    /// # Errors
    /// When it is not known to have been done.
    pub fn run(&self, sql: &str) -> Result<String, String> {
        self.run_with(&["-c", sql])
    }

    fn command(&self) -> Command {
        let mut command = Command::new("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
        command.args(["-p", &self.port.to_string(), "-d", &self.database]);
        command.env("PGOPTIONS", "-c client_min_messages=warning");
        command
    }

    fn run_with(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command();
        command.args(arguments);
        let output = command.output().map_err(|error| format!("psql cannot be started: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}
