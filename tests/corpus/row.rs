//! The rows of `rows.txt`, whose beginning says how they are written.

const TABLE: &str = include_str!("rows.txt");

/// A body that is taken as an interaction.
const GOOD: &str = r#"{"element":"b","widget":"w","time":"t"}"#;

/// How a row is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    ThroughNginx,
}

/// One request, or several in a row, with what comes back.
pub(crate) struct Row {
    pub(crate) number: u32,
    /// The sending side is closed behind it.
    pub(crate) ends: bool,
    /// Some limit of time has to pass.
    pub(crate) waits: bool,
    request: String,
    direct: Expected,
    through_nginx: Expected,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} | {}", self.number, self.request)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) answers: Vec<Answer>,
    pub(crate) closes: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// 0 if it has no head.
    pub(crate) status: u16,
    pub(crate) of_head: bool,
    pub(crate) same_as: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

pub(crate) fn all() -> Vec<Row> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(read).collect()
}

pub(crate) fn read(line: &str) -> Row {
    let columns: Vec<_> = line.split(" | ").collect();
    let [row, request, direct, through_nginx] = columns[..] else { panic!("not a row: {line:?}") };
    let digits = row.trim_end_matches(|c: char| !c.is_ascii_digit());
    let direct = expected(direct.trim());
    Row {
        number: digits.parse().unwrap_or_else(|_| panic!("no number: {line:?}")),
        ends: row.contains('.'),
        waits: row.contains('~'),
        request: request.trim_start().to_owned(),
        through_nginx: match through_nginx.trim() {
            "same" => direct.clone(),
            other => expected(other),
        },
        direct,
    }
}

fn expected(text: &str) -> Expected {
    let (text, closes) = text.strip_suffix(" c").map_or((text, false), |text| (text, true));
    let answers = if text == "none" { vec![] } else { text.split(" + ").map(answer).collect() };
    Expected { answers, closes }
}

fn answer(text: &str) -> Answer {
    let (status, mut rest) = text.split_at(if text.starts_with("bare") { 4 } else { 3 });
    let of_head = rest.starts_with('^');
    rest = rest.trim_start_matches('^').trim();
    let (mut same_as, mut body, mut headers) = (None, None, vec![]);
    while !rest.is_empty() {
        let length = match rest.as_bytes()[0] {
            b'=' => rest.find(' ').unwrap_or(rest.len()),
            b'"' => rest.rfind('"').unwrap() + 1,
            b'[' => rest.find(']').unwrap() + 1,
            _ => panic!("not an answer: {text:?}"),
        };
        let part = &rest[..length];
        match part.as_bytes()[0] {
            b'=' => same_as = Some(part[1..].to_owned()),
            b'"' => body = Some(part[1..length - 1].to_owned()),
            _ => {
                let (name, value) = part[1..length - 1].split_once(": ").expect("a header");
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
        }
        rest = rest[length..].trim_start();
    }
    let status = match status {
        "bare" => 0,
        status => status.parse().unwrap_or_else(|_| panic!("not a status: {text:?}")),
    };
    Answer { status, of_head, same_as, text: body, headers }
}

impl Row {
    pub(crate) fn expected(&self, way: Way) -> &Expected {
        match way {
            Way::Direct => &self.direct,
            Way::ThroughNginx => &self.through_nginx,
        }
    }

    /// What is sent. `names` stand for values that are not known before.
    pub(crate) fn bytes(&self, names: &[(&str, String)]) -> Vec<u8> {
        let mut text = self.request.replace("%H", " HTTP/1.1⏎Host: a⏎").replace("{good}", GOOD);
        for (name, value) in names {
            text = text.replace(name, value);
        }
        text = repeated(text).replace('⏎', "\r\n").replace('␣', " ");
        unescaped(&text)
    }
}

/// `«x*7»` is x seven times; x may hold another of these.
fn repeated(mut text: String) -> String {
    while let Some(end) = text.find('»') {
        let begin = text[..end].rfind('«').expect("» has a «");
        let (what, count) = text[begin + '«'.len_utf8()..end].rsplit_once('*').expect("« has a *");
        let what = what.repeat(count.parse().expect("a number"));
        text.replace_range(begin..end + '»'.len_utf8(), &what);
    }
    text
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().expect("a \\ is followed by something") {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("two hexadecimal digits")
            }
            other => other,
        });
    }
    bytes
}
