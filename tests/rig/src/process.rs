//! Child processes that end with the test process, even when that is killed.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the command given as arguments, and stops it with the signal in `$SIGNAL` when standard input ends: that is when
/// the test drops its end of the pipe, or dies. It may open as many files as the machine allows.
const GUARD: &str = r#"
exec 3<&0 </dev/null
ulimit -Sn "$(ulimit -Hn)"
"$@" 3<&- &
pid=$!
exec >/dev/null
read -r _ <&3
kill -"$SIGNAL" "$pid" 2>/dev/null
wait "$pid"
"#;

/// A running command.
#[derive(Debug)]
pub struct Process {
    guard: Child,
    line: Option<ChildStdin>,
}

impl Process {
    /// Starts `command` under a guard that stops it with `signal` (`KILL`, `QUIT`, …). The command's standard input is
    /// empty, its output goes where the command says.
    pub fn start(command: &Command, signal: &str, stdout: Stdio, stderr: Stdio) -> Self {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        guard.env("SIGNAL", signal).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let mut guard = guard.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let line = guard.stdin.take();
        Self { guard, line }
    }

    /// The standard output, once, if it is a pipe.
    pub fn stdout(&mut self) -> std::process::ChildStdout {
        self.guard.stdout.take().expect("the output is a pipe and was not taken before")
    }

    /// The process id of the command itself, not of its guard.
    pub fn pid(&self) -> u32 {
        let guard = self.guard.id();
        let command_line = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        // Until it has become the command, a child is another shell with the guard's own line.
        let own = command_line(guard);
        wait_until("the command runs", Duration::from_secs(5), || {
            children(guard).into_iter().find(|child| command_line(*child) != own)
        })
    }

    /// Sends the command a signal by name.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "the signal {signal} could not be sent");
    }

    /// Waits for the command to end by itself and returns its exit status, or panics after `patience`.
    pub fn ended(&mut self, patience: Duration) -> i32 {
        // The guard waits for a line on its input; it gets it once the command is gone.
        let guard = self.guard.id();
        wait_until("the command ends", patience, || (!children(guard).into_iter().any(runs)).then_some(()));
        self.line = None;
        self.guard.wait().ok().and_then(|status| status.code()).unwrap_or(-1)
    }

    /// Whether the guard still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.line = None;
        let _ = self.guard.wait();
    }
}

/// Asks until there is an answer, every 10 ms, and panics when there is none after `patience`.
pub fn wait_until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Whether a process runs: it is there and has not ended.
pub fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name in parentheses; Z is ended and not yet waited for.
    !stat.is_empty() && !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z')
}

/// Sends processes a signal by name; to one that has ended, nothing.
pub fn send(signal: &str, pids: &[u32]) {
    if !pids.is_empty() {
        let pids = pids.iter().map(u32::to_string);
        let _ = Command::new("kill").arg(format!("-{signal}")).args(pids).stderr(Stdio::null()).status();
    }
}

/// A port of loopback that was free a moment ago. Whoever uses it must try another when it has been taken since.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// The path of a program, or a panic that says which package is missing.
pub fn program(candidates: &[&str], package: &str) -> String {
    let found = candidates.iter().find(|program| {
        let looked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        !matches!(looked, Err(error) if error.kind() == ErrorKind::NotFound)
    });
    match found {
        Some(program) => (*program).to_owned(),
        None => panic!("none of {candidates:?} is there: `make test` installs the package {package}"),
    }
}
