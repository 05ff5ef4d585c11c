//! `GET /entry?key=…` and `?path=…`: what is held under a key, how it would be judged now, and what a request for a path would get, and
//! why. Nothing is asked and nothing changes.

use hyper::{Response, StatusCode};
use serde::Serialize;

use super::{Body, json, respond};
use crate::cache::{Cache, Inspected, Verdict};
use crate::http::Settings;
use crate::http::route::{self, Asked, Refused};
use crate::key::{Key, KeyError};

/// What a GET for a path would get.
#[derive(Debug, Serialize)]
struct Explained {
    /// The template of its route.
    route: &'static str,
    /// What it is kept under, if it is.
    key: Option<String>,
    #[serde(flatten)]
    verdict: Verdict,
    /// What L1 holds under the key.
    entry: Option<Inspected>,
}

pub(super) fn answer(cache: &Cache, settings: &Settings, query: Option<&str>) -> Response<Body> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match pairs.find(|(name, _)| matches!(&**name, "key" | "path")) {
        Some((name, key)) if name == "key" => held(cache, &key),
        Some((_, path)) => json(&explained(cache, settings, &path)),
        None => respond::plain(
            StatusCode::BAD_REQUEST,
            "which entry is to be said as in /entry?key=product/7 or /entry?path=/products/7\n",
        ),
    }
}

fn held(cache: &Cache, key: &str) -> Response<Body> {
    let key: Key = match key.parse() {
        Ok(key) => key,
        Err(error @ KeyError) => return respond::plain(StatusCode::BAD_REQUEST, format!("key: {error}\n")),
    };
    match cache.inspect(key) {
        Some(inspected) => json(&inspected),
        None => respond::plain(StatusCode::NOT_FOUND, format!("nothing is held under {key}\n")),
    }
}

fn explained(cache: &Cache, settings: &Settings, target: &str) -> Explained {
    // What a browser's address bar has in front of it and behind it is no part of a target.
    let target = target.trim();
    let absolute = target.split_once("://").filter(|_| !target.starts_with('/'));
    let target = absolute.map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let route = route::target(path, query, settings.aliases);
    let name = route.map_or("unknown", |target| target.route.template().name());
    let asked = route.and_then(|target| target.asked(query, settings.rows_max));
    let simple = |would, why: &str| Explained {
        route: name,
        key: None,
        verdict: Verdict { would, why: why.to_owned() },
        entry: None,
    };
    match asked {
        Err(Refused::UnknownPath) => simple("404", "No route has this path."),
        Err(Refused::Method(_)) => simple("405", "This route is written to, and not read."),
        Err(Refused::PathId(_)) => simple("404", "What stands in the path where an id belongs is none."),
        Err(Refused::QueryProductId) => simple("422", "The query has no product_id, or what it has is no id."),
        Ok(Asked::Nothing(_)) => simple(
            "filter",
            "No id or offset of the catalogue reaches so far: that nothing is there is known without looking.",
        ),
        Ok(Asked::Cart) => simple("bypass", "A cart is never held: the database is asked each time."),
        Ok(Asked::Description) => simple("other", "The description of the API is a part of the program."),
        Ok(Asked::Unstored(key)) => Explained {
            key: Some(key.to_string()),
            ..simple(
                "unstored",
                "It asks for more rows than an answer holds, and not for the first: the database is asked each time.",
            )
        },
        Ok(Asked::Stored(key, _)) => Explained {
            route: name,
            key: Some(key.to_string()),
            verdict: cache.explain(key),
            entry: cache.inspect(key),
        },
    }
}
