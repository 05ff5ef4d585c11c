//! How the text of a setting becomes a value with a unit.

use std::time::Duration;

use crate::key::Resource;

/// `250ms`, `60s`, `5m`, `1h`, or several of them; a bare number other than 0 has no unit and is refused.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|_| "is not a duration such as 250ms, 60s, 5m or 1h".to_owned())
}

/// `2048B`, `16KiB`, `64MiB`, `1GiB`: a whole number and a unit.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "is not a size such as 2048B, 16KiB, 64MiB or 1GiB".to_owned();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit: u64 = match text[digits..].trim_start() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

/// `0%` to `100%`, as a share of one.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "is not a share from 0% to 100%".to_owned())
}

/// `1s..30s`: two durations, the first not longer than the second and not zero.
pub(super) fn range(text: &str) -> Result<(Duration, Duration), String> {
    let ends = text.split_once("..").and_then(|(from, to)| duration(from.trim()).ok().zip(duration(to.trim()).ok()));
    let ends = ends.filter(|(from, to)| !from.is_zero() && from <= to);
    ends.ok_or_else(|| "is not a range of durations such as 1s..30s".to_owned())
}

/// `on` or `off`.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}

/// A whole number.
pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "is not a whole number".to_owned())
}

/// A number from 0 up, with or without decimals.
pub(super) fn factor(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "is not a number from 0 up".to_owned())
}

/// A value for every resource, and others for some: `60s,reviews=10s`.
pub(super) fn per_resource<T: Copy>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<[T; Resource::ALL.len()], String> {
    let mut parts = text.split(',');
    let for_all = parse(parts.next().unwrap_or_default().trim())?;
    let mut values = [for_all; Resource::ALL.len()];
    for part in parts {
        let named = part.trim().split_once('=').and_then(|(name, value)| {
            Some((Resource::ALL.into_iter().find(|resource| resource.class() == name.trim())?, value))
        });
        let Some((resource, value)) = named else {
            let names = Resource::ALL.map(Resource::class).join(", ");
            return Err(format!("has {:?}, which is not a resource ({names}), = and a value", part.trim()));
        };
        values[resource as usize] = parse(value.trim()).map_err(|why| format!("for {}: {why}", resource.class()))?;
    }
    Ok(values)
}

/// A value of any type that says itself what is wrong with a text.
pub(super) fn value<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("is not accepted: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(size("16KiB"), Ok(16384));
        assert_eq!(size("2 GiB"), Ok(2 << 30));
        assert_eq!(share("10%"), Ok(0.1));
        assert_eq!(range("1s..30s"), Ok((Duration::from_secs(1), Duration::from_secs(30))));
        assert_eq!(range("5s .. 5s"), Ok((Duration::from_secs(5), Duration::from_secs(5))));
        assert_eq!(switch("on"), Ok(true));
        assert_eq!(number("8"), Ok(8));
    }

    #[test]
    fn a_value_may_be_another_for_some_resources() {
        let of = |text: &str| per_resource(text, number);
        assert_eq!(of("7"), Ok([7; 8]));
        let mut some = [7; 8];
        (some[Resource::Reviews as usize], some[Resource::List as usize]) = (1, 2);
        assert_eq!(of("7, reviews=1,list = 2"), Ok(some));
        for text in ["", "reviews=1", "7,review=1", "7,reviews", "7,reviews=x", "7,,", "7,=1"] {
            assert!(of(text).is_err(), "{text:?}");
        }
        assert_eq!((factor("1.5"), factor("-1").is_err(), factor("inf").is_err()), (Ok(1.5), true, true));
    }

    #[test]
    fn values_without_or_with_other_units_are_refused() {
        for text in ["", "60", "-1s", "1 fortnight"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
        for text in
            ["", "64", "MiB", "64MB", "64mib", "-1B", "1.5MiB", "99999999999999999999B", "18446744073709551615KiB"]
        {
            assert!(size(text).is_err(), "{text:?}");
        }
        for text in ["", "1s", "1s..", "..1s", "0..1s", "2s..1s", "1s..2", "1s...2s"] {
            assert!(range(text).is_err(), "{text:?}");
        }
        for text in ["", "10", "101%", "-1%", "NaN%", "x%"] {
            assert!(share(text).is_err(), "{text:?}");
        }
        for text in ["", "true", "ON", "1"] {
            assert!(switch(text).is_err(), "{text:?}");
        }
        for text in ["", "-1", "1.0", "0x10"] {
            assert!(number(text).is_err(), "{text:?}");
        }
    }
}
