//! Times as the API writes them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, now.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since.as_millis()).expect("it is not that late")
}

/// The milliseconds that `YYYY-MM-DDTHH:MM:SS.mmmZ` stands for.
pub(crate) fn parse(text: &str) -> i64 {
    assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    let number = |from: usize, to: usize| -> i64 { text[from..to].parse().unwrap_or_else(|_| panic!("{text}")) };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Years begin in March here, so that a leap day is the last of one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + number(11, 13)) * 60 + number(14, 16)) * 60_000 + number(17, 19) * 1_000 + number(20, 23)
}

/// A new row has the time of the server, which is that of this machine.
pub(crate) fn assert_since(begun: i64, text: &str) {
    let found = parse(text);
    assert!((begun..=now()).contains(&found), "{text} is not since {begun}");
}

#[test]
fn times_are_read_as_they_are_written() {
    assert_eq!(parse("1970-01-01T00:00:00.000Z"), 0);
    assert_eq!(parse("2000-02-29T23:59:59.999Z"), 951_868_799_999);
    assert_eq!(parse("2021-06-01T08:15:00.042Z"), 1_622_535_300_042);
}
