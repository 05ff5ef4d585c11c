//! An HTTP/1.1 client that hides nothing: requests are written as given, responses are returned as they came.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decoded by nobody.
    pub body: Vec<u8>,
}

impl Response {
    /// The only value of a header; panics when it came more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} came twice");
        value
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("the server does not accept: {error}"))
    }

    /// Connects, or says why it cannot.
    pub fn try_connect(address: SocketAddr) -> Result<Self, String> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.set_nodelay(true)?;
            Ok(Self { stream: BufReader::new(stream) })
        };
        connect().map_err(|error: std::io::Error| error.to_string())
    }

    /// Sends a GET with further header lines and reads the response.
    pub fn get(&mut self, target: &str, headers: &[&str]) -> Response {
        self.request("GET", target, headers, b"")
    }

    /// Sends a request and reads the response.
    pub fn request(&mut self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Response {
        self.try_request(method, target, headers, body).unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// The same, or why there is no response.
    pub fn try_request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Result<Response, String> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes).map_err(|error| format!("the server does not read: {error}"))?;
        self.try_read(method == "HEAD")
    }

    /// Writes bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Writes bytes, or says that the server has stopped to read.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.get_mut().write_all(bytes).map_err(|error| error.to_string())
    }

    /// Ends the sending side, as a client does that breaks off; what the server still says can be read.
    pub fn end_sending(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Reads one response; that of a HEAD has no body whatever its length says.
    pub fn read(&mut self, of_head: bool) -> Response {
        self.try_read(of_head).unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// Reads one response, or says why there is none.
    pub fn try_read(&mut self, of_head: bool) -> Result<Response, String> {
        let mut line = || {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => Err("the connection was closed".to_owned()),
                Ok(_) => Ok(line.trim_end_matches("\r\n").to_owned()),
                Err(error) => Err(error.to_string()),
            }
        };
        let status = line()?;
        let status = status
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| status.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| format!("not a status line: {status:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("not a header: {line:?}"))?;
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if of_head || matches!(status, 100..=199 | 204 | 304) {
            return Ok(response);
        }
        let length = response.header("content-length").ok_or("the response has no length")?;
        let length: usize = length.parse().map_err(|_| format!("not a length: {length:?}"))?;
        response.body.resize(length, 0);
        self.stream.read_exact(&mut response.body).map_err(|error| error.to_string())?;
        Ok(response)
    }

    /// Reads until the server closes, whatever comes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }

    /// Reads so many bytes, whatever they are.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("the server sends more");
        bytes
    }

    /// The port of its end.
    pub fn port(&self) -> u16 {
        self.stream.get_ref().local_addr().expect("a connected socket has an address").port()
    }

    /// Waits no longer than this for the server to take something.
    pub fn set_write_patience(&self, patience: Duration) {
        self.stream.get_ref().set_write_timeout(Some(patience)).expect("a time above zero");
    }

    /// Waits no longer than this for what the server says.
    pub fn set_patience(&self, patience: Duration) {
        self.stream.get_ref().set_read_timeout(Some(patience)).expect("a time above zero");
    }

    /// Whether the server closes the connection without sending anything more.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(length) => length == 0,
            // Silence is no end.
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}
