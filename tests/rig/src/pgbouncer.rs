//! A PgBouncer in transaction mode.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{Process, free_port, wait_until};
use crate::scratch::Scratch;

/// Debian has it where only root looks.
const PROGRAMS: [&str; 2] = ["pgbouncer", "/usr/sbin/pgbouncer"];

/// A running PgBouncer on loopback.
#[derive(Debug)]
pub struct PgBouncer {
    _process: Process,
    port: u16,
    _scratch: Scratch,
}

impl PgBouncer {
    /// Starts one before the PostgreSQL on this port.
    ///
    /// # Errors
    /// When the program is not there: no other test needs it.
    pub fn start(postgres: u16) -> Result<Self, String> {
        let runs = |program: &&str| {
            let looked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            looked.is_ok_and(|status| status.success())
        };
        let program = PROGRAMS.into_iter().find(runs).ok_or("the package pgbouncer is not installed")?;
        let (scratch, port) = (Scratch::new("pgbouncer"), free_port());
        let folder = scratch.path().display();
        let users = scratch.write("users.txt", "\"postgres\" \"\"\n");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n\
             unix_socket_dir=\nauth_type=any\nauth_file={}\npool_mode=transaction\nmax_client_conn=200\n\
             ignore_startup_parameters=extra_float_digits,options\nlogfile={folder}/pgbouncer.log\npidfile={folder}/pid\n",
            users.display()
        );
        let configuration = configuration.replace("* = host=127.0.0.1", "* = host=127.0.0.1 user=postgres");
        let file = scratch.write("pgbouncer.ini", configuration);
        // It refuses to run as root.
        let _ = Command::new("chown").args(["-R", "nobody", &folder.to_string()]).status();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", program, "-q"]).arg(file);
        let process = Process::start(&command, "QUIT", Stdio::null(), Stdio::null());
        wait_until("PgBouncer listens", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
        Ok(Self { _process: process, port, _scratch: scratch })
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }
}
