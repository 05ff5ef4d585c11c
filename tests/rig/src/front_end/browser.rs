//! What a browser does for a page: it keeps a connection and the answers it got, asks whether those have changed, and sends
//! the token of its last write with every read.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use super::tally::Tally;
use crate::http::{Client, Response};

/// One tab.
#[derive(Debug)]
pub(super) struct Browser {
    address: SocketAddr,
    connection: Option<Client>,
    tokens: bool,
    token: Option<String>,
    kept: HashMap<String, (String, Value)>,
    credential: String,
}

/// A read and when it was sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) sent: Instant,
    pub(super) value: Value,
    /// Whether it said that it was stale.
    pub(super) stale: bool,
}

impl Browser {
    pub(super) fn new(address: SocketAddr, tokens: bool) -> Self {
        Self { address, connection: None, tokens, token: None, kept: HashMap::new(), credential: String::new() }
    }

    /// Logs in: a cart belongs to the credential.
    pub(super) fn log_in(&mut self, credential: &str) {
        credential.clone_into(&mut self.credential);
    }

    /// Reads a page; the token of the last write goes along.
    pub(super) fn get(&mut self, target: &str, tally: &mut Tally) -> Option<Page> {
        let token = self.token.clone().filter(|_| self.tokens);
        self.read(target, token.as_deref(), tally)
    }

    /// Reads a page as somebody who wrote nothing.
    pub(super) fn get_without_token(&mut self, target: &str, tally: &mut Tally) -> Option<Page> {
        self.read(target, None, tally)
    }

    fn read(&mut self, target: &str, token: Option<&str>, tally: &mut Tally) -> Option<Page> {
        let mut headers = Vec::new();
        headers.extend(token.map(|token| format!("Atelier-Min-Ord: {token}")));
        headers.extend(self.kept.get(target).map(|(etag, _)| format!("If-None-Match: {etag}")));
        let sent = Instant::now();
        let response = self.exchange("GET", target, &headers, "", tally)?;
        let stale = response.header("cache-status").is_some_and(|status| status.contains("detail=stale"));
        tally.stale += u64::from(stale);
        match (response.status, self.kept.get(target)) {
            (304, Some((_, value))) => {
                tally.unchanged += 1;
                return Some(Page { sent, value: value.clone(), stale });
            }
            (200, _) => {}
            (status, _) => {
                tally.failed(|| format!("GET {target}: {status} {}", String::from_utf8_lossy(&response.body)));
                return None;
            }
        }
        let Ok(value) = serde_json::from_slice::<Value>(&response.body) else {
            tally.wrong(|| format!("GET {target}: not JSON: {}", String::from_utf8_lossy(&response.body)));
            return None;
        };
        let cacheable = response.header("cache-control").is_some_and(|control| !control.contains("no-store"));
        match response.header("etag") {
            Some(etag) if cacheable => self.kept.insert(target.to_owned(), (etag.to_owned(), value.clone())),
            _ => self.kept.remove(target),
        };
        Some(Page { sent, value, stale })
    }

    /// Posts a document or, with none, votes; says when the answer was there.
    pub(super) fn write(&mut self, method: &str, target: &str, body: &str, tally: &mut Tally) -> Option<Instant> {
        let response = self.exchange(method, target, &[], body, tally)?;
        let expected = if method == "POST" { 201 } else { 204 };
        if response.status != expected {
            tally.failed(|| {
                format!("{method} {target}: {} {}", response.status, String::from_utf8_lossy(&response.body))
            });
            return None;
        }
        if let Some(token) = response.header("atelier-ord") {
            self.token = Some(token.to_owned());
        }
        Some(Instant::now())
    }

    /// One request, counted and timed. What was written is never sent again: nobody knows whether it was done.
    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        headers: &[String],
        body: &str,
        tally: &mut Tally,
    ) -> Option<Response> {
        let credential = format!("Authorization: {}", self.credential);
        let mut lines: Vec<&str> = headers.iter().map(String::as_str).collect();
        if !self.credential.is_empty() {
            lines.push(&credential);
        }
        if !body.is_empty() {
            lines.push("Content-Type: application/json");
        }
        let begun = Instant::now();
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Client::try_connect(self.address),
        };
        let exchanged = connection.and_then(|mut connection| {
            let response = connection.try_request(method, target, &lines, body.as_bytes())?;
            Ok((connection, response))
        });
        tally.asked(method == "GET", begun.elapsed());
        match exchanged {
            Ok((connection, response)) => {
                let closes = response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                self.connection = (!closes).then_some(connection);
                Some(response)
            }
            Err(error) => {
                tally.failed(|| format!("{method} {target}: {error}"));
                None
            }
        }
    }
}
