//! What fuzzing asks of this module: see `http::fuzzing`.

use std::fmt::Write;

use super::env_file::EnvFile;
use super::units;

/// The text of a setting, and an environment file.
pub fn settings(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        with_units(text);
    }
    file(data);
}

/// What is read can be written down, and is read as the same then.
fn with_units(text: &str) {
    if let Ok(duration) = units::duration(text) {
        let shown = humantime::format_duration(duration).to_string();
        assert_eq!(units::duration(&shown), Ok(duration), "{shown}");
    }
    if let Ok(size) = units::size(text) {
        assert_eq!(units::size(&format!("{size}B")), Ok(size));
    }
    if let Ok(share) = units::share(text) {
        assert!((0.0..=1.0).contains(&share), "{text:?}");
    }
    if let Ok(factor) = units::factor(text) {
        assert!(factor.is_finite() && factor >= 0.0, "{text:?}");
    }
    if let Ok(on) = units::switch(text) {
        assert_eq!(text, if on { "on" } else { "off" });
    }
    if let Ok(number) = units::number(text) {
        assert_eq!(units::number(&number.to_string()), Ok(number));
    }
    if let Ok(of_each) = units::per_resource(text, units::duration) {
        let first = text.split(',').next().unwrap_or_default();
        let named = text.contains('=');
        assert!(named || of_each.iter().all(|each| Ok(*each) == units::duration(first.trim())), "{text:?}");
    }
}

/// A file says the same when it is written plainly, and nothing that it holds gets into a message.
fn file(data: &[u8]) {
    const PATH: &str = "/etc/edge.env";
    let read = EnvFile::parse(PATH, data);
    // Every line says something, or nothing, or is a problem; none is two of them.
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(read.values.len() + read.problems.len() <= lines);
    let mut plain = String::new();
    for (name, value) in &read.values {
        assert!(name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()), "{name:?}");
        assert!(!name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit()), "{name:?}");
        assert!(!value.contains(['\0', '\n']), "the value of {name}");
        let quoted = value.replace('\\', r"\\").replace('"', "\\\"");
        _ = writeln!(plain, "{name}=\"{quoted}\"");
    }
    let again = EnvFile::parse(PATH, plain.as_bytes());
    assert_eq!((again.values, again.problems.len()), (read.values, 0), "{plain}");

    // Whatever is wrong with a line, it is named by its number and a sentence of ours.
    let secret = b"5ecret-";
    let lines: Vec<_> = data.split(|byte| *byte == b'\n').map(|line| [line, secret].concat()).collect();
    for problem in EnvFile::parse(PATH, &lines.join(&b'\n')).problems {
        assert!(!problem.to_string().contains("5ecret"), "{problem}");
    }
}
