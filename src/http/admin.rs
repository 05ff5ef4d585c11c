//! The admin listener's answers. It is a listener of its own, so it answers when the public side is full.

use hyper::{Method, Request, Response, StatusCode};

use super::respond::{self, Body};
use crate::cache::{Cache, Unready};

/// Answers one request of an operator or of whoever watches the process.
pub fn answer<B>(request: &Request<B>, cache: &Cache, draining: bool) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    }
    match request.uri().path() {
        "/livez" => respond::plain(StatusCode::OK, "alive\n"),
        "/readyz" if draining => respond::plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n"),
        "/readyz" => match cache.readiness() {
            Ok(()) => respond::plain(StatusCode::OK, "ready\n"),
            Err(Unready::NotBegun(why)) => unready("the database could not be read yet", &why),
            Err(Unready::Blind(why)) => unready("nothing can be proved although the database answers", &why),
        },
        _ => respond::plain(StatusCode::NOT_FOUND, "unknown path\n"),
    }
}

fn unready(what: &str, why: &str) -> Response<Body> {
    respond::plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {what}: {why}\n"))
}
