//! From an outcome to a response: every header of the contract stands here and nowhere else, its statuses and texts of failures in
//! `problem`.
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

use super::manners::Manners;
use super::problem::Problem;
use super::route::{Change, Refused, Route};
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

/// The headers of an answer of the catalogue. Those that differ from entry to entry come first: see [`super::ready::Ready`].
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
