//! Headers of requests that change what is answered.

use std::sync::LazyLock;

use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, EXPECT, HOST, HeaderName, HeaderValue, IF_NONE_MATCH, TRANSFER_ENCODING,
};
use hyper::{HeaderMap, Request, Version};

use crate::entry::{Document, Encoding, Variant};
use crate::http::authorization::{Token, owner};
use crate::http::conditional::unchanged;
use crate::http::encoding::Accepted;
use crate::http::expectation::Expectation;
use crate::http::fields::Fields;
use crate::http::min_ord;

/// A header of one or more values; values that no header can have are left out.
fn with<'v>(name: &HeaderName, values: impl IntoIterator<Item = &'v [u8]>) -> HeaderMap {
    values.into_iter().filter_map(|value| Some((name.clone(), HeaderValue::from_bytes(value).ok()?))).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The first line is a value of each of them, and every further line another value.
pub fn headers(data: &[u8]) {
    let values: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    for value in &values {
        condition(value);
        token(value);
    }
    accepted(&values);
    if let Some(place) = min_ord::of(&with(&HeaderName::from_static("atelier-min-ord"), values.iter().copied())) {
        assert_eq!(place.to_string().as_bytes(), values[0], "a token is written in one way only");
    }
    let _ = Expectation::of(&with(&EXPECT, values.iter().copied()));
    sound(&values);
}

fn condition(value: &[u8]) {
    let document = Variant::new(b"[]");
    let etag = document.etag.as_bytes();
    let matches = |value: &[u8]| unchanged(&with(&IF_NONE_MATCH, [value]), &document.etag);
    let found = matches(value);
    // hyper trims values before it hands them over.
    let is_any = value.trim_ascii() == b"*";
    assert!(!found || is_any || contains(value, etag), "a match without the validator");
    if !is_any && HeaderValue::from_bytes(value).is_ok() {
        assert_eq!(matches(&[b"\"x\", ", value].concat()), found, "another one before it");
        assert!(!found || matches(&[value, b" , W/\"x\""].concat()), "another one behind it");
    }
}

fn token(value: &[u8]) {
    let headers = with(&AUTHORIZATION, [value]);
    if headers.is_empty() {
        return;
    }
    let token = Token::new(value);
    assert!(token.is_in(&headers) && token == Token::new(value));
    let longer = [value, b"x"].concat();
    assert!(!Token::new(&longer).is_in(&headers) && !token.is_in(&with(&AUTHORIZATION, [&*longer])));
    assert_ne!(owner(&headers), owner(&with(&AUTHORIZATION, [&*longer])), "two credentials, two carts");
    // With its scheme in front it is the same token; blanks belong to neither.
    if !value.is_empty() && value.trim_ascii() == value {
        assert!(token.is_borne_in(&with(&AUTHORIZATION, [&*[b"bEARER  ", value].concat()])));
    }
}

fn accepted(values: &[&[u8]]) {
    let headers = with(&ACCEPT_ENCODING, values.iter().copied());
    let found = Accepted::of(&headers);
    // Members may stand in one value or in several (RFC 9110 §5.3).
    if values.iter().all(|value| HeaderValue::from_bytes(value).is_ok_and(|value| value.to_str().is_ok())) {
        let joined = values.join(&b","[..]);
        assert_eq!(Accepted::of(&with(&ACCEPT_ENCODING, [&*joined])), found, "in one value");
        assert_eq!(Accepted::of(&with(&ACCEPT_ENCODING, joined.split(|byte| *byte == b','))), found, "in several");
    }
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let document = Document::new("0123456789".repeat(200).as_bytes());
        document.make(Encoding::Gzip);
        document.make(Encoding::Brotli);
        document
    });
    let (encoding, chosen) = found.choose_now(&DOCUMENT);
    assert!(DOCUMENT.variants().any(|(is, variant)| is == encoding && variant.body == chosen.body), "{encoding:?}");
    let named = |names: &[&[u8]]| {
        let text = values.join(&b","[..]).to_ascii_lowercase();
        names.iter().any(|name| contains(&text, name))
    };
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => assert!(named(&[b"gzip", b"*"]), "gzip, unasked"),
        Encoding::Brotli => assert!(named(&[b"br", b"*"]), "br, unasked"),
    }
    let short = Document::new(b"{}");
    assert_eq!(found.choose_now(&short).0, Encoding::Identity, "there is nothing else");
}

fn sound(values: &[&[u8]]) {
    let request = |name: &HeaderName, version| {
        let mut request = Request::new(());
        *request.version_mut() = version;
        *request.headers_mut() = with(name, values.iter().copied());
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("a"));
        request.into_parts().0
    };
    let head = request(&HOST, Version::HTTP_11);
    if Fields::of(&head.headers).is_sound(head.version) {
        let host = head.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        assert!(!host.iter().any(|byte| b"/@?#\\ \"<>\t".contains(byte) || !byte.is_ascii()), "{host:?}");
        assert_eq!(head.headers.get_all(HOST).iter().count(), 1);
    }
    let head = request(&TRANSFER_ENCODING, Version::HTTP_11);
    let coding = head.headers.get(TRANSFER_ENCODING).map(HeaderValue::as_bytes);
    let plain = coding.is_none_or(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    assert!(!Fields::of(&head.headers).is_sound(head.version) || plain, "{coding:?}");
}
