//! A server that shows what reached it: in place of a node where a test is about who stands before it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With this status, these header lines, and after so long. The body is how many requests have come.
    Answer(u16, String, Duration),
    /// Not at all; the connection stays.
    Silent,
    /// By a reset of the connection.
    Reset,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When its head was read.
    pub at: Instant,
    /// The request line and the headers, one a line.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Heard {
    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// A running server.
#[derive(Debug)]
pub struct Mirror {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    ended: AtomicBool,
}

impl Mirror {
    /// Starts one that answers 200 at once.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Answer(200, String::new(), Duration::ZERO)),
            heard: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.ended.load(Ordering::Acquire) {
                    return;
                }
                own.connections.fetch_add(1, Ordering::Relaxed);
                let own = Arc::clone(&own);
                thread::spawn(move || own.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers otherwise from now on.
    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock().expect("no thread panics with the lock") = manner;
    }

    /// What has come so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().expect("no thread panics with the lock").clone()
    }

    /// How many connections have come.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // It waits for the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        // Threads of connections that nobody closes end with the server.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some(heard) = self.read(&mut reader) {
            let number = {
                let mut all = self.heard.lock().expect("no thread panics with the lock");
                all.push(heard.clone());
                all.len()
            };
            let manner = self.manner.lock().expect("no thread panics with the lock").clone();
            match manner {
                Manner::Silent => {}
                Manner::Reset => {
                    let _ = rustix::net::sockopt::set_socket_linger(reader.get_ref(), Some(Duration::ZERO));
                    return;
                }
                Manner::Answer(status, headers, after) => {
                    thread::sleep(after);
                    let body = number.to_string();
                    let length = body.len();
                    let shown = if heard.head.starts_with("HEAD ") { "" } else { &body };
                    let head =
                        format!("HTTP/1.1 {status} Mirrored\r\n{headers}Content-Length: {length}\r\n\r\n{shown}");
                    if reader.get_mut().write_all(head.as_bytes()).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// The next request, or none when the connection or the server has ended.
    fn read(&self, reader: &mut BufReader<TcpStream>) -> Option<Heard> {
        let mut head = String::new();
        loop {
            match reader.read_line(&mut head) {
                Ok(0) => return None,
                Ok(_) if head.ends_with("\r\n\r\n") => break,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.ended.load(Ordering::Acquire) {
                        return None;
                    }
                }
                Err(_) => return None,
            }
        }
        let mut heard = Heard { at: Instant::now(), head: head.replace('\r', ""), body: Vec::new() };
        let length = heard.header("content-length").first().and_then(|length| length.parse().ok());
        heard.body.resize(length.unwrap_or(0), 0);
        reader.read_exact(&mut heard.body).ok()?;
        Some(heard)
    }
}
