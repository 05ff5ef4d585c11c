//! One request: route, look up, respond. No framework between the three.

pub mod admin;
mod authorization;
mod body;
mod caught;
mod conditional;
mod copy;
mod description;
mod document;
mod encoding;
mod expectation;
mod fields;
mod found;
mod framing;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hosts;
mod live;
mod manners;
pub mod min_ord;
pub mod nothing;
mod problem;
mod proxies;
mod query;
mod ready;
mod respond;
pub mod route;
mod seen;
mod write;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use tracing::Instrument;

use self::body::Room;
use self::document::Desk;
use self::expectation::Expectation;
use self::fields::Fields;
use self::found::Lack;
use self::nothing::Nothing;
use self::problem::Problem;
use self::route::{Asked, Change, Refused, Route};
use self::seen::Seen;
use crate::answering::Answering;
use crate::cache::{self, Answered, Cache};
use crate::entry::Variant;
use crate::freshness::Instant;
use crate::metrics::traffic;
use crate::outcome::Outcome;
use crate::red::{self, Red};

pub use self::authorization::Token;
pub use self::body::Limits as BodyLimits;
pub use self::hosts::Hosts;
pub use self::manners::{Downstream, Manners};
pub use self::proxies::Proxies;
pub use self::respond::Body;
pub use self::seen::Lines;

/// How requests are read and answered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most rows of a list in one answer.
    pub rows_max: u32,
    /// The longest target (path and query), in bytes.
    pub target_max: usize,
    /// Limits of request bodies.
    pub body: BodyLimits,
    /// The names that it answers to.
    pub hosts: Hosts,
    /// Who is believed what is said of clients.
    pub proxies: Proxies,
    /// Whether the five names of older clients are routes.
    pub aliases: bool,
    /// The one token that is accepted, if one is demanded.
    pub token: Option<Token>,
    /// What is the same for every answer.
    pub manners: Manners,
    /// Which answers are said in the log.
    pub lines: Lines,
}

/// Answers the requests of the API.
pub struct Api {
    cache: Arc<Cache>,
    settings: Settings,
    room: Room,
    desk: Desk,
}

impl Api {
    /// Answers from `cache`.
    pub fn new(cache: Arc<Cache>, settings: Settings) -> Self {
        traffic::time_one_of(settings.lines.one_of);
        Self { cache, settings, room: Room::new(Room::BYTES), desk: Desk::new() }
    }

