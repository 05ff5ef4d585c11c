//! An HTTP client for many tasks: keep-alive, a limit on every wait, and the times of what it did.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::history::{Clock, Label, Nanos};

/// How long an answer may take. A node that was stopped answers when it goes on.
const PATIENCE: Duration = Duration::from_secs(6);

/// One client of one node.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    clock: Clock,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer, as far as the checker needs it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Before the request was sent.
    pub(crate) sent: Nanos,
    /// After the answer had come.
    pub(crate) received: Nanos,
    /// The status; 0 when none came.
    pub(crate) status: u16,
    /// What Cache-Status says of staleness.
    pub(crate) label: Label,
    /// The validator.
    pub(crate) etag: Option<String>,
    /// `Atelier-Ord`.
    pub(crate) ord: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// One that connects when it is used.
    pub(crate) fn new(address: SocketAddr, clock: Clock) -> Self {
        Self { address, clock, stream: None }
    }

    /// Connects, so that the next request goes out at once.
    pub(crate) async fn connect(&mut self) -> std::io::Result<()> {
        if self.stream.is_none() {
            let stream = timeout(Duration::from_secs(2), TcpStream::connect(self.address)).await??;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        Ok(())
    }

    /// Sends a request and reads its answer. `headers` are whole lines.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let (head_only, length) = (method == "HEAD", body.len());
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}");
        if length > 0 {
            request.push_str(&format!("Content-Length: {length}\r\n"));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);

        let connected = self.connect().await;
        let sent = self.clock.now();
        let mut answer =
            Answer { sent, received: sent, status: 0, label: Label::None, etag: None, ord: None, body: Vec::new() };
        if let (Ok(()), Some(stream)) = (connected, self.stream.take()) {
            let exchanged = timeout(PATIENCE, exchange(stream, &request, head_only, &mut answer)).await;
            self.stream = exchanged.ok().flatten();
        }
        answer.received = self.clock.now();
        answer
    }

    /// A GET.
    pub(crate) async fn get(&mut self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, b"").await
    }
}

/// The connection, if it can be used again. A status is only set when the whole answer was read.
async fn exchange(
    mut stream: BufReader<TcpStream>,
    request: &[u8],
    head_only: bool,
    answer: &mut Answer,
) -> Option<BufReader<TcpStream>> {
    stream.get_mut().write_all(request).await.ok()?;
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let status: u16 = line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let (mut length, mut keep) = (0, true);
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            "etag" => answer.etag = Some(value.to_owned()),
            "atelier-ord" => answer.ord = Some(value.to_owned()),
            "cache-status" => answer.label = label(value),
            _ => {}
        }
    }
    if !head_only && !matches!(status, 204 | 304) {
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body).await.ok()?;
    }
    answer.status = status;
    keep.then_some(stream)
}

/// The label in a Cache-Status.
fn label(value: &str) -> Label {
    let detail = value.split(';').find_map(|part| part.trim().strip_prefix("detail="));
    let age = value.split(';').find_map(|part| part.trim().strip_prefix("ttl=-")?.parse().ok());
    match (detail, age) {
        (Some("stale-origin"), Some(age)) => Label::Origin(age),
        (Some("stale-purge"), Some(age)) => Label::Purge(age),
        (Some(detail), _) if detail.starts_with("stale") => Label::Unknown,
        _ => Label::None,
    }
}
