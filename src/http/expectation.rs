//! `Expect` (RFC 9110 §10.1.1).

use hyper::HeaderMap;
use hyper::header::EXPECT;

/// What a client expects before it sends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    /// Nothing.
    Nothing,
    /// To be told to go on. hyper does, when the body is first asked for.
    Continue,
    /// Something that nobody here can give.
    Other,
}

impl Expectation {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(EXPECT).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Self::Continue,
            (Some(_), _) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_to_go_on_can_be_expected() {
        use Expectation::{Continue, Nothing, Other};
        let table: [(&[&'static str], Expectation); 7] = [
            (&[], Nothing),
            (&["100-continue"], Continue),
            (&["100-Continue"], Continue),
            (&["x"], Other),
            (&[""], Other),
            (&["100-continue, x"], Other),
            (&["100-continue", "100-continue"], Other),
        ];
        for (values, expected) in table {
            let headers = values.iter().map(|value| (EXPECT, HeaderValue::from_static(value))).collect();
            assert_eq!(Expectation::of(&headers), expected, "{values:?}");
        }
    }
}
