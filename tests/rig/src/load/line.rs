//! One connection of a load.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Ask;

/// A connection that was idle for longer is not used again: servers close such, and one that is just being closed would make a
/// failure of a good request.
const FRESH: Duration = Duration::from_secs(4);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// The server does not take connections.
    Refused,
    /// The connection ended before the answer did.
    Reset,
    /// What came is no answer.
    Malformed,
    /// Nothing came in time.
    Late,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, one a line.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
    /// When the request was sent.
    pub sent: Instant,
    /// When the answer had come.
    pub received: Instant,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// What the node says of where it came from; behind that may stand what nginx did.
    fn cache_status(&self) -> Option<&str> {
        self.header("cache-status")?.split(',').next()
    }

    /// How old it says it is when it is labelled as stale, in seconds.
    pub fn label(&self) -> Option<u64> {
        let status = self.cache_status()?;
        let stale = status.split(';').any(|part| part.trim().starts_with("detail=stale"));
        let age = status.split(';').find_map(|part| part.trim().strip_prefix("ttl=-")?.parse().ok());
        stale.then_some(age.unwrap_or(u64::MAX))
    }

    /// What it says of where it came from.
    pub fn tier(&self) -> &'static str {
        let status = self.cache_status().unwrap_or_default();
        let tiers = ["l1", "l2", "filter", "stale-origin", "stale-purge", "collapsed", "stored", "bypass"];
        tiers.into_iter().find(|tier| status.ends_with(tier)).unwrap_or_default()
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: BufReader<TcpStream>,
    used: Instant,
}

impl Line {
    pub(super) async fn connect(to: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect(to).await.map_err(|_| Broken::Refused)?;
        let _ = stream.set_nodelay(true);
        Ok(Self { stream: BufReader::new(stream), used: Instant::now() })
    }

    /// Whether it can be used again: neither closed nor idle for too long.
    pub(super) fn is_open(&self) -> bool {
        let quiet = matches!(self.stream.get_ref().try_read(&mut [0]), Err(error)
            if error.kind() == std::io::ErrorKind::WouldBlock);
        quiet && self.used.elapsed() < FRESH
    }

    /// Sends a request and reads its answer; says whether the connection stays.
    pub(super) async fn exchange(&mut self, ask: &Ask, sent: Instant) -> Result<(Answer, bool), Broken> {
        let Ask { method, target, headers, body, .. } = ask;
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: load\r\n{headers}");
        if !body.is_empty() {
            request.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        let reset = |_| Broken::Reset;
        self.stream.get_mut().write_all(&request).await.map_err(reset)?;

        let mut head = String::new();
        loop {
            let from = head.len();
            if self.stream.read_line(&mut head).await.map_err(reset)? == 0 {
                return Err(Broken::Reset);
            }
            if &head[from..] == "\r\n" {
                break;
            }
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let mut answer =
            Answer { status: status.ok_or(Broken::Malformed)?, head, body: Vec::new(), sent, received: sent };
        if *method != "HEAD" && !matches!(answer.status, 204 | 304) {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            let length: usize = match length {
                Some(length) => length,
                None => return Err(Broken::Malformed),
            };
            answer.body.resize(length, 0);
            self.stream.read_exact(&mut answer.body).await.map_err(reset)?;
        }
        answer.received = Instant::now();
        self.used = answer.received;
        let keep = answer.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
        Ok((answer, keep))
    }
}
