//! `GET /readyz`: whether requests are to be sent here; with `?verbose` each thing that depends on, by name.

use std::fmt::Write;

use hyper::{Response, StatusCode};

use super::{Body, respond};
use crate::cache::{Cache, Check};

/// A process that drains finishes what it has begun, and is to be sent nothing more.
const DRAINING: &str = "draining";

/// What is to be known of readiness, and whether it drains.
pub(super) fn checks(cache: &Cache, draining: bool) -> Vec<Check> {
    let mut checks = cache.checks();
    let said = if draining { "it has begun" } else { "it has not begun" }.to_owned();
    checks.push(Check { name: "drain", ok: !draining, counts: draining, said });
    checks
}

pub(super) fn answer(cache: &Cache, draining: bool, query: Option<&str>) -> Response<Body> {
    let why = why_not(cache, draining);
    let status = if why.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == "verbose") {
        for Check { name, ok, counts, said } in checks(cache, draining) {
            let mark = match (ok, counts) {
                (true, _) => '+',
                (false, true) => '-',
                // Not well, and no reason to send requests elsewhere.
                (false, false) => '!',
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "[{mark}] {name}: {said}");
        }
    }
    text.push_str(&why.map_or("ready\n".to_owned(), |why| format!("not ready: {why}\n")));
    respond::plain(status, text)
}

/// Why requests are not to be sent here.
pub(super) fn why_not(cache: &Cache, draining: bool) -> Option<String> {
    if draining {
        return Some(DRAINING.to_owned());
    }
    match cache.readiness() {
        Ok(()) => None,
        Err(unready) => Some(unready.to_string()),
    }
}
