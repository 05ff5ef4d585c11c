//! Who gave each setting its value: a flag comes before the environment file, that before the environment, and the default
//! stands behind them all.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::builder::{OsStr, Resettable};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use super::env_file::EnvFile;
use super::{Config, Problem, Raw, Setting, settings};

/// All that can give a setting its value. Of these only the file changes while a process runs.
#[derive(Clone, Debug)]
pub struct Sources {
    command: Command,
    arguments: Vec<OsString>,
    /// The names of the environment's variables.
    environment: BTreeSet<String>,
    path: Option<String>,
    /// Names whose value in the environment was that of the file when the process began. systemd puts the file into the
    /// environment, where it stands for good: when such a name is gone from the file, its old value there does not count.
    copied: BTreeSet<String>,
}

/// What was given for each setting at one moment.
#[derive(Clone, Debug)]
pub struct Given {
    matches: ArgMatches,
    /// What the environment file holds.
    pub(super) file: BTreeMap<String, String>,
    /// The names of all variables, in the environment or the file.
    names: BTreeSet<String>,
    /// What is wrong with the environment file.
    problems: Vec<Problem>,
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    Flag,
    File,
    Environment,
    Default,
}

impl Sources {
    /// Reads the command line and the environment file. Wrong arguments, and the questions that clap answers itself, end the
    /// process here.
    pub fn read(
        command: Command,
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> (Self, Given) {
        let arguments: Vec<_> = arguments.into_iter().collect();
        // The file's values are not seen by this first look, so nothing of them is in what clap may complain of.
        let matches = command.clone().get_matches_from(&arguments);
        let path = Raw::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).env_file;
        let environment: BTreeMap<_, _> =
            environment.into_iter().map(|(name, value)| (name.to_string_lossy().into_owned(), value)).collect();
        let file = path.as_deref().map(EnvFile::read).unwrap_or_default();
        let is_copy = |(name, value): &(&String, &String)| {
            environment.get(*name).is_some_and(|other| other.to_str() == Some(value))
        };
        let copied = file.values.iter().filter(is_copy).map(|(name, _)| name.clone()).collect();
        let environment = environment.into_keys().collect();
        let sources = Self { command, arguments, environment, path, copied };
        let given = sources.given(file.values, file.problems).unwrap_or_else(|error| error.exit());
        (sources, given)
    }

    /// What the environment file says now.
    pub(super) fn file(&self) -> EnvFile {
        self.path.as_deref().map(EnvFile::read).unwrap_or_default()
    }

    /// What would be given if the file said this.
    pub(super) fn given(&self, file: BTreeMap<String, String>, problems: Vec<Problem>) -> Result<Given, clap::Error> {
        let mut command = self.command.clone();
        for Setting { variable, id, .. } in settings() {
            let value = file.get(&variable);
            if value.is_none() && !self.copied.contains(&variable) {
                continue;
            }
            command = command.mut_arg(id, |argument| {
                let argument = argument.env(Resettable::<OsStr>::Reset);
                match value {
                    Some(value) => argument.default_value(value.clone()).hide_default_value(true),
                    None => argument,
                }
            });
        }
        let matches = command.try_get_matches_from(&self.arguments)?;
        let names = self.environment.iter().chain(file.keys()).cloned().collect();
        Ok(Given { matches, file, names, problems })
    }
}

impl Given {
    /// What clap made of it.
    pub fn matches(&self) -> &ArgMatches {
        &self.matches
    }

    /// The typed settings.
    ///
    /// # Errors
    /// With everything that is wrong with them, and with the environment file.
    pub fn config(&self) -> Result<Config, Vec<Problem>> {
        let raw = Raw::from_arg_matches(&self.matches).map_err(|error| vec![Problem(error.to_string())])?;
        let config = Config::new(&raw, self.names.iter().cloned());
        if self.problems.is_empty() {
            return config;
        }
        Err(self.problems.iter().cloned().chain(config.err().into_iter().flatten()).collect())
    }

    /// What is wrong with the environment file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn value(&self, setting: &Setting) -> Option<&str> {
        self.matches.get_one::<String>(&setting.id).map(String::as_str)
    }

    pub(super) fn giver(&self, setting: &Setting) -> Giver {
        match self.matches.value_source(&setting.id) {
            Some(ValueSource::CommandLine) => Giver::Flag,
            Some(ValueSource::EnvVariable) => Giver::Environment,
            _ if self.file.contains_key(&setting.variable) => Giver::File,
            _ => Giver::Default,
        }
    }
}
