//! What the settings say of the headers of answers.

use std::time::Duration;

use hyper::header::HeaderValue;

use super::ready::Ready;

/// What is the same for every answer of one server.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Whether a token is demanded, so that answers are not for everyone.
    pub(super) private: bool,
    /// Whether `Cache-Status` is sent with answers that are proved.
    pub(super) cache_status: bool,
    /// Whether reads say where in the history they stand.
    pub(super) ord: bool,
    /// `Cache-Control` of answers about products, if browsers may keep them.
    pub(super) products: Option<HeaderValue>,
    /// `CDN-Cache-Control` of the same, if a CDN may (RFC 9213).
    pub(super) cdn: Option<HeaderValue>,
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
