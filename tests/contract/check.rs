//! Runs cases against a node and says everything that is not as described.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use atelier_rig::{Client, Node, Response};

use crate::fixture::{Case, Expected, Headers};

const L1: &str = "atelier-edge; hit; detail=l1";

/// Where a node finds what it is asked for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Nowhere: it asks the origin.
    Origin,
    /// In Redis.
    L2,
}

impl First {
    fn cache_status(self) -> &'static str {
        match self {
            Self::Origin => "atelier-edge; fwd=uri-miss; stored",
            Self::L2 => "atelier-edge; hit; detail=l2",
        }
    }
}

/// Of an answer, what must be the same on every node and from every tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    title: String,
    status: u16,
    etag: Option<String>,
    body: Vec<u8>,
}

/// Says which cases were answered differently.
pub(crate) fn assert_same(what: &str, expected: &[Seen], found: &[Seen]) {
    let differ = expected.iter().zip(found).filter(|(expected, found)| expected != found);
    let titles: Vec<_> = differ.map(|(expected, _)| expected.title.as_str()).collect();
    assert!(expected.len() == found.len() && titles.is_empty(), "{what} differ: {titles:#?}");
}

/// A validator stands for its bytes: no two bodies share one, and no body has two.
pub(crate) fn assert_validators_name_bodies(seen: &[Seen]) {
    let (mut bodies, mut etags) = (BTreeMap::new(), BTreeMap::new());
    for answer in seen.iter().filter(|answer| answer.status == 200 && !answer.body.is_empty()) {
        let etag = answer.etag.as_ref().expect("a validator");
        assert_eq!(*etags.entry(&answer.body).or_insert(etag), etag, "{}: a second validator", answer.title);
        assert_eq!(*bodies.entry(etag).or_insert(&answer.body), &answer.body, "{}: {etag} of two", answer.title);
    }
}

/// A node that is asked case after case.
pub(crate) struct Run<'n> {
    node: &'n Node,
    client: Client,
    first: First,
    /// What it was asked before, and so has in L1.
    asked: HashSet<String>,
    /// Bodies by target, for cases that name another's.
    bodies: BTreeMap<String, String>,
    /// How many answers it had to get from the origin, and stored.
    pub(crate) stored: usize,
    /// What is not as described.
    pub(crate) problems: Vec<String>,
}

/// The body without its encoding.
pub(crate) fn decoded(response: &Response) -> Vec<u8> {
    match response.header("content-encoding") {
        None => response.body.clone(),
        Some("br") => {
            let mut plain = Vec::new();
            brotli::Decompressor::new(&*response.body, 4096).read_to_end(&mut plain).expect("brotli");
            plain
        }
        Some("gzip") => {
            // The last four bytes are the length of what was compressed.
            let tail = response.body.last_chunk::<4>().expect("gzip ends with a length");
            let mut plain = vec![0; u32::from_le_bytes(*tail) as usize];
            libdeflater::Decompressor::new().gzip_decompress(&response.body, &mut plain).expect("gzip");
            plain
        }
        Some(other) => panic!("an encoding that nobody asked for: {other}"),
    }
}

impl<'n> Run<'n> {
    /// A run against a node that was asked nothing before.
    pub(crate) fn new(node: &'n Node, first: First, cases: &[Case]) -> Self {
        let bodies = cases.iter().filter_map(|case| match &case.expected {
            Expected::Answer { status: 200, body, .. } if case.headers.is_empty() && case.method == "GET" => {
                Some((case.target.clone(), body.clone()))
            }
            Expected::Answer { .. } | Expected::SameAs(_) => None,
        });
        let (bodies, asked) = (bodies.collect(), HashSet::new());
        Self { node, client: node.client(), first, asked, bodies, stored: 0, problems: Vec::new() }
    }

    fn ask(&mut self, method: &str, target: &str, headers: &[String]) -> Response {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let response = self.client.request(method, target, &headers, b"");
        if response.header("connection") == Some("close") {
            self.client = self.node.client();
        }
        response
    }

    /// Asks all cases in their order.
    pub(crate) fn all(&mut self, cases: &[Case]) -> Vec<Seen> {
        cases.iter().map(|case| self.case(case)).collect()
    }

