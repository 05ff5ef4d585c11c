//! A node whose settings are read again, and what it says then.

use atelier_rig::{Client, Node, Scratch, wait_until};
use serde_json::Value;

use super::{PATIENCE, SERVER};

/// The token of operators in these tests.
pub(crate) const TOKEN: &str = "open-sesame";

/// A node with an environment file of its own, and a token for operators.
pub(crate) struct Subject {
    pub(crate) node: Node,
    pub(crate) scratch: Scratch,
}

impl Subject {
    pub(crate) fn start(file: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new("live");
        let path = scratch.write("edge.env", file).display().to_string();
        let token = scratch.write("operators", TOKEN).display().to_string();
        let own = [("ATELIER_ENV_FILE", &*path), ("ATELIER_ADMIN_TOKEN_FILE", &*token)];
        let node = Node::launch_with(SERVER, flags, &[&own, environment].concat());
        wait_until("the node is ready", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
        Self { node, scratch }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }

    /// Has the node read this file; returns what it says.
    pub(crate) fn reload(&self, file: &str) -> Said {
        self.scratch.write("edge.env", file);
        self.read_again()
    }

    pub(crate) fn read_again(&self) -> Said {
        Said::read(&self.node.reload())
    }

    /// What L1 holds under `key`.
    pub(crate) fn entry(&self, key: &str) -> Value {
        let bearer = format!("Authorization: Bearer {TOKEN}");
        let response = Client::connect(self.node.admin).get(&format!("/entry?key={key}"), &[&bearer]);
        assert_eq!(response.status, 200, "{key}: {}", response.text());
        serde_json::from_str(response.text()).unwrap()
    }
}

/// What a node says when it has read its settings again.
#[derive(Debug)]
pub(crate) struct Said {
    /// Each with its level and message.
    pub(crate) lines: Vec<(String, String)>,
}

impl Said {
    pub(crate) fn read(log: &str) -> Self {
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (line["target"] == "atelier_edge::reload").then(|| (text("level"), text("message")))
        };
        Self { lines: log.lines().filter_map(line).collect() }
    }

    pub(crate) fn at(&self, level: &str) -> Vec<&str> {
        self.lines.iter().filter(|(of, _)| of == level).map(|(_, message)| &**message).collect()
    }

    /// What has changed, when nothing was wrong and nothing else was asked for.
    #[track_caller]
    pub(crate) fn changed(&self) -> &str {
        let [(level, message)] = &self.lines[..] else { panic!("{self:#?}") };
        assert_eq!(level, "INFO");
        message.strip_prefix("the settings were read again; changed: ").unwrap_or_else(|| panic!("{message}"))
    }

    /// What was wrong, when nothing was changed.
    #[track_caller]
    pub(crate) fn problems(&self) -> Vec<&str> {
        let mut lines = self.at("ERROR");
        assert_eq!(lines.len(), self.lines.len(), "{self:#?}");
        assert_eq!(lines.pop(), Some("the settings were read again and are wrong: nothing was changed"));
        lines
    }
}
