//! One connection, and both of its ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::case::Case;
use crate::{bare, ours};

/// More than all answers of a batch.
const ROOM: usize = 256 << 10;

/// So many batches go over a connection before anything is counted: buffers have their size then, and maps their place for the key.
const WARM: usize = 32;

/// How long a server may take until an answer is a hit: with every instruction counted it starts slowly.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection over which one request is asked again and again, and the server at its other end.
pub struct Connection {
    /// Client and server.
    front: Runtime,
    /// What the server does besides.
    _back: Runtime,
    batch: usize,
    wire: Wire,
}

/// The client's end, and the bytes that go to and fro.
struct Wire {
    stream: TcpStream,
    requests: Vec<u8>,
    answers: Vec<u8>,
    /// How many of `answers` have come.
    filled: usize,
    /// No batch of answers has fewer bytes.
    least: usize,
    /// With which bytes an answer ends.
    ending: Vec<u8>,
}

impl Connection {
    /// To our server, warm: from now on every answer to `case` is a hit.
    pub fn to_ours(case: &Case) -> Self {
        let (front, back) = runtimes();
        let address = ours::serve(&front, &back);
        let tag = case.is_held.then(|| {
            let held = Self::over(&front, address, &Case { is_held: false, ..*case }, None);
            field(head(held.last()), "etag").expect("the answer has an ETag").to_owned()
        });
        let wire = Self::over(&front, address, case, tag.as_deref());
        let mut connection = Self { front, _back: back, batch: case.batch, wire };
        connection.ask(WARM * case.batch);
        connection.check(case);
        connection
    }

    /// To hyper with nothing above it, whatever is asked.
    pub fn to_bare(case: &Case) -> Self {
        assert!(!case.is_held, "it compares nothing");
        // As long as the sample's first product; which bytes they are does not matter.
        let body = Bytes::from_static(&[b'x'; 316]);
        let (front, back) = runtimes();
        let address = front.block_on(bare::serve(body));
        let wire = Self::over(&front, address, case, None);
        let mut connection = Self { front, _back: back, batch: case.batch, wire };
        connection.ask(WARM * case.batch);
        connection
    }

    /// Asks so many times, a batch after the other, and reads all answers.
    pub fn ask(&mut self, times: usize) {
        let Self { front, batch, wire, .. } = self;
        front.block_on(async {
            for _ in 0..times.div_ceil(*batch) {
                wire.exchange().await;
            }
        });
    }

    /// Panics unless the last answer is the hit that `case` asks for.
    pub fn check(&self, case: &Case) {
        let answer = self.wire.last();
        let head = head(answer);
        let status = if case.is_held { "HTTP/1.1 304 " } else { "HTTP/1.1 200 " };
        assert!(head.starts_with(status), "{case:?}: {head}");
        assert_eq!(field(head, "content-encoding"), case.encoding, "{case:?}: {head}");
        assert_eq!(field(head, "cache-status"), Some("atelier-edge; hit; detail=l1"), "{case:?}: {head}");
        assert_eq!(answer.len() == head.len() + 4, case.is_held, "{case:?}: a body or none");
    }

    /// A connection whose answer is known.
    fn over(front: &Runtime, address: SocketAddr, case: &Case, tag: Option<&str>) -> Wire {
        let held = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: localhost:8080\r\nAccept-Encoding: {}\r\n{held}\r\n",
            case.target, case.accepts
        );
        front.block_on(async {
            let stream = TcpStream::connect(address).await.expect("the server listens");
            stream.set_nodelay(true).expect("it is TCP");
            let mut wire = Wire {
                stream,
                requests: request.clone().into_bytes(),
                answers: vec![0; ROOM],
                filled: 0,
                least: 0,
                ending: Vec::new(),
            };
            wire.learn(case).await;
            wire.requests = request.repeat(case.batch).into_bytes();
            wire.least *= case.batch;
            wire
        })
    }
}

/// One thread for both ends, which is the caller's, and one for what is not counted.
fn runtimes() -> (Runtime, Runtime) {
    let front = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
    let back = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("there are threads");
    (front, back)
}

impl Wire {
    /// Asks until an answer is a hit (or comes from a server that says nothing of that), and keeps its length and its end.
    async fn learn(&mut self, case: &Case) {
        let begun = Instant::now();
        loop {
            self.exchange_once().await;
            let head = head(&self.answers[..self.filled]);
            let says = field(head, "cache-status");
            if says.is_none_or(|says| says.starts_with("atelier-edge; hit")) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{case:?} stays no hit: {head}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.least = self.filled;
        // A whole body would have each answer compared byte by byte, which would be counted.
        self.ending = self.answers[self.filled.saturating_sub(8)..self.filled].to_vec();
    }

    /// One request and its answer, of which nothing is known yet.
    async fn exchange_once(&mut self) {
        self.stream.write_all(&self.requests).await.expect("the server reads");
        self.filled = 0;
        loop {
            self.read().await;
            let bytes = &self.answers[..self.filled];
            let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let length = field(head(bytes), "content-length").map_or(0, |length| length.parse().expect("a length"));
            let has_body = !bytes.starts_with(b"HTTP/1.1 304 ");
            if self.filled >= end + 4 + if has_body { length } else { 0 } {
                return;
            }
        }
    }

    /// A batch of requests and their answers. Where those end is seen by their last bytes, since ages and dates change.
    async fn exchange(&mut self) {
        self.stream.write_all(&self.requests).await.expect("the server reads");
        self.filled = 0;
        while self.filled < self.least || !self.answers[..self.filled].ends_with(&self.ending) {
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let read = self.stream.read(&mut self.answers[self.filled..]).await.expect("the server writes");
        assert!(read > 0, "the server has closed, behind {}", String::from_utf8_lossy(&self.answers[..self.filled]));
        self.filled += read;
    }

    /// The last answer of the batch that was read last.
    fn last(&self) -> &[u8] {
        let bytes = &self.answers[..self.filled];
        let begins = bytes.windows(9).rposition(|begin| begin == b"HTTP/1.1 ").expect("there is an answer");
        &bytes[begins..]
    }
}

/// The head of an answer, without the empty line.
fn head(answer: &[u8]) -> &str {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("the head is there");
    std::str::from_utf8(&answer[..end]).expect("heads are text")
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}
