//! One pass over the bytes before they are parsed.

use super::DEPTH_MAX;

/// Refuses what is nested too deep, before anything is built from it, and makes every lone surrogate a U+0000.
///
/// The parser refuses a lone surrogate wherever it stands. It is only to be refused in a text that is stored, and there U+0000
/// is, too: PostgreSQL can store neither. What is wrong in any other way is left to the parser.
pub(super) fn prepare(text: &mut [u8]) -> Option<()> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return None;
                }
            }
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b'"' => at = end_of_string(text, at)?,
            _ => {}
        }
    }
    Some(())
}

/// Where the string that begins at `at` ends, behind its closing quote.
fn end_of_string(text: &mut [u8], mut at: usize) -> Option<usize> {
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))? + 1;
        if text[at - 1] == b'"' {
            return Some(at);
        }
        // A backslash: whatever follows it does not end the string.
        at += match (unit(text, at), unit_behind_backslash(text, at + 5)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 11,
            (Some(0xd800..=0xdfff), _) => {
                text[at + 1..at + 5].copy_from_slice(b"0000");
                5
            }
            (_, _) => 1,
        };
    }
}

/// The UTF-16 code unit of the escape whose `u` is at `at`.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 5)?.strip_prefix(b"u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(digit).ok()?)
    })
}

fn unit_behind_backslash(text: &[u8], at: usize) -> Option<u16> {
    if text.get(at) == Some(&b'\\') { unit(text, at + 1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        prepare(&mut bytes)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn lone_surrogates_become_zeros_and_nothing_else_changes() {
        let table = [
            (r#""\ud800""#, r#""\u0000""#),
            (r#""\udfff""#, r#""\u0000""#),
            (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\u0000\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\u0000\u0000""#),
            (r#""\ud83dx\ude00""#, r#""\u0000x\u0000""#),
            (r#""\ud83d\\ude00""#, r#""\u0000\\ude00""#),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\\\ud800""#, r#""\\\u0000""#),
            (r#""\"\ud800\"""#, r#""\"\u0000\"""#),
            (r#""\ud83d\u0041""#, r#""\u0000\u0041""#),
            (r#""\ud83""#, r#""\ud83""#),
            (r#""\ud83g""#, r#""\ud83g""#),
            (r#"{"\udc00":"\ud7ff\ue000"}"#, r#"{"\u0000":"\ud7ff\ue000"}"#),
            // Not in a string: not valid anyway.
            (r"\ud800", r"\ud800"),
        ];
        for (text, expected) in table {
            assert_eq!(prepared(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn brackets_count_outside_of_strings_only() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(prepared(&nested(DEPTH_MAX)).is_some());
        assert!(prepared(&nested(DEPTH_MAX + 1)).is_none());
        assert!(prepared(&"[{".repeat(8)).is_some());
        assert!(prepared(&"[{".repeat(9)).is_none());
        assert!(prepared(&format!("[{}]", vec![nested(15); 3].join(","))).is_some(), "one beside the other");
        assert!(prepared(&format!("\"{}\"", "[".repeat(20))).is_some());
        assert!(prepared(&format!(r#""\"{}""#, "[".repeat(20))).is_some());
        assert!(prepared(&format!(r#""\\"{}"#, "[".repeat(20))).is_none());
        assert!(prepared("]").is_none());
        for open in ["\"", "\"\\", "\"\\\"", "\"\\u", "\"\\ud80", "\"\\ud800", "\"\\ud800\\", "\"\\ud800\\udc0"] {
            assert!(prepared(open).is_none(), "{open}");
        }
    }
}
