//! `atelier-edge purge`: an operator's purge, written to the database whether or not a node runs. Nodes find it like every other
//! change, with their next poll.

use std::time::SystemTime;

use clap::{ArgGroup, Args};

use crate::cause::Causes;
use crate::command::{Command, Purge, Purged};
use crate::config::{EXIT_CONFIG, Given};
use crate::key::Key;
use crate::origin::WriteError;
use crate::origin::postgres;
use crate::stamp::OrdToken;
use crate::tag::{Kind, Tag};

/// The exit status when nothing was done.
const EXIT_UNDONE: u8 = 1;

/// The exit status when it is not known whether it was done (`EX_UNAVAILABLE` of sysexits.h).
const EXIT_UNCERTAIN: u8 = 69;

/// What is to be purged.
#[derive(Args, Clone, Debug)]
#[group(skip)]
#[command(group(ArgGroup::new("what").required(true).args(["tags", "keys", "all", "new_epoch"])))]
pub struct Order {
    /// Answers that depend on these: `reviews:7`, `reviews:*`.
    #[arg(long = "tag", value_name = "TAG", num_args = 1..)]
    tags: Vec<Tag>,
    /// Answers of these keys, and all that depend on the same: `product/7`, `reviews/7/newest/1x5`.
    #[arg(long = "key", value_name = "KEY", num_args = 1..)]
    keys: Vec<Key>,
    /// Every answer.
    #[arg(long)]
    all: bool,
    /// Whatever any tier holds, by another epoch: for changes that the triggers could not see.
    #[arg(long, conflicts_with_all = ["soft", "erase"])]
    new_epoch: bool,
    /// Serve the old answers, labelled, while they are fetched again; they end with ATELIER_GRACE.
    #[arg(long)]
    soft: bool,
    /// Never serve the old answers again, not even while the database is away.
    #[arg(long, conflicts_with = "soft")]
    erase: bool,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Why there was no purge, or perhaps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// What to say.
    pub said: Vec<String>,
}

impl Failure {
    fn new(status: u8, said: String) -> Self {
        Self { status, said: vec![said] }
    }

    /// `at` is where it was tried.
    fn of(error: &WriteError, at: &str) -> Self {
        match error {
            WriteError::Uncertain(_) => {
                Self::new(EXIT_UNCERTAIN, format!("{at}: {error}; the same purge again does no harm"))
            }
            WriteError::Undone(cause) => Self::new(EXIT_UNDONE, format!("nothing was purged: {at}: {}", Causes(cause))),
            WriteError::Absent | WriteError::Invalid | WriteError::Busy => {
                Self::new(EXIT_UNDONE, format!("nothing was purged: {at}: {error}"))
            }
        }
    }
}

impl Order {
    /// Writes the purge, and says what was done.
    ///
    /// # Errors
    /// When it was not written, or it is not known whether it was.
    pub fn run(self, given: &Given) -> Result<String, Failure> {
        let (address, limits) = given.database().map_err(|problems| Failure {
            status: EXIT_CONFIG,
            said: problems.iter().map(ToString::to_string).collect(),
        })?;
        let address = address.ok_or_else(|| {
            let why = "DATABASE_URL: is not set, and this purges by way of the database; the catalogue that a node holds in \
                       memory is purged through its admin listener: POST /purge";
            Failure::new(EXIT_CONFIG, why.to_owned())
        })?;
        let what = self.purged();
        let actor = format!("{} (command line)", user());
        let purge = Purge { what: what.clone(), actor, peer: host(), reason: self.reason };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(EXIT_UNDONE, format!("nothing was purged: {error}")))?;
        let at = address.to_string();
        let written = runtime.block_on(postgres::write_once(address, limits, Command::Purge(purge), today()));
        let place = written.map_err(|error| Failure::of(&error, &at))?;
        Ok(done(&what, place))
    }

    fn purged(&self) -> Purged {
        if self.new_epoch {
            return Purged::Epoch;
        }
        let kind = match (self.soft, self.erase) {
            (true, _) => Kind::Soft,
            (_, true) => Kind::Erase,
            (false, false) => Kind::Hard,
        };
        let all = self.all.then_some(Tag::All);
        let of_keys = self.keys.iter().copied().map(Tag::of);
        Purged::tags(self.tags.iter().copied().chain(of_keys).chain(all), kind)
    }
}

/// The place in the history, as `Atelier-Min-Ord` takes it, then a line for each tag.
fn done(what: &Purged, place: Option<OrdToken>) -> String {
    let place = place.map_or_else(|| "unknown".to_owned(), |place| place.to_string());
    let mut lines = vec![format!("ord {place}")];
    match what {
        Purged::Tags(tags, kind) => lines.extend(tags.iter().map(|tag| format!("{kind} {tag}"))),
        Purged::Epoch => lines.push("new epoch".to_owned()),
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Who runs this: by name if the environment knows it, else by number.
fn user() -> String {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let named = named.into_iter().find(|name| !name.is_empty());
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// The name of this machine.
fn host() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    if name.is_empty() { "-".to_owned() } else { name.into_owned() }
}

/// The present in milliseconds since 1970.
fn today() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
