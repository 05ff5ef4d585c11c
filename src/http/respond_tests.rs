use super::*;
use crate::http::manners::Downstream;

/// A header that is not there.
const NONE: &str = "";

/// The kinds of settings that change headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Kept,
    Private,
    /// Private, and what is kept elsewhere: nothing is.
    PrivateKept,
    Quiet,
}
use Kind::{Kept, Plain, Private, PrivateKept, Quiet};

fn manners(kind: Kind) -> Manners {
    let kept = matches!(kind, Kept | PrivateKept);
    let seconds = |seconds| if kept { Duration::from_secs(seconds) } else { Duration::ZERO };
    let downstream = Downstream { max_age: seconds(30), cdn_ttl: seconds(60) };
    Manners::new(matches!(kind, Private | PrivateKept), kind != Quiet, false, downstream)
}

/// Settings, whether about products, whether stale; Cache-Control, Vary, CDN-Cache-Control, Surrogate-Key, Cache-Status.
type Line = (Kind, bool, bool, &'static str, &'static str, &'static str, &'static str, &'static str);

const PUBLIC: &str = "public, no-cache";
const KEPT: &str = "public, max-age=30, must-revalidate";
const CDN: &str = "max-age=60, stale-while-revalidate=60, stale-if-error=60";
const BOTH: &str = "Accept-Encoding, Authorization";
const HIT: &str = "atelier-edge; hit; detail=l1";
const LABEL: &str = "atelier-edge; hit; ttl=-7; detail=stale-origin";

/// Section 4 of the wire.
const TABLE: [Line; 20] = [
    (Plain, true, false, PUBLIC, "Accept-Encoding", NONE, "key", HIT),
    (Plain, false, false, PUBLIC, "Accept-Encoding", NONE, "key", HIT),
    (Plain, true, true, "no-store", "Accept-Encoding", NONE, NONE, LABEL),
    (Plain, false, true, "no-store", "Accept-Encoding", NONE, NONE, LABEL),
    (Kept, true, false, KEPT, "Accept-Encoding", CDN, "key", HIT),
    (Kept, false, false, PUBLIC, "Accept-Encoding", NONE, "key", HIT),
    (Kept, true, true, "no-store", "Accept-Encoding", "no-store", NONE, LABEL),
    (Kept, false, true, "no-store", "Accept-Encoding", NONE, NONE, LABEL),
    (Private, true, false, "private, no-cache", BOTH, NONE, NONE, HIT),
    (Private, false, false, "private, no-cache", BOTH, NONE, NONE, HIT),
    (Private, true, true, "no-store", BOTH, NONE, NONE, LABEL),
    (Private, false, true, "no-store", BOTH, NONE, NONE, LABEL),
    (PrivateKept, true, false, "private, no-cache", BOTH, NONE, NONE, HIT),
    (PrivateKept, false, false, "private, no-cache", BOTH, NONE, NONE, HIT),
    (PrivateKept, true, true, "no-store", BOTH, NONE, NONE, LABEL),
    (PrivateKept, false, true, "no-store", BOTH, NONE, NONE, LABEL),
    (Quiet, true, false, PUBLIC, "Accept-Encoding", NONE, "key", NONE),
    (Quiet, false, false, PUBLIC, "Accept-Encoding", NONE, "key", NONE),
    // The label is sent in any case.
    (Quiet, true, true, "no-store", "Accept-Encoding", NONE, NONE, LABEL),
    (Quiet, false, true, "no-store", "Accept-Encoding", NONE, NONE, LABEL),
];

#[test]
fn an_answer_of_the_catalogue_has_the_headers_of_its_class() {
    let (variant, tag) = (Variant::new(b"[]"), HeaderValue::from_static("key"));
    for line @ (kind, of_products, stale, cache_control, vary, cdn, key, status) in TABLE {
        for unchanged in [false, true] {
            let outcome = if stale { Outcome::StaleOrigin(7) } else { Outcome::HitL1 };
            let (class, age) =
                (if of_products { Resource::Styles } else { Resource::Meta }, Duration::from_millis(7_900));
            let (tag, encoding) = (&tag, Encoding::Identity);
            let found = Found { variant: &variant, encoding, tag, class, outcome, age, unchanged };
            let response = super::found(&found, &manners(kind));
            let of = |name: &HeaderName| response.headers().get(name).map_or(NONE, |value| value.to_str().unwrap());
            let names = [CACHE_CONTROL, VARY, CDN_CACHE_CONTROL, SURROGATE_KEY, CACHE_STATUS];
            assert_eq!(names.map(|name| of(&name).to_owned()), [cache_control, vary, cdn, key, status], "{line:?}");
            assert_eq!(of(&ETAG), variant.etag.to_str().unwrap());
            assert_eq!((of(&AGE), of(&RETRY_AFTER)), ("7", NONE));
            let (code, content) = if unchanged { (304, NONE) } else { (200, "application/json; charset=utf-8") };
            assert_eq!((response.status().as_u16(), of(&CONTENT_TYPE)), (code, content), "{line:?}");
        }
    }
}

#[test]
fn what_went_wrong_may_be_stored_by_nobody() {
    let refused = [Refused::UnknownPath, Refused::QueryProductId, Refused::Method(Route::Cart)];
    let others = [
        Problem::Token,
        Problem::NoSuchProduct,
        Problem::TargetTooLong,
        Problem::Head,
        Problem::Misdirected,
        Problem::TargetForm,
        Problem::BodyTooLarge,
        Problem::BodyTimeout,
        Problem::BodyBroken,
        Problem::Expectation,
        Problem::Unavailable,
        Problem::Internal,
    ];
    for case in refused.map(Problem::Refused).into_iter().chain(others) {
        let response = problem(case);
        let has = |name: &HeaderName| response.headers().contains_key(name);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{case:?}");
        assert!(!has(&ETAG) && !has(&VARY) && !has(&SURROGATE_KEY) && !has(&CACHE_STATUS) && !has(&AGE), "{case:?}");
        assert_eq!(has(&RETRY_AFTER), case == Problem::Unavailable, "{case:?}");
        assert_eq!(has(&ALLOW), response.status() == StatusCode::METHOD_NOT_ALLOWED, "{case:?}");
        assert_eq!(has(&WWW_AUTHENTICATE), response.status() == StatusCode::UNAUTHORIZED, "{case:?}");
    }
}
