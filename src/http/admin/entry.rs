//! `GET /entry?key=…`: what is held under a key, and how it would be judged now.

use hyper::{Response, StatusCode};

use super::{Body, json, respond};
use crate::cache::Cache;
use crate::key::{Key, KeyError};

pub(super) fn answer(cache: &Cache, query: Option<&str>) -> Response<Body> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, key)) = pairs.find(|(name, _)| name == "key") else {
        return respond::plain(StatusCode::BAD_REQUEST, "which entry is to be said as in /entry?key=product/7\n");
    };
    let key: Key = match key.parse() {
        Ok(key) => key,
        Err(error @ KeyError) => return respond::plain(StatusCode::BAD_REQUEST, format!("key: {error}\n")),
    };
    match cache.inspect(key) {
        Some(inspected) => json(&inspected),
        None => respond::plain(StatusCode::NOT_FOUND, format!("nothing is held under {key}\n")),
    }
}
