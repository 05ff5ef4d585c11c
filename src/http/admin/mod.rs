//! The admin listener's answers. It is a listener of its own, so it answers when the public side is full.
//!
//! How the process is, is told to everybody who reaches it. Orders, and what the cache holds, are for those who bring the operators'
//! token; GET changes nothing.

mod entry;
mod guard;
mod history;
mod log;
mod page;
pub(in crate::http) mod purge;
mod ready;
mod settings;
mod status;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use self::guard::{Guard, Refused};
use self::history::{History, STEP};
use super::Api;
use super::authorization::Token;
use super::body::{self, Kept, Room};
use super::caught::caught;
use super::expectation::Expectation;
use super::problem::Problem;
use super::respond::{self, Body};
use crate::cache::Cache;
use crate::metrics::metrics;
use crate::telemetry::Filter;

pub use self::settings::Setting;

/// Limits of an order's body: enough for some thousands of tags.
const ORDER: body::Limits = body::Limits { size: 64 << 10, time: Duration::from_secs(5) };

/// The room that all orders share.
const ROOM: usize = 1 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What a node says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Where it serves the API.
    pub address: String,
    /// Where its answers come from.
    pub source: String,
}

/// What operators look at and change.
pub struct Parts {
    /// The tiers.
    pub cache: Arc<Cache>,
    /// The token of operators. Without one, orders are refused.
    pub token: Option<Token>,
    /// How requests are read.
    pub api: Arc<ArcSwap<Api>>,
    /// What is logged.
    pub filter: Filter,
    /// The settings in force.
    pub settings: Vec<Setting>,
    /// Which node it is.
    pub about: About,
}

/// Answers operators, and whoever watches the process.
pub struct Admin {
    cache: Arc<Cache>,
    guard: Guard,
    room: Room,
    api: Arc<ArcSwap<Api>>,
    filter: Filter,
    settings: ArcSwap<Vec<Setting>>,
    about: About,
    history: History,
}

impl Admin {
    /// Answers for this node.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { cache, token, api, filter, settings, about } = parts;
        let settings = ArcSwap::from_pointee(settings);
        let (guard, room, history) = (Guard::new(token), Room::new(ROOM), History::default());
        Arc::new(Self { cache, guard, room, api, filter, settings, about, history })
    }

    /// Notes every few seconds how the node is, for ever.
    pub async fn watch(self: Arc<Self>) {
        loop {
            self.history.note(&self.cache.state());
            tokio::time::sleep(STEP).await;
        }
    }

    /// Shows other settings from now on.
    pub fn set_settings(&self, settings: Vec<Setting>) {
        self.settings.store(Arc::new(settings));
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
        let query = request.uri().query();
        match request.uri().path() {
            "/purge" if *request.method() == Method::POST => self.order(request, peer, Order::Purge).await,
            "/purge" => not_allowed("POST"),
            "/log" if *request.method() == Method::PUT => self.order(request, peer, Order::Log).await,
            "/log" if !is_read => not_allowed("GET, HEAD, PUT"),
            _ if !is_read => not_allowed("GET, HEAD"),
            "/livez" => respond::plain(StatusCode::OK, "alive\n"),
            "/readyz" => ready::answer(&self.cache, draining, query),
            "/metrics" => self.counted(draining),
            "/entry" => match self.guard.admit(request.headers(), peer, "/entry") {
                Ok(()) => entry::answer(&self.cache, self.api.load().settings(), query),
                Err(refused) => refusal(refused),
            },
            "/" | "/status.json" | "/config" | "/log" if !is_by_address(request.headers()) => respond::plain(
                StatusCode::MISDIRECTED_REQUEST,
                "this is told to who asks for localhost or an address, so that no page of another name can read it\n",
            ),
            "/" => page::answer(),
            "/status.json" => status::answer(self, draining, query),
            "/config" => json(&settings::Settings { settings: &self.settings.load() }),
            "/log" => log::show(&self.filter),
            _ => respond::plain(StatusCode::NOT_FOUND, "unknown path\n"),
        }
    }

    /// What is counted, as Prometheus asks for it.
    fn counted(&self, draining: bool) -> Response<Body> {
        self.cache.measure();
        metrics().draining.set(draining.into());
        match metrics().text() {
            Ok(text) => with(respond::plain(StatusCode::OK, text), CONTENT_TYPE, OPEN_METRICS),
            Err(error) => respond::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    /// An order, once it is known to be an operator's.
    async fn order(&self, request: Request<Incoming>, peer: SocketAddr, order: Order) -> Response<Body> {
        let (head, body) = request.into_parts();
        let expectation = Expectation::of(&head.headers);
        if let Err(refused) = self.guard.admit(&head.headers, peer, order.path()) {
            // No body is left behind on a connection that stays open, and who waits to be told to send one is not told.
            let is_read = expectation == Expectation::Nothing && body::discard(body, ORDER).await.is_ok();
            let response = refusal(refused);
            return if is_read { response } else { respond::closing(response) };
        }
        if expectation == Expectation::Other {
            return respond::closing(respond::problem(Problem::Expectation));
        }
        match body::keep(body, ORDER, &self.room).await {
            Ok(Kept { bytes, room: _taken }) => match order {
                Order::Purge => purge::answer(&self.cache, &bytes, peer).await,
                Order::Log => log::change(&self.filter, &bytes),
            },
            Err(problem) => respond::problem(problem),
        }
    }
}

/// What operators can have a node do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Purge,
    Log,
}

impl Order {
    const fn path(self) -> &'static str {
        match self {
            Self::Purge => "/purge",
            Self::Log => "/log",
        }
    }
}

/// Whether a request names this machine by an address. A page of any name that leads here for a moment (DNS rebinding) has its browser
/// ask by that name.
fn is_by_address(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| host.parse::<Authority>().ok()).is_some_and(|authority| {
        let host = authority.host();
        host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_name_is_told_nothing() {
        let by = |host: &'static str| is_by_address(&[(HOST, HeaderValue::from_static(host))].into_iter().collect());
        for host in ["127.0.0.1:9090", "127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:9090", "[::1]", "10.0.0.7:9090"]
        {
            assert!(by(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:9090", "127.0.0.1.evil.example", "localhost.evil.example:1", "a b"]
        {
            assert!(!by(host), "{host}");
        }
        assert!(!is_by_address(&HeaderMap::new()));
    }
}
