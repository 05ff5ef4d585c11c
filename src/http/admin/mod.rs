//! The admin listener's answers. It is a listener of its own, so it answers when the public side is full.
//!
//! Whether the process lives and can answer is told to everybody who reaches it. Orders, and what the cache holds, are for
//! those who bring the operators' token; GET changes nothing.

mod entry;
mod guard;
pub(in crate::http) mod purge;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};

use self::guard::{Guard, Refused};
use super::authorization::Token;
use super::body::{self, Kept, Room};
use super::caught::caught;
use super::expectation::Expectation;
use super::respond::{self, Body, Problem};
use crate::cache::Cache;
use crate::metrics::metrics;

/// Limits of an order's body: enough for some thousands of tags.
const ORDER: body::Limits = body::Limits { size: 64 << 10, time: Duration::from_secs(5) };

/// The room that all orders share.
const ROOM: usize = 1 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers operators, and whoever watches the process.
pub struct Admin {
    cache: Arc<Cache>,
    guard: Guard,
    room: Room,
}

impl Admin {
    /// Answers from `cache`. Without a token orders are refused.
    pub fn new(cache: Arc<Cache>, token: Option<Token>) -> Arc<Self> {
        Arc::new(Self { cache, guard: Guard::new(token), room: Room::new(ROOM) })
    }

    /// Demands another token from now on.
    pub fn set_token(&self, token: Option<Token>) {
        self.guard.set(token);
    }

    /// Answers one request, which came from `peer`.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, draining: bool) -> Response<Body> {
        let answer = async { Ok(self.respond(request, peer, draining).await) };
        caught(answer).await.unwrap_or_else(respond::problem)
    }

    async fn respond(&self, request: Request<Incoming>, peer: SocketAddr, draining: bool) -> Response<Body> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/purge" if *request.method() == Method::POST => self.order(request, peer).await,
            "/purge" => not_allowed("POST"),
            _ if !is_read => not_allowed("GET, HEAD"),
            "/livez" => respond::plain(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(draining),
            "/metrics" => counted(),
            "/entry" => match self.guard.admit(request.headers(), peer, "/entry") {
                Ok(()) => entry::answer(&self.cache, request.uri().query()),
                Err(refused) => refusal(refused),
            },
            _ => respond::plain(StatusCode::NOT_FOUND, "unknown path\n"),
        }
    }

    fn readiness(&self, draining: bool) -> Response<Body> {
        if draining {
            return respond::plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n");
        }
        match self.cache.readiness() {
            Ok(()) => respond::plain(StatusCode::OK, "ready\n"),
            Err(unready) => respond::plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {unready}\n")),
        }
    }

    /// An order, once it is known to be an operator's.
    async fn order(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (head, body) = request.into_parts();
        let expectation = Expectation::of(&head.headers);
        if let Err(refused) = self.guard.admit(&head.headers, peer, "/purge") {
            // No body is left behind on a connection that stays open, and who waits to be told to send one is not told.
            let is_read = expectation == Expectation::Nothing && body::discard(body, ORDER).await.is_ok();
            let response = refusal(refused);
            return if is_read { response } else { respond::closing(response) };
        }
        if expectation == Expectation::Other {
            return respond::closing(respond::problem(Problem::Expectation));
        }
        match body::keep(body, ORDER, &self.room).await {
            Ok(Kept { bytes, room: _taken }) => purge::answer(&self.cache, &bytes, peer).await,
            Err(problem) => respond::problem(problem),
        }
    }
}

fn with(mut response: Response<Body>, name: HeaderName, value: HeaderValue) -> Response<Body> {
    response.headers_mut().insert(name, value);
    response
}

fn not_allowed(allow: &'static str) -> Response<Body> {
    let response = respond::plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    with(response, ALLOW, HeaderValue::from_static(allow))
}

fn refusal(refused: Refused) -> Response<Body> {
    match refused {
        Refused::NoToken => respond::plain(
            StatusCode::FORBIDDEN,
            "refused: this node has no token for operators; ATELIER_ADMIN_TOKEN_FILE names the file that holds one\n",
        ),
        Refused::WrongToken => {
            let response = respond::plain(
                StatusCode::UNAUTHORIZED,
                "refused: Authorization has to be Bearer and the token in the file of ATELIER_ADMIN_TOKEN_FILE\n",
            );
            with(response, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        }
    }
}

/// What is counted, as Prometheus asks for it.
fn counted() -> Response<Body> {
    match metrics().text() {
        Ok(text) => with(respond::plain(StatusCode::OK, text), CONTENT_TYPE, OPEN_METRICS),
        Err(error) => respond::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// A value as JSON, which is what programs read here.
fn json(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(mut text) => {
            text.push(b'\n');
            with(respond::plain(StatusCode::OK, Bytes::from(text)), CONTENT_TYPE, JSON)
        }
        Err(error) => respond::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
