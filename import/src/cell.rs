//! How the text of one field becomes a value.
//!
//! Numbers, flags, prices and dates are trimmed; text never is. What is not exactly one of the accepted forms is
//! refused: nobody guesses that a date might be in seconds or a price in another currency.

use std::time::UNIX_EPOCH;

/// The highest id, and the highest number of any column: what PostgreSQL's `integer` holds.
pub const INTEGER_MAX: u32 = i32::MAX as u32;

/// The first millisecond after the year 9999.
const YEAR_10000: u64 = 253_402_300_800_000;

/// The highest price in cents. Far above any price, far below what would overflow a sum of them.
const PRICE_MAX: u64 = 1_000_000_000_000_000;

/// Digits as a number; `None` for anything else. Too many digits saturate.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

/// An id: 1 to [`INTEGER_MAX`].
pub fn id(text: &str) -> Option<u32> {
    count(text).filter(|id| *id > 0)
}

/// A reference. Zero and numbers above every id are well-formed and name nothing; the latter come out as [`u32::MAX`], so
/// that nobody takes them for the zero that stands for "none".
pub fn reference(text: &str) -> Option<u32> {
    let number = digits(text.trim_ascii())?;
    Some(u32::try_from(number).ok().filter(|id| *id <= INTEGER_MAX).unwrap_or(u32::MAX))
}

/// An integer from 0 to [`INTEGER_MAX`].
pub fn count(text: &str) -> Option<u32> {
    let number = digits(text.trim_ascii())?;
    u32::try_from(number).ok().filter(|number| *number <= INTEGER_MAX)
}

/// A rating: 1 to 5.
pub fn rating(text: &str) -> Option<u32> {
    count(text).filter(|stars| (1..=5).contains(stars))
}

/// A price in cents: digits with at most two decimals. Older editions write `default_price: 140`.
pub fn price(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let text = text.strip_prefix("default_price:").unwrap_or(text).trim_ascii_start();
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let cents = match decimals {
        None => 0,
        Some(tenths) if tenths.len() == 1 => digits(tenths)? * 10,
        Some(hundredths) if hundredths.len() == 2 => digits(hundredths)?,
        Some(_) => return None,
    };
    let price = digits(whole)?.saturating_mul(100).saturating_add(cents);
    (price <= PRICE_MAX).then_some(price)
}

/// A truth value, in words, letters or digits, in any case.
pub fn flag(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    if ["true", "t", "1"].iter().any(|yes| text.eq_ignore_ascii_case(yes)) {
        return Some(true);
    }
    ["false", "f", "0"].iter().any(|no| text.eq_ignore_ascii_case(no)).then_some(false)
}

/// An instant in milliseconds since 1970: epoch milliseconds, a date (midnight UTC), or a UTC timestamp that is cut to
/// milliseconds.
pub fn time(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let millis = match digits(text) {
        Some(millis) => millis,
        None => {
            let midnight;
            let timestamp = match text.len() {
                10 => {
                    midnight = format!("{text}T00:00:00Z");
                    &midnight
                }
                _ => text,
            };
            // The library also takes a blank for the T and a lower-case z.
            if timestamp.as_bytes().get(10) != Some(&b'T') || !timestamp.ends_with('Z') {
                return None;
            }
            // A leap second is no instant of its own in epoch milliseconds.
            if timestamp.as_bytes().get(17..19) == Some(b"60") {
                return None;
            }
            let instant = humantime::parse_rfc3339(timestamp).ok()?;
            u64::try_from(instant.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()?
        }
    };
    (millis < YEAR_10000).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digits_from_one_to_the_highest_integer() {
        assert_eq!(id(" 007 "), Some(7));
        assert_eq!(id("2147483647"), Some(INTEGER_MAX));
        for wrong in
            ["0", "-1", "+1", "2147483648", "99999999999999999999999", "1.0", "1e3", "", " ", "x", "null", "１"]
        {
            assert_eq!(id(wrong), None, "{wrong}");
        }
        assert_eq!(reference("0"), Some(0));
        for beyond in ["2147483648", "4294967296", "99999999999999999999999"] {
            assert_eq!(reference(beyond), Some(u32::MAX), "{beyond}");
        }
        assert_eq!(reference("2147483647"), Some(INTEGER_MAX));
        assert_eq!(reference("-1"), None);
    }

    #[test]
    fn prices_have_at_most_two_decimals_and_no_sign() {
        let right = [
            ("140", 14000),
            ("140.5", 14050),
            ("140.00", 14000),
            (" 7.05 ", 705),
            ("default_price: 140", 14000),
            ("0", 0),
        ];
        for (text, cents) in right {
            assert_eq!(price(text), Some(cents), "{text}");
        }
        for wrong in ["", "-1", "+1", "1.", ".5", "1.005", "1,000", "$5", "1e2", "null", "99999999999999999999"] {
            assert_eq!(price(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn flags_are_words_letters_or_digits() {
        for yes in ["true", "TRUE", "t", "T", "1", " true "] {
            assert_eq!(flag(yes), Some(true), "{yes}");
        }
        for no in ["false", "False", "f", "0"] {
            assert_eq!(flag(no), Some(false), "{no}");
        }
        for wrong in ["", "yes", "2", "null", "tru", "01"] {
            assert_eq!(flag(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_epoch_milliseconds_dates_or_utc_timestamps() {
        let right = [
            ("1596080481467", 1_596_080_481_467),
            ("0", 0),
            ("2018-01-04", 1_515_024_000_000),
            ("1970-01-01", 0),
            ("2020-02-29", 1_582_934_400_000),
            ("2021-03-14T09:26:53Z", 1_615_714_013_000),
            ("2021-03-14T09:26:53.5899Z", 1_615_714_013_589),
            ("9999-12-31T23:59:59.999Z", YEAR_10000 - 1),
        ];
        for (text, millis) in right {
            assert_eq!(time(text), Some(millis), "{text}");
        }
        let wrong = [
            "",
            "null",
            "2018-1-4",
            "2018-02-30",
            "2019-02-29",
            "1969-12-31",
            "253402300800000",
            "2018-01-04 00:00:00Z",
            "2018-01-04T00:00:00",
            "2018-01-04T00:00:00z",
            "2018-01-04T00:00:00+00:00",
            "2018-01-04T24:00:00Z",
            "2018-01-04T23:59:60Z",
            "-5",
            "1.5",
        ];
        for text in wrong {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
