//! The settings as a table: for `print-config`, for README.md, and as an example environment file.

use std::fmt::Write;

use clap::{Args, Command};

use super::given::Giver;
use super::live;
use super::{Given, Raw};
use crate::cache::L2Address;
use crate::http::admin::Setting as Shown;
use crate::origin::postgres::Address;

/// What is known of a setting from its one definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name of the environment variable.
    pub variable: String,
    /// The flag, without dashes.
    pub flag: String,
    /// The kind of value.
    pub kind: String,
    /// The default, if it has one.
    pub default: Option<String>,
    /// What it does.
    pub help: String,
    /// Its name within clap.
    pub(super) id: String,
}

/// How settings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Effective values and where each came from.
    Table,
    /// The table of README.md: defaults and what each setting does.
    Markdown,
    /// An environment file with every setting at its default, commented out.
    Env,
}

/// Every setting, in the order of their definition.
pub fn settings() -> Vec<Setting> {
    let command = Raw::augment_args(Command::new("atelier-edge"));
    let arguments = command.get_arguments().filter_map(|argument| {
        Some(Setting {
            variable: argument.get_env()?.to_string_lossy().into_owned(),
            flag: argument.get_long()?.to_owned(),
            kind: argument.get_value_names()?.first()?.to_string(),
            default: argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned()),
            help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
            id: argument.get_id().to_string(),
        })
    });
    arguments.collect()
}

/// Who gave a setting its value, as it is shown.
fn giver(setting: &Setting, given: &Given) -> String {
    match given.giver(setting) {
        Giver::Flag => format!("--{}", setting.flag),
        Giver::File => "file".to_owned(),
        Giver::Environment => "environment".to_owned(),
        Giver::Systemd => "systemd".to_owned(),
        Giver::Default => "default".to_owned(),
    }
}

/// The settings for programs and people who ask a node.
pub(super) fn rows(given: &Given) -> Vec<Shown> {
    let row = |setting: Setting| {
        let value = given.value(&setting);
        Shown {
            value: value.map(|value| shown(&setting, Some(value))),
            from: giver(&setting, given),
            live: live::is_live(&setting.variable),
            default: setting.default,
            name: setting.variable,
        }
    };
    settings().into_iter().map(row).collect()
}

/// The settings in some form.
pub fn write(form: Form, given: &Given) -> String {
    let mut text = String::new();
    match form {
        Form::Table => {
            for setting in settings() {
                let from = giver(&setting, given);
                let shown = shown(&setting, given.value(&setting));
                let _ = writeln!(text, "{:<24} {shown:<28} {from}", setting.variable);
            }
        }
        Form::Markdown => {
            text.push_str("| variable | default | live | |\n|---|---|---|---|\n");
            for setting in settings() {
                let default = setting.default.as_deref().map_or("–".to_owned(), |value| format!("`{value}`"));
                let help = setting.help.replace('|', "\\|");
                let live = if live::is_live(&setting.variable) { "yes" } else { "" };
                let _ = writeln!(text, "| `{}` | {default} | {live} | {help} |", setting.variable);
            }
        }
        Form::Env => {
            text.push_str(
                "# Settings of atelier-edge. What is commented out is the default. Those marked [live] are obeyed when the node is told\n\
                 # to read this file again (systemctl reload atelier-edge), the others when it is started again.\n",
            );
            for setting in settings() {
                let default = setting.default.as_deref().unwrap_or_default();
                let live = if live::is_live(&setting.variable) { " [live]" } else { "" };
                let _ = writeln!(text, "\n# {}{live}\n#{}={default}", setting.help, setting.variable);
            }
        }
    }
    text
}

/// The value as it may be shown: the userinfo of a URL never is.
pub(super) fn shown(setting: &Setting, value: Option<&str>) -> String {
    match (setting.variable.as_str(), value) {
        (_, None) => "–".to_owned(),
        ("DATABASE_URL", Some(url)) => url.parse::<Address>().map_or("(not a URL)".to_owned(), |url| url.to_string()),
        ("REDIS_URL", Some(url)) => url.parse::<L2Address>().map_or("(not a URL)".to_owned(), |url| url.to_string()),
        (_, Some(value)) => value.to_owned(),
    }
}
