//! The files beside this one: requests and their exact answers, as text.
//!
//! ```text
//! ! ATELIER_ALIASES=on            a setting of the node that the whole file is for
//!
//! == a name that says what holds
//! GET /products/2
//! Accept: text/html               a header of the request
//! -> 200 found                    status, and class of headers (classes.txt)
//! + Content-Encoding: br          a header beside those of the class, or its value
//! {"id":2}                        the body; nothing: none; @/products/2: that of another case
//!
//! == another spelling is the same entry
//! GET /products/002
//! -> same as /products/2
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Header names in lower case, with their values; `*` is any.
pub(crate) type Headers = BTreeMap<String, String>;

/// One request with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// File and name, for messages.
    pub(crate) title: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<String>,
    pub(crate) expected: Expected,
}

/// What must come.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// This, with exactly these headers.
    Answer { status: u16, class: String, headers: Headers, body: String },
    /// What a plain GET of this target gives, out of the same entry.
    SameAs(String),
}

/// One file.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// What the node must be started with.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) cases: Vec<Case>,
}

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a header: {line:?}"));
    (name.to_ascii_lowercase(), value.to_owned())
}

/// Sections that begin with `== title`, each with its lines; comments and blank lines left out. What stands before the
/// first has an empty title.
fn sections(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections = vec![("", Vec::new())];
    // Not `lines()`: a body may hold characters that some take for line ends, and only LF is one here.
    for line in text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("== ") {
            Some(title) => sections.push((title, Vec::new())),
            None => sections.last_mut().unwrap().1.push(line),
        }
    }
    sections
}

/// The classes of headers by name.
pub(crate) fn classes() -> BTreeMap<String, Headers> {
    let text = read("classes.txt");
    let classes = sections(&text);
    classes
        .into_iter()
        .skip(1)
        .map(|(name, lines)| (name.to_owned(), lines.into_iter().map(header).collect()))
        .collect()
}

impl Fixture {
    /// Reads `tests/contract/<name>.txt`.
    pub(crate) fn read(name: &str) -> Self {
        let text = read(&format!("{name}.txt"));
        let classes = classes();
        let mut sections = sections(&text).into_iter();
        let (_, before) = sections.next().unwrap();
        let settings = before.iter().map(|line| {
            let (name, value) = line.strip_prefix("! ").and_then(|line| line.split_once('=')).expect("a setting");
            (name.to_owned(), value.to_owned())
        });
        let settings = settings.collect();
        let cases = sections.map(|(title, lines)| case(format!("{name}: {title}"), &lines, &classes)).collect();
        Self { settings, cases }
    }
}

fn case(title: String, lines: &[&str], classes: &BTreeMap<String, Headers>) -> Case {
    let arrow = lines.iter().position(|line| line.starts_with("-> ")).unwrap_or_else(|| panic!("{title}: no answer"));
    let (method, target) = lines[0].split_once(' ').unwrap_or_else(|| panic!("{title}: no request"));
    let expected = &lines[arrow][3..];
    let expected = match expected.strip_prefix("same as ") {
        Some(target) => Expected::SameAs(target.to_owned()),
        None => {
            let (status, class) = expected.split_once(' ').unwrap_or_else(|| panic!("{title}: no class"));
            let mut headers = classes.get(class).unwrap_or_else(|| panic!("{title}: no class {class}")).clone();
            let (more, body): (Vec<&str>, Vec<&str>) =
                lines[arrow + 1..].iter().partition(|line| line.starts_with("+ "));
            headers.extend(more.into_iter().map(|line| header(&line[2..])));
            assert!(body.len() <= 1, "{title}: a body is one line");
            let body = body.first().copied().unwrap_or_default().to_owned();
            Expected::Answer { status: status.parse().expect("a status"), class: class.to_owned(), headers, body }
        }
    };
    Case {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: lines[1..arrow].iter().map(|line| (*line).to_owned()).collect(),
        expected,
        title,
    }
}