    fn case(&mut self, case: &Case) -> Seen {
        let before = self.problems.len();
        let headers = self.with_etag(case);
        // Another spelling must find what the plain one has left in L1.
        let plain = match &case.expected {
            Expected::SameAs(target) => Some(self.plain(target)),
            Expected::Answer { .. } => None,
        };
        let response = self.ask(&case.method, &case.target, &headers);
        match &case.expected {
            Expected::SameAs(target) => {
                let plain = plain.unwrap();
                assert!(self.bodies.contains_key(target), "{}: no case has {target}", case.title);
                self.compare("status", &plain.status, &response.status);
                self.compare("body", &plain.body, &response.body);
                let (mut plain, mut response) = (steady(&plain), steady(&response));
                plain.insert("cache-status".to_owned(), L1.to_owned());
                response.entry("cache-status".to_owned()).or_default();
                self.compare("headers", &plain, &response);
            }
            Expected::Answer { status, class, headers, body } => {
                self.compare("status", status, &response.status);
                self.compare_headers(case, headers, &response);
                // That a product is not there is stored too, and says no tier.
                self.stored += usize::from(class == "absent" && !self.asked.contains(&case.target));
                self.note(&case.target, &response);
                let body = match body.strip_prefix('@') {
                    Some(target) => self.bodies.get(target).unwrap_or_else(|| panic!("no case has {target}")),
                    None => body,
                };
                let body = if case.method == "HEAD" { "" } else { body }.to_owned();
                self.compare("body", &body, &String::from_utf8_lossy(&decoded(&response)).into_owned());
            }
        }
        if case.method == "GET" {
            let head = self.ask("HEAD", &case.target, &headers);
            self.compare("status of HEAD", &response.status, &head.status);
            let (of_get, mut of_head) = (steady(&response), steady(&head));
            if let Some(said) = of_get.get("cache-status") {
                of_head.insert("cache-status".to_owned(), said.clone());
            }
            self.compare("headers of HEAD", &of_get, &of_head);
        }
        for problem in &mut self.problems[before..] {
            *problem = format!("{}\n  {} {}\n  {problem}", case.title, case.method, case.target);
        }
        Seen {
            title: case.title.clone(),
            status: response.status,
            etag: response.header("etag").map(str::to_owned),
            body: response.body,
        }
    }

    fn plain(&mut self, target: &str) -> Response {
        let response = self.ask("GET", target, &[]);
        self.note(target, &response);
        response
    }

    /// Remembers what was asked, and whether it cost a fetch.
    fn note(&mut self, target: &str, response: &Response) {
        self.asked.insert(target.to_owned());
        let was_fetched = response.header("cache-status") == Some(First::Origin.cache_status());
        self.stored += usize::from(was_fetched);
    }

    /// The headers to send: `$etag` stands for the validator of what would be sent.
    fn with_etag(&mut self, case: &Case) -> Vec<String> {
        if !case.headers.iter().any(|header| header.contains("$etag")) {
            return case.headers.clone();
        }
        let bare: Vec<_> = case.headers.iter().filter(|header| !header.contains("$etag")).cloned().collect();
        let response = self.ask("GET", &case.target, &bare);
        self.note(&case.target, &response);
        let etag = response.header("etag").expect("an answer with a validator");
        case.headers.iter().map(|header| header.replace("$etag", etag)).collect()
    }

    fn compare_headers(&mut self, case: &Case, expected: &Headers, response: &Response) {
        let found: Headers = response.headers.iter().cloned().collect();
        self.compare("number of headers", &found.len(), &response.headers.len());
        let names = |headers: &Headers| headers.keys().cloned().collect::<Vec<_>>();
        self.compare("names of headers", &names(expected), &names(&found));
        let tier = if self.asked.contains(&case.target) { L1 } else { self.first.cache_status() };
        for (name, value) in expected {
            let Some(found) = found.get(name) else { continue };
            let holds = match (name.as_str(), value.as_str()) {
                ("cache-status", "*") => found == tier,
                ("etag", "*") => is_validator(found),
                ("age", "*") => found.parse().is_ok_and(|age: u32| age < 600),
                ("retry-after", "*") => found.parse().is_ok_and(|seconds: u32| (1..=3).contains(&seconds)),
                ("content-length", "*") => case.method == "HEAD" || *found == response.body.len().to_string(),
                (_, "*") => !found.is_empty(),
                (_, value) => found == value,
            };
            if !holds {
                let wanted = if name == "cache-status" && value == "*" { tier } else { value };
                self.problems.push(format!("{name} is {found:?}, not {wanted:?}"));
            }
        }
    }

    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.problems.push(format!("{what} is\n    {found:?}, not\n    {expected:?}"));
        }
    }

    /// Ends the run.
    pub(crate) fn finish(&self) {
        assert!(self.problems.is_empty(), "{} problems:\n{}", self.problems.len(), self.problems.join("\n"));
    }
}

/// Strong, and 128 bits in hexadecimal.
fn is_validator(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.len() == 32 && inner.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The headers that do not change with time, or with each request that goes wrong.
fn steady(response: &Response) -> Headers {
    let is_steady = |name: &str| !matches!(name, "date" | "age" | "x-request-id");
    response.headers.iter().filter(|(name, _)| is_steady(name)).cloned().collect()
}
