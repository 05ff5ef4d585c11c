//! `GET /config`: the settings in force and where each comes from, as `print-config` shows them: without secrets.

use serde::Serialize;

/// A setting as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The name of its variable.
    pub name: String,
    /// Its value in force; none is set.
    pub value: Option<String>,
    /// Its default, if it has one.
    pub default: Option<String>,
    /// `default`, `environment`, `file`, `systemd`, or the flag.
    pub from: String,
    /// Whether SIGHUP changes it.
    pub live: bool,
}

/// All of them.
#[derive(Debug, Serialize)]
pub(super) struct Settings<'a> {
    pub(super) settings: &'a [Setting],
}
