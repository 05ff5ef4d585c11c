//! From an outcome to a response: every status, header and error text of the contract stands here and nowhere else.
//!
//! Header values are constants or come from the entry. Nothing of the request gets into one.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::ready::Ready;
use super::route::{Addition, Change, Named, Refused, Route};
use crate::entry::{Encoding, Variant};
use crate::key::Resource;
use crate::outcome::Outcome;
use crate::stamp::OrdToken;

/// The body of every response. Its length is known, so hyper writes `Content-Length`, for HEAD too.
pub type Body = Full<Bytes>;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const YAML: HeaderValue = HeaderValue::from_static("application/yaml");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, Age, Cache-Status, Retry-After, Atelier-Ord");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, If-None-Match, Atelier-Min-Ord");
const ONE_DAY: HeaderValue = HeaderValue::from_static("86400");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PUBLIC: HeaderValue = HeaderValue::from_static("public, no-cache");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const PRIVATE_NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const BY_ENCODING_AND_TOKEN: HeaderValue = HeaderValue::from_static("Accept-Encoding, Authorization");
const BY_TOKEN: HeaderValue = HeaderValue::from_static("Authorization");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const BROTLI: HeaderValue = HeaderValue::from_static("br");
const TOKEN: HeaderValue = HeaderValue::from_static("Token");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
const ATELIER_ORD: HeaderName = HeaderName::from_static("atelier-ord");

/// How many headers an answer of the catalogue has at most, `Date` by hyper included.
const HEADERS_MAX: usize = 18;

/// What is the same for every answer of one server.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Whether a token is demanded, so that answers are not for everyone.
    pub(super) private: bool,
    /// Whether `Cache-Status` is sent with answers that are proved.
    cache_status: bool,
    /// Whether reads say where in the history they stand.
    pub(super) ord: bool,
    /// `Cache-Control` of answers about products, if browsers may keep them.
    products: Option<HeaderValue>,
    /// `CDN-Cache-Control` of the same, if a CDN may (RFC 9213).
    cdn: Option<HeaderValue>,
    /// The headers of hits.
    pub(super) ready: Ready,
}

/// How long copies of answers about products may be used elsewhere without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Downstream {
    /// By browsers.
    pub max_age: Duration,
    /// By a CDN.
    pub cdn_ttl: Duration,
}

impl Manners {
    /// The header values that go with these settings.
    pub fn new(private: bool, cache_status: bool, ord: bool, downstream: Downstream) -> Self {
        let seconds = |kept: Duration| (kept.as_secs() > 0 && !private).then_some(kept.as_secs());
        // Digits and constants are always valid in a header.
        let value = |text: String| HeaderValue::try_from(text).ok();
        let products = seconds(downstream.max_age).and_then(|n| value(format!("public, max-age={n}, must-revalidate")));
        // RFC 5861's extensions are for a CDN: a browser is never told to show what is stale.
        let cdn = seconds(downstream.cdn_ttl)
            .and_then(|n| value(format!("max-age={n}, stale-while-revalidate={n}, stale-if-error={n}")));
        let mut manners = Self { private, cache_status, ord, products, cdn, ready: Ready::default() };
        manners.ready = Ready::new(&manners);
        manners
    }
}

