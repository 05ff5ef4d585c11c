//! A node that is written to, and what each of its answers must look like.

use atelier_rig::{Client, Node, Postgres, Response};

use crate::{SERVER, fixture};

/// Where a node has its catalogue from.
pub(crate) enum Origin {
    /// The embedded sample.
    InProcess,
    /// The sample in PostgreSQL, by way of the import.
    Postgres(Box<Postgres>, String),
}

impl Origin {
    pub(crate) fn postgres() -> Self {
        let (postgres, database) = atelier_rig::import::sample(SERVER);
        Self::Postgres(Box::new(postgres), database)
    }
}

/// A running node.
pub(crate) struct Shop {
    pub(crate) node: Node,
    // Behind the node, so that it ends after it.
    origin: Origin,
}

impl Shop {
    pub(crate) fn open(origin: Origin) -> Self {
        Self::open_with(origin, &[])
    }

    pub(crate) fn open_with(origin: Origin, more: &[(&str, &str)]) -> Self {
        // Nothing expires while a test runs: what is read anew is read anew because of a write.
        let mut settings = vec![
            ("ATELIER_ABSENT_TTL", "300s"),
            ("ATELIER_TTL_LIST", "300s"),
            ("ATELIER_BUDGET", "20s"),
            ("ATELIER_BOUND", "21s"),
            ("ATELIER_LOG", "debug"),
        ];
        settings.extend(more);
        if let Origin::Postgres(_, database) = &origin {
            settings.push(("DATABASE_URL", database));
        }
        Self { node: Node::start(SERVER, &settings), origin }
    }

    /// Rows of the database, if there is one.
    pub(crate) fn psql(&self, sql: &str) -> Option<String> {
        match &self.origin {
            Origin::InProcess => None,
            Origin::Postgres(postgres, _) => Some(postgres.psql("sample", sql)),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.node.client()
    }

    /// The body of a 200.
    pub(crate) fn get(&self, target: &str) -> String {
        let response = self.node.get(target);
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        response.text().to_owned()
    }

    /// The document of a 200.
    pub(crate) fn json(&self, target: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(target)).expect("JSON")
    }

    /// Posts what must be taken.
    pub(crate) fn post(&self, target: &str, body: &str) {
        self.post_as(target, &[], body);
    }

    /// The same with further header lines.
    pub(crate) fn post_as(&self, target: &str, headers: &[&str], body: &str) {
        let response = self.client().request("POST", target, headers, body.as_bytes());
        assert_eq!((response.status, response.text()), (201, "Created"), "{target} {body}");
        assert_class(&response, "created");
    }

    /// Votes for what is there.
    pub(crate) fn put(&self, target: &str) {
        let response = self.client().request("PUT", target, &[], b"");
        assert_eq!((response.status, response.text()), (204, ""), "{target}");
        assert_class(&response, "done");
    }

    /// Writes what must be refused.
    pub(crate) fn refused(&self, method: &str, target: &str, body: &[u8], status: u16, text: &str) {
        let response = self.client().request(method, target, &[], body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]);
        assert_eq!((response.status, response.text()), (status, text), "{method} {target} {shown}");
        assert_class(&response, "refused");
    }
}

/// Whether a response has the headers of its class (`contract/classes.txt`) and no others.
pub(crate) fn assert_class(response: &Response, class: &str) {
    let expected = &fixture::classes()[class];
    let found: fixture::Headers = response.headers.iter().cloned().collect();
    let names = |headers: &fixture::Headers| headers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected), "headers of {class}");
    assert_eq!(found.len(), response.headers.len(), "a header came twice");
    for (name, value) in expected {
        let found = &found[name];
        let holds = match (name.as_str(), value.as_str()) {
            ("atelier-ord", "*") => is_token(found),
            ("content-length", "*") => response.body.is_empty() || *found == response.body.len().to_string(),
            (_, "*") => !found.is_empty(),
            (_, value) => found == value,
        };
        assert!(holds, "{name} is {found:?}, not {value:?}");
    }
}

/// Eight hexadecimal digits, a point, and a number.
fn is_token(text: &str) -> bool {
    text.split_once('.').is_some_and(|(epoch, stamp)| {
        epoch.len() == 8
            && epoch.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && stamp.parse::<u64>().is_ok()
    })
}
