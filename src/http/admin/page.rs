//! `GET /`: the page for operators. It is one document, with its style and its program in it, and a policy that lets it do nothing but ask
//! this listener.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::{Body, respond, with};

const DOCUMENT: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const PROGRAM: &str = include_str!("page/page.js");

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// The document, and what it may do.
struct Page {
    text: Bytes,
    policy: HeaderValue,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let text = DOCUMENT.replace("/* style */", STYLE).replace("/* program */", PROGRAM);
    // By the hashes of what stands there: nothing that might be put into it runs.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(PROGRAM)
    );
    // Letters, digits and punctuation are always a value.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Page { text: text.into(), policy }
});

/// As a policy names what it allows.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

pub(super) fn answer() -> Response<Body> {
    let response = respond::plain(StatusCode::OK, PAGE.text.clone());
    let response = with(response, CONTENT_TYPE, HTML);
    let response = with(response, REFERRER_POLICY, NO_REFERRER);
    with(response, CONTENT_SECURITY_POLICY, PAGE.policy.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_program_are_in_the_document_as_they_were_hashed_and_nothing_comes_from_elsewhere() {
        let text = std::str::from_utf8(&PAGE.text).unwrap();
        assert!(
            text.contains(&format!("<style>{STYLE}</style>")) && text.contains(&format!("<script>{PROGRAM}</script>"))
        );
        assert_eq!((text.matches("<style").count(), text.matches("<script").count()), (1, 1));
        for elsewhere in
            ["http://", "https://", "@import", " src=", "rel=\"stylesheet", " style=", "innerHTML", "eval("]
        {
            // The name of SVG's elements is no address.
            assert!(!text.replace("http://www.w3.org/2000/svg", "").contains(elsewhere), "{elsewhere}");
        }
        assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