/// A failure, as the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// See [`Refused`].
    Refused(Refused),
    /// The token is not the one that is demanded.
    Token,
    /// The catalogue has no such product.
    NoSuchProduct,
    /// The request's target is longer than allowed.
    TargetTooLong,
    /// The head is one that other servers could read otherwise.
    Head,
    /// The request is for another host.
    Misdirected,
    /// The target is in a form that only proxies are sent.
    TargetForm,
    /// The request's body is longer than allowed.
    BodyTooLarge,
    /// The request's body did not come in time.
    BodyTimeout,
    /// The request's body ended early or is framed wrongly.
    BodyBroken,
    /// The client expects something before it sends a body.
    Expectation,
    /// The body of this write is not as described, or what it is about is not there.
    Unfit(Change),
    /// The client has asked for too much.
    Limited,
    /// There is no answer now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Problem {
    const fn status(self) -> StatusCode {
        match self {
            Self::Refused(Refused::UnknownPath | Refused::PathId(_))
            | Self::NoSuchProduct
            | Self::Unfit(Change::Vote(..)) => StatusCode::NOT_FOUND,
            Self::Refused(Refused::Method(_)) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(Refused::QueryProductId) | Self::Unfit(Change::Add(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Head | Self::TargetForm | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Limited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Refused(Refused::UnknownPath) => "Error: unknown path",
            Self::Refused(Refused::Method(_)) => "Error: method not allowed",
            Self::Refused(Refused::PathId(named)) => no_such(named),
            Self::Refused(Refused::QueryProductId) | Self::NoSuchProduct => no_such(Named::Product),
            Self::Unfit(Change::Vote(subject, ..)) => no_such(Named::of(subject)),
            Self::Unfit(Change::Add(Addition::Review)) => "Error: Review body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Question)) => "Error: Question body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Answer(_))) => "Error: Answer body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Cart)) => "Error: Cart body contains invalid entries",
            Self::Unfit(Change::Add(Addition::Interaction)) => "Error: Interaction body contains invalid entries",
            Self::Token => "Error: invalid token",
            Self::TargetTooLong => "Error: request target is too long",
            Self::Head => "Error: malformed request head",
            Self::Misdirected => "Error: misdirected request",
            Self::TargetForm => "Error: malformed request target",
            Self::BodyTooLarge => "Error: request body is too large",
            Self::BodyTimeout => "Error: request body took too long",
            Self::BodyBroken => "Error: malformed request body",
            Self::Expectation => "Error: expectation failed",
            Self::Limited => "Error: too many requests",
            Self::Unavailable => "Error: temporarily unavailable",
            Self::Internal => "Error: internal error",
        }
    }

    /// Whether what follows on the connection cannot be trusted to be a request, or to be one for this server. Behind a fault of ours,
    /// it is not known how much of the request was read.
    const fn closes(self) -> bool {
        matches!(
            self,
            Self::Head
                | Self::Misdirected
                | Self::TargetForm
                | Self::BodyTooLarge
                | Self::BodyTimeout
                | Self::BodyBroken
                | Self::Internal
        )
    }
}

/// What is said of an id that is none, or that no row has.
const fn no_such(named: Named) -> &'static str {
    match named {
        Named::Product => "Error: invalid product_id provided",
        Named::Review => "Error: invalid review id provided",
        Named::Question => "Error: invalid question id provided",
        Named::Answer => "Error: invalid answer id provided",
    }
}

fn response(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The headers that every answer has.
fn common() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
    add_common(&mut headers);
    headers
}

fn add_common(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// A failure. A HEAD request gets the headers alone; hyper sees to that.
pub(super) fn problem(problem: Problem) -> Response<Body> {
    let mut headers = common();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Problem::Refused(Refused::Method(route)) = problem {
        headers.insert(ALLOW, HeaderValue::from_static(route.allow()));
    }
    if problem == Problem::Token {
        headers.insert(WWW_AUTHENTICATE, TOKEN);
    }
    if problem == Problem::Limited {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if problem == Problem::Unavailable {
        // Clients that were turned away together are not to come back together.
        headers.insert(RETRY_AFTER, HeaderValue::from(fastrand::u16(1..=3)));
    }
    let closes = problem.closes();
    let response = response(problem.status(), headers, Bytes::from_static(problem.text().as_bytes()));
    if closes { closing(response) } else { response }
}

/// The same response as the last one on its connection.
pub(super) fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, CLOSE);
    response
}

/// The answer to OPTIONS; `None` stands for the server as a whole.
pub(super) fn options(route: Option<Route>) -> Response<Body> {
    let mut headers = common();
    headers.insert(ALLOW, route.map_or(METHODS, |route| HeaderValue::from_static(route.allow())));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, ONE_DAY);
    headers.insert(CACHE_CONTROL, NO_STORE);
    response(StatusCode::NO_CONTENT, headers, Bytes::new())
}

/// What goes with the bytes of an answer of the catalogue.
pub(super) struct Found<'a> {
    /// The bytes and their validator.
    pub(super) variant: &'a Variant,
    /// How they are encoded.
    pub(super) encoding: Encoding,
    /// Class and tag of the entry, for `Surrogate-Key`.
    pub(super) tag: &'a HeaderValue,
    /// The class alone.
    pub(super) class: Resource,
    /// Where the answer came from.
    pub(super) outcome: Outcome,
    /// How old it is.
    pub(super) age: Duration,
    /// Whether the client has these bytes already.
    pub(super) unchanged: bool,
}

/// An answer of the catalogue: 200 with the bytes, or 304 without.
pub(super) fn found(found: &Found<'_>, manners: &Manners) -> Response<Body> {
    let headers = if found.outcome == Outcome::HitL1 { manners.ready.of(found) } else { headers_of(found, manners) };
    if found.unchanged {
        return response(StatusCode::NOT_MODIFIED, headers, Bytes::new());
    }
    response(StatusCode::OK, headers, found.variant.body.clone())
}

