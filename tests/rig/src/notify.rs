//! A stand-in for systemd's end of sd_notify: a socket that keeps what it is told.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::scratch::Scratch;

/// A socket for `NOTIFY_SOCKET`.
#[derive(Debug)]
pub struct Notified {
    socket: UnixDatagram,
    scratch: Scratch,
}

impl Notified {
    /// One that nobody has told anything yet.
    pub fn new() -> Self {
        let scratch = Scratch::new("notify");
        let socket = UnixDatagram::bind(scratch.path().join("socket")).expect("the path is short enough");
        Self { socket, scratch }
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.scratch.path().join("socket")
    }

    /// The next message, if there is one within `patience`: assignments, a line each.
    pub fn next(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience.max(Duration::from_millis(1)))).expect("a time above zero");
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).expect("messages are text"))
    }

    /// The first message with this line, or, where it ends with `=` or `: `, one that goes on. Those before it are dropped. Panics when
    /// there is none within `patience`.
    pub fn wait_for(&self, line: &str, patience: Duration) -> String {
        let until = Instant::now() + patience;
        let goes_on = line.ends_with(['=', ' ']);
        let is_it = |told: &str| told == line || (goes_on && told.starts_with(line));
        let mut heard = Vec::new();
        loop {
            match self.next(until.saturating_duration_since(Instant::now())) {
                Some(message) if message.lines().any(is_it) => return message,
                Some(message) => heard.push(message),
                None => panic!("nobody said {line:?} within {patience:?}, but {heard:?}"),
            }
        }
    }
}

impl Default for Notified {
    fn default() -> Self {
        Self::new()
    }
}
