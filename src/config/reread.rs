//! The settings read again while the node serves: what is asked for, what of it can be done at once, and what has to wait for a
//! restart. Nothing is changed here.

use super::show::{rows, shown};
use super::{Config, Given, Problem, Sources, live, settings};
use crate::http::admin::Setting as Shown;

/// The settings that a process runs with, and where they came from.
#[derive(Clone, Debug)]
pub struct InForce {
    sources: Sources,
    given: Given,
    config: Config,
}

/// What is to be in force from now on.
#[derive(Clone, Debug)]
pub struct News {
    given: Given,
    /// The settings: those that can be changed as they were read, the others as they are.
    pub config: Config,
    /// What becomes another, with both values.
    pub changed: Vec<String>,
    /// The names of those that were to become another and stay as they are until a restart.
    pub kept: Vec<String>,
}

impl News {
    /// The settings that are to be in force, for operators.
    pub fn shown(&self) -> Vec<Shown> {
        rows(&self.given)
    }
}

impl InForce {
    /// The settings of a process that begins.
    pub fn new(sources: Sources, given: Given, config: Config) -> Self {
        Self { sources, given, config }
    }

    /// Reads the environment file and the files of tokens again.
    ///
    /// # Errors
    /// With everything that is wrong. What contradicts only a value that stays until a restart is wrong as well: it would be
    /// in force beside that.
    pub fn reread(&self) -> Result<News, Vec<Problem>> {
        // It was read before, so nothing is wrong with it; but that is for others to promise.
        let unread = |error: clap::Error| vec![Problem(format!("the command line: {error}"))];
        let file = self.sources.file();
        let wanted = self.sources.given(file.values, file.problems).map_err(unread)?;
        wanted.config()?;

        let of_wanted = wanted.file.iter().filter(|(name, _)| live::is_live(name));
        let of_present = self.given.file.iter().filter(|(name, _)| !live::is_live(name));
        let mixed = of_wanted.chain(of_present).map(|(name, value)| (name.clone(), value.clone())).collect();
        let given = self.sources.given(mixed, Vec::new()).map_err(unread)?;
        let config = given.config().map_err(|problems| {
            let kept = |Problem(text)| Problem(format!("{text} (with what stays as it is until a restart)"));
            problems.into_iter().map(kept).collect::<Vec<_>>()
        })?;

        let (mut changed, mut kept) = (Vec::new(), Vec::new());
        for setting in settings() {
            let name = &setting.variable;
            let (before, after) = (self.given.value(&setting), given.value(&setting));
            let other_token = match &**name {
                "ATELIER_API_TOKEN_FILE" => self.config.http.token != config.http.token,
                "ATELIER_ADMIN_TOKEN_FILE" => self.config.admin_token != config.admin_token,
                _ => false,
            };
            if before != after {
                changed.push(format!("{name} {} → {}", shown(&setting, before), shown(&setting, after)));
            } else if other_token {
                changed.push(format!("{name} holds another token"));
            }
            if after != wanted.value(&setting) {
                kept.push(setting.variable);
            }
        }
        Ok(News { given, config, changed, kept })
    }

    /// The settings in force, for operators.
    pub fn shown(&self) -> Vec<Shown> {
        rows(&self.given)
    }

    /// Takes what was read for what is in force.
    pub fn adopt(&mut self, news: News) {
        (self.given, self.config) = (news.given, news.config);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use atelier_rig::Scratch;
    use clap::{Args, Command};

    use super::*;
    use crate::config::Raw;

    /// A process that began with this file and these flags.
    fn began(scratch: &Scratch, file: &str, flags: &[&str]) -> InForce {
        let path = scratch.write("edge.env", file);
        let command = Raw::augment_args(Command::new("atelier-edge"));
        let arguments = ["atelier-edge".to_owned(), format!("--env-file={}", path.display())];
        let arguments = arguments.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).map(OsString::from);
        let (sources, given) = Sources::read(command, arguments, []);
        let config = given.config().unwrap();
        InForce::new(sources, given, config)
    }