/// The headers of an answer of the catalogue. Those that differ from entry to entry come first: see [`Ready`].
pub(super) fn headers_of(found: &Found<'_>, manners: &Manners) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
    let stale = found.outcome.is_stale();
    headers.insert(ETAG, found.variant.etag.clone());
    headers.insert(AGE, seconds(found.age));
    if !manners.private && !stale {
        headers.insert(SURROGATE_KEY, found.tag.clone());
    }
    add_common(&mut headers);
    let (kept, vary) = match (&manners.products, manners.private) {
        (_, true) => (PRIVATE, BY_ENCODING_AND_TOKEN),
        (Some(kept), false) if found.class.is_of_products() => (kept.clone(), BY_ENCODING),
        (_, false) => (PUBLIC, BY_ENCODING),
    };
    headers.insert(CACHE_CONTROL, if stale { NO_STORE } else { kept });
    headers.insert(VARY, vary);
    // The label is a part of the promise: whoever gets something stale is told.
    if manners.cache_status || stale {
        headers.insert(CACHE_STATUS, found.outcome.cache_status());
    }
    if let Some(kept) = &manners.cdn
        && found.class.is_of_products()
    {
        headers.insert(CDN_CACHE_CONTROL, if stale { NO_STORE } else { kept.clone() });
    }
    if !found.unchanged {
        headers.insert(CONTENT_TYPE, JSON);
        say_encoding(&mut headers, found.encoding);
    }
    headers
}

/// Names the encoding of the body, if it has one.
fn say_encoding(headers: &mut HeaderMap, encoding: Encoding) {
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => {
            headers.insert(CONTENT_ENCODING, GZIP);
        }
        Encoding::Brotli => {
            headers.insert(CONTENT_ENCODING, BROTLI);
        }
    }
}

/// Whole seconds. What is proved is never older than the bound, so a hit nearly always takes one of the constants.
pub(super) fn seconds(age: Duration) -> HeaderValue {
    match age.as_secs() {
        0 => HeaderValue::from_static("0"),
        1 => HeaderValue::from_static("1"),
        2 => HeaderValue::from_static("2"),
        more => HeaderValue::from(more),
    }
}

/// Says where in the history an answer stands.
pub(super) fn add_place(response: &mut Response<Body>, place: OrdToken) {
    // A token is hexadecimal digits, a point and digits, which is always a value.
    if let Ok(place) = HeaderValue::try_from(place.to_string()) {
        response.headers_mut().insert(ATELIER_ORD, place);
    }
}

/// A cart: 200 with its bytes as they are, or 304 without. Nobody may keep it, and no tier had it.
pub(super) fn cart(cart: &Variant, unchanged: bool, manners: &Manners) -> Response<Body> {
    let mut headers = common();
    headers.insert(CACHE_CONTROL, PRIVATE_NO_STORE);
    headers.insert(VARY, BY_TOKEN);
    headers.insert(ETAG, cart.etag.clone());
    if manners.cache_status {
        headers.insert(CACHE_STATUS, Outcome::Bypass.cache_status());
    }
    if unchanged {
        return response(StatusCode::NOT_MODIFIED, headers, Bytes::new());
    }
    headers.insert(CONTENT_TYPE, JSON);
    response(StatusCode::OK, headers, cart.body.clone())
}

/// The description of the API: 200 with the bytes, or 304 without. No tier had it, and no purge outdates it.
pub(super) fn description(variant: &Variant, encoding: Encoding, unchanged: bool, manners: &Manners) -> Response<Body> {
    let mut headers = common();
    let (kept, vary) = if manners.private { (PRIVATE, BY_ENCODING_AND_TOKEN) } else { (PUBLIC, BY_ENCODING) };
    headers.insert(CACHE_CONTROL, kept);
    headers.insert(VARY, vary);
    headers.insert(ETAG, variant.etag.clone());
    if unchanged {
        return response(StatusCode::NOT_MODIFIED, headers, Bytes::new());
    }
    headers.insert(CONTENT_TYPE, YAML);
    say_encoding(&mut headers, encoding);
    response(StatusCode::OK, headers, variant.body.clone())
}

/// A write that was done, and its place in the history if that is known.
pub(super) fn done(change: Change, place: Option<OrdToken>) -> Response<Body> {
    let mut headers = common();
    headers.insert(CACHE_CONTROL, NO_STORE);
    let mut response = match change {
        Change::Vote(..) => response(StatusCode::NO_CONTENT, headers, Bytes::new()),
        Change::Add(_) => {
            headers.insert(CONTENT_TYPE, TEXT);
            response(StatusCode::CREATED, headers, Bytes::from_static(b"Created"))
        }
    };
    if let Some(place) = place {
        add_place(&mut response, place);
    }
    response
}

/// A plain text for the admin listener.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response(status, headers, text.into())
}

#[cfg(test)]
#[path = "respond_tests.rs"]
mod tests;
