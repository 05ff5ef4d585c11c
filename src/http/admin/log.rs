//! `GET` and `PUT /log`: what is logged, to be read by everybody and changed by operators, until the settings are read again.

use hyper::{Response, StatusCode};
use tracing::info;

use super::{Body, respond};
use crate::telemetry::{self, Filter};

/// The longest filter that is taken.
const LONGEST: usize = 4 << 10;

pub(super) fn show(filter: &Filter) -> Response<Body> {
    respond::plain(StatusCode::OK, format!("{}\n", filter.text()))
}

/// Logs what this text says from now on.
pub(super) fn change(filter: &Filter, text: &[u8]) -> Response<Body> {
    let unfit = |why: String| respond::plain(StatusCode::UNPROCESSABLE_ENTITY, format!("nothing was changed: {why}\n"));
    let Some(text) = std::str::from_utf8(text).ok().filter(|text| text.len() <= LONGEST) else {
        return unfit("the body is no filter such as debug or info,atelier_edge::cache=debug".to_owned());
    };
    let text = text.trim();
    if text.is_empty() {
        return unfit(
            "the body is empty; it has to be a filter such as debug or info,atelier_edge::cache=debug".to_owned(),
        );
    }
    if let Err(error) = telemetry::check(text) {
        return unfit(format!("{text:?} is no filter: {error}"));
    }
    let before = filter.text();
    // Said before it is in force if it would not be afterwards, and the other way round.
    info!(before, now = text, "an operator changes what is logged: {before} → {text}");
    filter.set(text);
    show(filter)
}
