//! The environment file: `NAME=value` lines, in the essentials of systemd's `EnvironmentFile=`, so that one file serves both.
//!
//! What systemd would take for something else than what stands there at a glance (a value that goes on in the next line, a
//! backslash outside of quotes) is refused. No line is ever repeated in a message: it may hold a password.

use std::collections::BTreeMap;
use std::fmt;

use atelier_connect::small_file;

use super::Problem;

/// The setting that names the file.
pub(super) const NAME: &str = "ATELIER_ENV_FILE";

/// The most bytes of a file; every setting at its longest takes a hundredth of that.
const SIZE_MAX: u64 = 1 << 20;

/// What stands between names and values, besides the end of the line.
const BLANK: [char; 3] = [' ', '\t', '\r'];

/// What a file says, and what is wrong with it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct EnvFile {
    /// The last value of each name.
    pub(super) values: BTreeMap<String, String>,
    /// Lines that say nothing, or the reason why nothing could be read.
    pub(super) problems: Vec<Problem>,
}

impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.keys().collect();
        f.debug_struct("EnvFile").field("names", &names).field("problems", &self.problems).finish()
    }
}

impl EnvFile {
    /// Reads the file at `path`.
    pub(super) fn read(path: &str) -> Self {
        let why = match small_file::read(path.as_ref(), SIZE_MAX) {
            Ok(None) => "is larger than 1 MiB".to_owned(),
            Ok(Some(bytes)) => return Self::parse(path, &bytes),
            Err(error) => format!("cannot be read: {error}"),
        };
        Self { values: BTreeMap::new(), problems: vec![Problem(format!("{NAME}: {path:?} {why}"))] }
    }

    pub(super) fn parse(path: &str, bytes: &[u8]) -> Self {
        let mut file = Self::default();
        for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let read = std::str::from_utf8(line).map_err(|_| "is not UTF-8").and_then(assignment);
            let why = match read {
                Ok(None) => continue,
                // A file cannot say where it is. That it is itself may stand in it, for systemd's sake.
                Ok(Some((NAME, value))) if value == path => continue,
                Ok(Some((NAME, _))) => "names another file",
                Ok(Some((name, value))) => {
                    file.values.insert(name.to_owned(), value);
                    continue;
                }
                Err(why) => why,
            };
            file.problems.push(Problem(format!("{NAME}: {path:?}, line {} {why}", place + 1)));
        }
        file
    }
}

/// The name and the value of a line; `None` for one that says nothing.
fn assignment(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    let line = line.trim_matches(BLANK);
    // Some versions of systemd go on in the next line even behind a comment.
    if line.ends_with('\\') {
        return Err("ends in a backslash: no value goes on in the next line");
    }
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').ok_or("is neither NAME=value nor a comment")?;
    let name = name.trim_end_matches(BLANK);
    if name.starts_with("export ") {
        return Err("begins with `export`, which only a shell knows");
    }
    let is_letter = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    let is_name = name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    if !is_name || !name.bytes().next().is_some_and(is_letter) {
        return Err("has no name of letters, digits and _ before its =");
    }
    let value = unquoted(value.trim_start_matches(BLANK))?;
    if value.contains('\0') {
        return Err("holds a NUL");
    }
    Ok(Some((name, value)))
}

/// A value without its quotes.
fn unquoted(value: &str) -> Result<String, &'static str> {
    const OPEN: &str = "has a quote that does not end";
    let (inner, behind) = if let Some(rest) = value.strip_prefix('\'') {
        let (inner, behind) = rest.split_once('\'').ok_or(OPEN)?;
        (inner.to_owned(), behind)
    } else if let Some(rest) = value.strip_prefix('"') {
        double_quoted(rest).ok_or(OPEN)?
    } else if value.contains('\\') {
        return Err("has a backslash outside of quotes: put the value into '…'");
    } else {
        (value.to_owned(), "")
    };
    if behind.is_empty() { Ok(inner) } else { Err("has something behind its closing quote") }
}

/// What stands before the next double quote, and what behind it. Before a quote, a backslash, a dollar or a backtick a
/// backslash says that it is meant so.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((inner, characters.as_str())),
            '\\' => match characters.next()? {
                meant @ ('"' | '\\' | '$' | '`') => inner.push(meant),
                other => inner.extend(['\\', other]),
            },
            other => inner.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let file = EnvFile::parse("/etc/edge.env", text.as_bytes());
        (file.values.into_iter().collect(), file.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_are_names_with_values_comments_or_nothing() {
        for (line, value) in [
            ("A=b", "b"),
            ("A=", ""),
            ("  A = b c\t", "b c"),
            ("A=b # c", "b # c"),
            ("A=b=c", "b=c"),
            ("A=b\"c\"", "b\"c\""),
            ("A='b \\ \"c\" '", "b \\ \"c\" "),
            ("A=\"b \\\" \\\\ \\$ \\n '\"", "b \" \\ $ \\n '"),
            ("A=\"\"", ""),
            ("A=b\r", "b"),
            ("A=é", "é"),
        ] {
            assert_eq!(parse(line), (vec![("A".to_owned(), value.to_owned())], vec![]), "{line:?}");
        }
        for line in ["", "   \t", "# A=b", "  ; A=b", "#", "\r", "ATELIER_ENV_FILE=/etc/edge.env"] {
            assert_eq!(parse(line), (vec![], vec![]), "{line:?}");
        }
        let text = "# a shop\nA_1=one\n\n_b='two'\nA_1=three\n";
        let expected = [("A_1", "three"), ("_b", "two")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), (expected.to_vec(), vec![]));
    }

    #[test]
    fn every_other_line_is_named_by_file_and_number_and_not_repeated() {
        let lines = [
            "hunter2",
            "export A=hunter2",
            "=hunter2",
            "1A=hunter2",
            "A-B=hunter2",
            "A B=hunter2",
            "A='hunter2",
            "A=\"hunter2",
            "A=\"hunter2\\\"",
            "A='hunter2' x",
            "A=\"hunter2\"x",
            "A=hunter2\\ 3",
            "A=hunter2\\",
            "# hunter2 \\",
            "A=hunter2\0",
            "ATELIER_ENV_FILE=hunter2",
        ];
        let (values, problems) = parse(&lines.join("\n"));
        assert!(values.is_empty(), "{values:?}");
        assert_eq!(problems.len(), lines.len(), "{problems:#?}");
        for (place, problem) in problems.iter().enumerate() {
            let begins = format!("ATELIER_ENV_FILE: \"/etc/edge.env\", line {} ", place + 1);
            assert!(problem.starts_with(&begins) && !problem.contains("hunter2"), "{problem}");
        }
        let file = EnvFile::parse("f", b"A=b\nC=\xff\nD=e");
        assert_eq!((file.values.len(), file.problems.len()), (2, 1));
    }

    #[test]
    fn a_file_that_cannot_be_read_or_is_none_is_a_problem() {
        for (path, why) in [("/nowhere/edge.env", "cannot be read"), ("/", "cannot be read"), ("/dev/zero", "1 MiB")] {
            let file = EnvFile::read(path);
            assert!(file.values.is_empty() && file.problems.len() == 1, "{file:?}");
            assert!(file.problems[0].to_string().contains(why), "{file:?}");
        }
    }
}
