//! A machine with systemd as its process 1, in namespaces of its own, with the package in its folder `/root`.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::{Process, children, wait_until};
use crate::scratch::Scratch;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/machine.sh");

/// How long it may take to boot.
const BOOT: Duration = Duration::from_secs(60);

/// A running machine. It ends with this.
#[derive(Debug)]
pub struct Machine {
    _process: Process,
    init: u32,
    scratch: Scratch,
}

fn outside(stage: &str, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", SCRIPT, stage]).arg(folder);
    command
}

impl Machine {
    /// Boots one with this package.
    ///
    /// # Errors
    /// With the reason when no such namespaces can be made here.
    pub fn boot(deb: &Path) -> Result<Self, String> {
        let scratch = Scratch::new("machine");
        if !Path::new("/lib/systemd/systemd").exists() {
            return Err("systemd is not installed".to_owned());
        }
        let tried = outside("try", scratch.path()).output().map_err(|error| format!("unshare: {error}"))?;
        if !tried.status.success() {
            return Err(String::from_utf8_lossy(&tried.stderr).trim().replace('\n', "; "));
        }
        let mut command = outside("boot", scratch.path());
        command.arg(deb);
        let log = File::create(scratch.path().with_extension("log")).expect("the log can be written");
        let errors = log.try_clone().expect("a descriptor is left");
        let process = Process::start(&command, "TERM", Stdio::from(log), Stdio::from(errors));
        // The script, which waits for `unshare`, which waits for process 1.
        let init = wait_until("the machine has a process 1", BOOT, || {
            let unshare = children(process.pid()).into_iter().find(|pid| name(*pid) == "unshare")?;
            children(unshare).first().copied()
        });
        let mut machine = Self { _process: process, init, scratch };
        machine.wait_until_up();
        Ok(machine)
    }

    fn wait_until_up(&mut self) {
        let log = self.scratch.path().with_extension("log");
        wait_until("systemd runs in the machine", BOOT, || {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(Path::new("/proc").join(self.init.to_string()).exists(), "the machine does not boot: {}", said());
            (name(self.init) == "systemd"
                && self.run(&["systemctl", "is-active", "-q", "test.target"]).status.success())
            .then_some(())
        });
        let _ = std::fs::remove_file(log);
    }

    /// Moves this thread, and whatever it starts from now on, into the network of the machine.
    pub fn enter_network(&self) {
        let network = File::open(format!("/proc/{}/ns/net", self.init)).expect("the machine runs");
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).expect("this is root");
    }

    /// Runs a command in it.
    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().expect("nsenter is there")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
        command.arg("--").args(words);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
        command
    }

    /// Runs lines of a shell in it, and returns what they print. Panics when they fail.
    pub fn shell(&self, lines: &str) -> String {
        let (status, said) = self.try_shell(lines);
        assert_eq!(status, 0, "{lines}: {said}\n{}", self.journal("-n 60"));
        said
    }

    /// The same, with the exit status.
    pub fn try_shell(&self, lines: &str) -> (i32, String) {
        let output = self.run(&["sh", "-c", &format!("exec 2>&1\n{lines}")]);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Writes a file of it, whose folder is there afterwards.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let mut writing = self.command(&["install", "-D", "-m", "644", "/dev/stdin", path]);
        let mut writing = writing.stdin(Stdio::piped()).spawn().expect("nsenter is there");
        let mut input = writing.stdin.take().expect("it is a pipe");
        input.write_all(content.as_ref()).expect("it is read");
        drop(input);
        let written = writing.wait().expect("it ends");
        assert!(written.success(), "{path} cannot be written");
    }

    /// What `systemctl show` says of a property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.shell(&format!("systemctl show --value -p {name} {unit}"))
    }

    /// The journal, with these arguments of `journalctl`.
    pub fn journal(&self, arguments: &str) -> String {
        self.try_shell(&format!("journalctl --no-pager -o cat {arguments}")).1
    }
}

/// What a process is called.
fn name(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}