    /// Answers one request, which came from `peer`: at once if the answer is held, and in time in any case.
    #[inline]
    pub fn answer(self: &Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Answering<Body> {
        let (head, body) = request.into_parts();
        let peer = peer.ip();
        let id = self.settings.proxies.request_id(&head.headers, peer);
        let mut seen = Seen::begin(!body.is_end_stream(), id);
        if let Some(response) = self.at_once(&head, &body, peer, &mut seen) {
            return Answering::Now(response);
        }
        let api = Arc::clone(self);
        Answering::Later(Box::pin(async move { api.in_time(&head, body, peer, seen).await }))
    }

    /// The answer of a read that L1 has, and `None` for everything else, of which nothing has been done then. It waits for nothing, so
    /// it is no future: one that could become a miss or a write is moved about with room for all that.
    fn at_once(&self, head: &Parts, body: &Incoming, peer: IpAddr, seen: &mut Seen) -> Option<Response<Body>> {
        let goes_wrong = red::is_on(Red::AnswerPanics) || red::is_on(Red::AnswerStands);
        if !matches!(head.method, Method::GET | Method::HEAD) || !body.is_end_stream() || goes_wrong {
            return None;
        }
        let fields = Fields::of(&head.headers);
        let Ok(Admitted::Read(Asked::Stored(key, view))) = self.admit(head, &fields, seen) else { return None };
        let held = caught::at_once(|| {
            let served = self.cache.hit(key, fields.token())?;
            match self.found(&served, view, &fields) {
                Ok(response) => Some((served.outcome, Ok(response))),
                Err(Lack::Answer(problem)) => Some((served.outcome, Err(problem))),
                // That takes longer than all the rest, once.
                Err(Lack::Encoding(_)) => None,
            }
        });
        let answer = match held {
            Ok(None) => return None,
            Ok(Some((outcome, answer))) => {
                seen.key = Some(key);
                seen.came(outcome);
                answer
            }
            Err(problem) => Err(problem),
        };
        Some(self.end(head, peer, seen, answer))
    }

    /// The answer to anything. There is always one.
    async fn in_time(&self, head: &Parts, body: Incoming, peer: IpAddr, mut seen: Seen) -> Response<Body> {
        let answer = caught::caught(self.respond(head, body, peer, &mut seen)).await;
        self.end(head, peer, &mut seen, answer)
    }

    /// What is left to do with an answer: to name the request, to count it, to say it in the log.
    #[inline]
    fn end(
        &self,
        head: &Parts,
        peer: IpAddr,
        seen: &mut Seen,
        answer: Result<Response<Body>, Problem>,
    ) -> Response<Body> {
        let Settings { proxies, lines, .. } = &self.settings;
        let mut response = answer.unwrap_or_else(|problem| self.problem(problem));
        let failed = response.status().is_client_error() || response.status().is_server_error();
        if failed || seen.id.is_some() {
            name(&mut response, seen.id.take());
        }
        seen.end(head, &response, proxies.traced(&head.headers, peer), *lines);
        response
    }

    #[cold]
    fn problem(&self, problem: Problem) -> Response<Body> {
        // That a product is not there is an answer of the catalogue, with a place in its history.
        let is_answer = matches!(problem, Problem::NoSuchProduct);
        let response = respond::problem(problem);
        if is_answer { self.placed(response, None) } else { response }
    }

    async fn respond(
        &self,
        head: &Parts,
        body: Incoming,
        peer: IpAddr,
        seen: &mut Seen,
    ) -> Result<Response<Body>, Problem> {
        let settings = &self.settings;
        let fields = Fields::of(&head.headers);
        if red::is_on(Red::AnswerPanics) && head.uri.path() == "/products/13" {
            red::panics(Red::AnswerPanics);
        }
        if red::is_on(Red::AnswerStands) {
            red::stand_still(Red::AnswerStands).await;
        }
        let asked = match self.admit(head, &fields, seen) {
            Ok(Admitted::Read(asked)) => {
                body::discard(body, settings.body).await?;
                asked
            }
            // Boxed, so that reads do not carry the state of writes with them.
            Ok(Admitted::Write(change)) => {
                seen.waits();
                let span = seen.span(settings.proxies.traced(&head.headers, peer));
                let written = Box::pin(self.write(change, body, &head.headers).instrument(span)).await;
                if written.is_ok() {
                    seen.wrote();
                }
                return written;
            }
            Ok(Admitted::Options(route)) => {
                body::discard(body, settings.body).await?;
                return Ok(respond::options(route));
            }
            // Nothing that follows could be trusted, so none of it is read.
            Err(refusal) if refusal.closes() => return Err(refusal),
            Err(refusal) => return Ok(Box::pin(self.refuse(refusal, body, &head.headers)).await),
        };

        // Whom a miss counts for.
        let client = || Some(settings.proxies.client(&head.headers, peer));
        match asked {
            Asked::Stored(key, view) => {
                seen.key = Some(key);
                seen.waits();
                let span = seen.span(settings.proxies.traced(&head.headers, peer));
                let asked = cache::Asked { arrived: Instant::now(), token: fields.token(), client: client() };
                // Boxed, so that hits do not carry the state of misses with them.
                match Box::pin(self.cache.lookup(key, asked).instrument(span)).await? {
                    Answered::Entry(served) => {
                        seen.came(served.outcome);
                        self.found_in_time(&served, view, &fields).await
                    }
                    Answered::Nothing => {
                        seen.came(Outcome::HitFilter);
                        self.nothing(Nothing::of(key, view), &fields)
                    }
                }
            }
            Asked::Unstored(key) => {
                seen.key = Some(key);
                seen.waits();
                let span = seen.span(settings.proxies.traced(&head.headers, peer));
                let served = Box::pin(self.cache.fetch_unstored(key, client()).instrument(span)).await?;
                seen.came(served.outcome);
                self.found_in_time(&served, route::View::Whole, &fields).await
            }
            Asked::Nothing(nothing) => {
                seen.came(Outcome::HitFilter);
                self.nothing(nothing, &fields)
            }
            Asked::Cart => {
                seen.waits();
                let cart = Variant::new(&self.cache.cart(authorization::owner(&head.headers), client()).await?);
                seen.came(Outcome::Bypass);
                let unchanged = fields.unchanged(&cart.etag);
                Ok(respond::cart(&cart, unchanged, &settings.manners))
            }
            Asked::Description => {
                let (encoding, variant) = fields.accepted().choose_now(description::document());
                let unchanged = fields.unchanged(&variant.etag);
                Ok(respond::description(variant, encoding, unchanged, &settings.manners))
            }
        }
    }

    /// The checks of the contract in their order, as far as they need no body.
    fn admit(&self, head: &Parts, fields: &Fields<'_>, seen: &mut Seen) -> Result<Admitted, Problem> {
        if !fields.is_sound(head.version) {
            return Err(Problem::Head);
        }
        if !self.settings.hosts.include(head) {
            return Err(Problem::Misdirected);
        }
        let (path, query) = (head.uri.path(), head.uri.query());
        if path == "*" && head.method == Method::OPTIONS {
            return Ok(Admitted::Options(None));
        }
        if !path.starts_with('/') {
            return Err(Problem::TargetForm);
        }
        if path.len() + query.map_or(0, |query| query.len() + 1) > self.settings.target_max {
            return Err(Problem::TargetTooLong);
        }
        let target = route::target(path, query, self.settings.aliases).map_err(Problem::Refused)?;
        seen.template = target.route.template();
        if !target.route.knows(&head.method) {
            return Err(Problem::Refused(Refused::Method(target.route)));
        }
        if head.method == Method::OPTIONS {
            return Ok(Admitted::Options(Some(target.route)));
        }
        let writes = matches!(head.method, Method::POST | Method::PUT);
        if writes && Expectation::of(&head.headers) == Expectation::Other {
            return Err(Problem::Expectation);
        }
        if self.settings.token.as_ref().is_some_and(|token| !token.is_in(&head.headers)) {
            return Err(Problem::Token);
        }
        let admitted = if writes {
            target.change().map(Admitted::Write)
        } else {
            target.asked(query, self.settings.rows_max).map(Admitted::Read)
        };
        admitted.map_err(Problem::Refused)
    }

    /// Answers a request that was refused by its head. That comes before what may be wrong with its body, but it leaves no
    /// body behind on a connection that stays open either. Who waits to be told to send one is not told.
    async fn refuse(&self, refusal: Problem, body: Incoming, headers: &HeaderMap) -> Response<Body> {
        let is_read =
            Expectation::of(headers) != Expectation::Continue && body::discard(body, self.settings.body).await.is_ok();
        let response = respond::problem(refusal);
        if is_read { response } else { respond::closing(response) }
    }
}

/// Says by what name the request is found in the logs. What went wrong has one in any case.
fn name(response: &mut Response<Body>, id: Option<HeaderValue>) {
    let Some(id) = id.or_else(proxies::new_id) else { return };
    response.headers_mut().insert(proxies::X_REQUEST_ID, id);
}

/// A request that passed the checks.
enum Admitted {
    /// Of a route, or of the server as a whole.
    Options(Option<Route>),
    Read(Asked),
    Write(Change),
}
