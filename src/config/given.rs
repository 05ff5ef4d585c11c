//! Who gave each setting its value: a flag comes before the environment file, that before the environment, and the default
//! stands behind them all.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;

use clap::builder::{OsStr, Resettable};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use super::env_file::EnvFile;
use super::{Config, Problem, Raw, Setting, settings, supplied};
use crate::cache::L2Address;
use crate::origin::postgres::{Address, Limits};

/// All that can give a setting its value. Of these only the file changes while a process runs.
#[derive(Clone)]
pub struct Sources {
    command: Command,
    arguments: Vec<OsString>,
    /// The names of the environment's variables.
    environment: BTreeSet<String>,
    path: Option<String>,
    /// Names whose value in the environment was that of the file when the process began. systemd puts the file into the
    /// environment, where it stands for good: when such a name is gone from the file, its old value there does not count.
    copied: BTreeSet<String>,
    /// What systemd gives, for settings that nobody else gives a value.
    supplied: BTreeMap<String, String>,
}

/// What was given for each setting at one moment.
#[derive(Clone)]
pub struct Given {
    matches: ArgMatches,
    /// What the environment file holds.
    pub(super) file: BTreeMap<String, String>,
    /// The names of all variables, in the environment or the file.
    names: BTreeSet<String>,
    /// What is wrong with the environment file.
    problems: Vec<Problem>,
    /// The names of settings that systemd gave a value, unless somebody else did.
    supplied: BTreeSet<String>,
}

// Neither shows what it holds: there may be passwords in it.

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    Flag,
    File,
    Environment,
    Systemd,
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
        let supplied = supplied::of(&environment);
        let environment = environment.into_keys().collect();
        let sources = Self { command, arguments, environment, path, copied, supplied };
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
            let (value, supplied) = (file.get(&variable), self.supplied.get(&variable));
            let by_file = value.is_some() || self.copied.contains(&variable);
            if !by_file && supplied.is_none() {
                continue;
            }
            command = command.mut_arg(id, |argument| {
                let argument = if by_file { argument.env(Resettable::<OsStr>::Reset) } else { argument };
                match value.or(supplied) {
                    Some(value) => argument.default_value(value.clone()).hide_default_value(true),
                    None => argument,
                }
            });
        }
        let matches = command.try_get_matches_from(&self.arguments)?;
        let names = self.environment.iter().chain(file.keys()).cloned().collect();
        let supplied = self.supplied.keys().cloned().collect();
        Ok(Given { matches, file, names, problems, supplied })
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
        self.with_problems(Config::new(&raw, self.names.iter().cloned()))
    }

    /// What a process needs that serves nothing and writes to the database; see [`Config::database`].
    ///
    /// # Errors
    /// With everything that is wrong with these, and with the environment file.
    pub fn database(&self) -> Result<(Option<Address>, Limits), Vec<Problem>> {
        let raw = Raw::from_arg_matches(&self.matches).map_err(|error| vec![Problem(error.to_string())])?;
        self.with_problems(Config::database(&raw))
    }

    /// What was read, unless something is wrong with how it was given.
    fn with_problems<T>(&self, read: Result<T, Vec<Problem>>) -> Result<T, Vec<Problem>> {
        let mut problems: Vec<_> = self.problems.iter().cloned().chain(self.spoken()).collect();
        match read {
            Ok(read) if problems.is_empty() => return Ok(read),
            Ok(_) => {}
            Err(more) => problems.extend(more),
        }
        Err(problems)
    }

    /// Passwords that were given as arguments. Refused rather than warned of: everybody on the machine can read them, in `ps`, for as
    /// long as the process runs, and a warning in a log nobody reads would not end that.
    fn spoken(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for setting in settings().iter().filter(|setting| self.giver(setting) == Giver::Flag) {
            let value = self.value(setting).unwrap_or_default();
            let (has_password, file) = match &*setting.variable {
                "DATABASE_URL" => {
                    (value.parse().is_ok_and(|url: Address| url.has_password()), "ATELIER_DATABASE_PASSWORD_FILE")
                }
                "REDIS_URL" => {
                    (value.parse().is_ok_and(|url: L2Address| url.has_password()), "ATELIER_REDIS_PASSWORD_FILE")
                }
                _ => continue,
            };
            if has_password {
                problems.push(Problem(format!(
                    "{}: a password among the arguments can be read by everybody on this machine; it belongs into \
                     {file}, ATELIER_ENV_FILE or the environment",
                    setting.variable
                )));
            }
        }
        problems
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
            _ if self.supplied.contains(&setting.variable) => Giver::Systemd,
            _ => Giver::Default,
        }
    }
}