    fn names(scratch: &Scratch, settings: &InForce, file: &str) -> Vec<String> {
        scratch.write("edge.env", file);
        settings.reread().unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_live_changes_and_the_rest_is_named_until_a_restart() {
        let scratch = Scratch::new("reread");
        let mut settings = began(&scratch, "ATELIER_TTL_LIST=5s\nATELIER_L1_BYTES=1MiB\n", &["--ttl-meta=9s"]);
        let file = "ATELIER_L1_BYTES=2MiB\nATELIER_MISS_PERMITS=3\nATELIER_TTL_META=1s\nDATABASE_URL=postgres://u:hunter2@127.0.0.1/d";
        scratch.write("edge.env", file);
        let news = settings.reread().unwrap();
        // A line that is gone gives the default back; a flag stands before the file.
        assert_eq!(news.changed, ["ATELIER_TTL_LIST 5s → 60s", "ATELIER_MISS_PERMITS 8 → 3"]);
        assert_eq!(news.kept, ["DATABASE_URL", "ATELIER_L1_BYTES"]);
        assert_eq!((news.config.live.miss_permits, news.config.cache.l1_bytes), (3, 1 << 20));
        assert!(news.config.database.is_none());

        settings.adopt(news);
        let news = settings.reread().unwrap();
        assert_eq!(
            (news.changed.len(), &news.kept[..]),
            (0, &["DATABASE_URL", "ATELIER_L1_BYTES"].map(str::to_owned)[..])
        );
        scratch.write("edge.env", "ATELIER_L1_BYTES=1MiB");
        let news = settings.reread().unwrap();
        assert_eq!((&news.changed[..], news.kept.len()), (&["ATELIER_MISS_PERMITS 3 → 8".to_owned()][..], 0));
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let scratch = Scratch::new("reread");
        let settings = began(&scratch, "", &[]);
        let found = names(&scratch, &settings, "ATELIER_TTL_LIST=5\nsoon\nATELIER_TTL=5s\nATELIER_LISTEN=everywhere");
        let begins = ["ATELIER_ENV_FILE", "ATELIER_TTL", "ATELIER_LISTEN", "ATELIER_TTL_LIST"];
        let begins: Vec<_> = begins.iter().map(|name| format!("{name}: ")).collect();
        assert_eq!(found.len(), begins.len(), "{found:#?}");
        assert!(found.iter().zip(&begins).all(|(found, begin)| found.starts_with(begin)), "{found:#?}");
    }

    #[test]
    fn what_contradicts_only_a_value_that_is_kept_is_wrong() {
        let scratch = Scratch::new("reread");
        let settings = began(&scratch, "", &[]);
        let together = "ATELIER_BUDGET=3s\nATELIER_BOUND=5s\n";
        let found = names(&scratch, &settings, together);
        assert!(found.len() == 1 && found[0].starts_with("ATELIER_BOUND: 2000 ms"), "{found:#?}");
        assert!(found[0].ends_with("until a restart)"), "{found:#?}");
        // As settings of a process that begins, nothing is wrong with them.
        began(&scratch, together, &[]);
    }

    #[test]
    fn a_file_with_another_token_is_noticed_and_no_token_is_said() {
        let scratch = Scratch::new("reread");
        let token = scratch.write("token", "hunter2");
        let settings = began(&scratch, "", &[&format!("--admin-token-file={}", token.display())]);
        assert!(settings.reread().unwrap().changed.is_empty());
        scratch.write("token", "hunter3");
        let news = settings.reread().unwrap();
        assert_eq!(news.changed, ["ATELIER_ADMIN_TOKEN_FILE holds another token"]);
        assert!(news.config.admin_token != settings.config.admin_token);
        scratch.write("token", "");
        assert!(settings.reread().unwrap_err()[0].to_string().ends_with("holds no token"));
    }
}
