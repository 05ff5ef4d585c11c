//! Settings from their texts, with everything that is wrong with them.

use std::time::Duration;

use atelier_connect::small_file;

use super::raw::Raw;
use super::{Problem, units};
use crate::breaker;
use crate::cache::{Memory, ResourceTimes, Warm};
use crate::http::{Downstream, Token};
use crate::key::Resource;
use crate::memory;
use crate::origin::postgres;

/// How long a statement of a write may take, and how long it may wait for a row that another holds.
const WRITE_STATEMENT: Duration = Duration::from_secs(1);
const WRITE_LOCK: Duration = Duration::from_millis(500);

/// The most bytes of a token; with more, no head would have room for it.
const TOKEN_MAX: u64 = 4096;

/// The most keys that are kept for a restart: a list of so many takes 40 MB.
const WARM_KEYS_MAX: u64 = 1_000_000;

/// Collects values, and what is wrong with those that are none.
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(Problem(text.into()));
    }

    /// Whether none of these settings has a problem so far.
    pub(super) fn all_read(&self, names: &[&str]) -> bool {
        let name_of = |problem: &Problem| problem.0.split(':').next().unwrap_or_default().to_owned();
        !self.problems.iter().any(|problem| names.contains(&&*name_of(problem)))
    }

    /// The value of a setting; its default type when the text is no value, since nothing is started then.
    pub(super) fn take<T: Default>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        match parse(text) {
            Ok(value) => value,
            Err(why) => {
                self.problem(format!("{name}: {text:?} {why}"));
                T::default()
            }
        }
    }

    /// A number within limits, as any integer type.
    pub(super) fn within<T: TryFrom<u64> + Default>(
        &mut self,
        name: &str,
        text: &str,
        number: u64,
        least: u64,
        most: u64,
    ) -> T {
        if !(least..=most).contains(&number) {
            self.problem(format!("{name}: {text:?} is not within {least} and {most}"));
            return T::default();
        }
        T::try_from(number).unwrap_or_default()
    }

    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, name: &str, text: &str, least: u64, most: u64) -> T {
        let before = self.problems.len();
        let number = self.take(name, text, units::number);
        if self.problems.len() > before { T::default() } else { self.within(name, text, number, least, most) }
    }

    pub(super) fn size<T: TryFrom<u64> + Default>(&mut self, name: &str, text: &str, least: u64, most: u64) -> T {
        let before = self.problems.len();
        let bytes = self.take(name, text, units::size);
        if self.problems.len() > before { T::default() } else { self.within(name, text, bytes, least, most) }
    }

    pub(super) fn duration(&mut self, name: &str, text: &str) -> Duration {
        self.take(name, text, units::duration)
    }

    /// A time that something has to end within: zero would end it before it began.
    pub(super) fn limit(&mut self, name: &str, text: &str) -> Duration {
        let before = self.problems.len();
        let limit = self.duration(name, text);
        if limit.is_zero() && self.problems.len() == before {
            self.problem(format!("{name}: {text:?} leaves no time at all"));
        }
        limit
    }

    pub(super) fn cells(&mut self, name: &str, text: &str) -> usize {
        let cells: usize = self.number(name, text, 1, 1 << 30);
        if cells != 0 && !cells.is_power_of_two() {
            self.problem(format!("{name}: {text:?} is not a power of two"));
        }
        cells
    }

    pub(super) fn times(&mut self, raw: &Raw) -> [ResourceTimes; Resource::ALL.len()] {
        let ttl = [
            self.duration("ATELIER_TTL_LIST", &raw.ttl_list),
            self.duration("ATELIER_TTL_PRODUCT", &raw.ttl_product),
            self.duration("ATELIER_TTL_STYLES", &raw.ttl_styles),
            self.duration("ATELIER_TTL_RELATED", &raw.ttl_related),
            self.duration("ATELIER_TTL_REVIEWS", &raw.ttl_reviews),
            self.duration("ATELIER_TTL_META", &raw.ttl_meta),
            self.duration("ATELIER_TTL_QUESTIONS", &raw.ttl_questions),
            self.duration("ATELIER_TTL_ANSWERS", &raw.ttl_answers),
        ];
        let each = |text: &str| units::per_resource(text, units::duration);
        let absent_ttl = self.take("ATELIER_ABSENT_TTL", &raw.absent_ttl, each);
        let grace = self.take("ATELIER_GRACE", &raw.grace, each);
        let stale_limit = self.take("ATELIER_STALE_LIMIT", &raw.stale_limit, each);
        let jitter = self.take("ATELIER_TTL_JITTER", &raw.ttl_jitter, |text| units::per_resource(text, units::share));
        let early_refresh =
            self.take("ATELIER_EARLY_REFRESH", &raw.early_refresh, |text| units::per_resource(text, units::factor));
        std::array::from_fn(|place| ResourceTimes {
            ttl: ttl[place],
            absent_ttl: absent_ttl[place],
            grace: grace[place],
            stale_limit: stale_limit[place],
            jitter: jitter[place],
            early_refresh: early_refresh[place],
        })
    }

    pub(super) fn breaker(&mut self, raw: &Raw) -> breaker::Settings {
        let (open, open_max) = self.take("ATELIER_BREAKER_OPEN", &raw.breaker_open, units::range);
        let fails = self.number("ATELIER_BREAKER_FAILS", &raw.breaker_fails, 1, 1 << 20);
        breaker::Settings { fails, open, open_max }
    }

    /// Where memory gets short; `None` when nothing limits it.
    pub(super) fn memory(&mut self, raw: &Raw) -> Option<Memory> {
        let given = raw.mem_limit.as_deref().map(|text| self.size("ATELIER_MEM_LIMIT", text, 1 << 20, 1 << 50));
        let soft = self.take("ATELIER_MEM_SOFT", &raw.mem_soft, units::share);
        let hard = self.take("ATELIER_MEM_HARD", &raw.mem_hard, units::share);
        if self.all_read(&["ATELIER_MEM_SOFT", "ATELIER_MEM_HARD"]) && soft >= hard {
            self.problem(format!("ATELIER_MEM_SOFT: {} is not less than ATELIER_MEM_HARD", raw.mem_soft));
        }
        let limit = given.or_else(memory::limit)?;
        let share = |share: f64| (limit as f64 * share) as u64;
        Some(Memory { limit, soft: share(soft), hard: share(hard) })
    }

    pub(super) fn postgres(&mut self, raw: &Raw, poll_timeout: Duration) -> postgres::Limits {
        postgres::Limits {
            readers: self.number("ATELIER_DB_READERS", &raw.db_readers, 1, 64),
            statement: self.limit("ATELIER_STATEMENT", &raw.statement),
            connect: self.limit("ATELIER_DB_CONNECT", &raw.db_connect),
            poll: postgres::PollLimits {
                statement: poll_timeout,
                resync: poll_timeout * 10,
                age: self.limit("ATELIER_POLL_CONN_AGE", &raw.poll_conn_age),
            },
            write: postgres::WriteLimits {
                permits: self.number("ATELIER_WRITE_PERMITS", &raw.write_permits, 1, 1024),
                wait: self.limit("ATELIER_WRITE_WAIT", &raw.write_wait),
                budget: self.limit("ATELIER_WRITE_BUDGET", &raw.write_budget),
                statement: WRITE_STATEMENT,
                lock: WRITE_LOCK,
                age: self.limit("ATELIER_DB_CONN_AGE", &raw.db_conn_age),
            },
        }
    }

    pub(super) fn downstream(&mut self, raw: &Raw) -> Downstream {
        let downstream = Downstream {
            max_age: self.duration("ATELIER_MAX_AGE", &raw.max_age),
            cdn_ttl: self.duration("ATELIER_CDN_TTL", &raw.cdn_ttl),
        };
        let accepted = match raw.downstream_staleness.as_deref() {
            None => false,
            Some("accepted") => true,
            Some(text) => {
                self.problem(format!("ATELIER_DOWNSTREAM_STALENESS: {text:?} is not `accepted`"));
                return downstream;
            }
        };
        for (name, kept) in [("ATELIER_MAX_AGE", downstream.max_age), ("ATELIER_CDN_TTL", downstream.cdn_ttl)] {
            if !kept.is_zero() && !accepted {
                self.problem(format!(
                    "{name}: copies kept elsewhere add their age to ATELIER_BOUND; \
                     ATELIER_DOWNSTREAM_STALENESS=accepted says that this is meant"
                ));
            }
        }
        downstream
    }

    /// What outlives a restart, if there is a place for it and it is wanted.
    pub(super) fn warm(&mut self, raw: &Raw) -> Option<Warm> {
        let keys = self.number("ATELIER_WARM_KEYS", &raw.warm_keys, 0, WARM_KEYS_MAX);
        let folder = raw.state_dir.as_deref()?;
        match std::fs::metadata(folder) {
            Ok(found) if found.is_dir() => (keys > 0).then(|| Warm { folder: folder.into(), keys }),
            Ok(_) => {
                self.problem(format!("ATELIER_STATE_DIR: {folder:?} is not a folder"));
                None
            }
            Err(error) => {
                self.problem(format!("ATELIER_STATE_DIR: {folder:?} cannot be used: {error}"));
                None
            }
        }
    }

    pub(super) fn switch(&mut self, name: &str, text: &str) -> bool {
        self.take(name, text, units::switch)
    }

    /// An optional value whose type says itself what is wrong. The text is not repeated: it may hold a password.
    pub(super) fn secret<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &str,
        text: Option<&str>,
    ) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("{name}: {error}"));
                None
            }
        }
    }

    /// An optional list, whose type says itself what is wrong with it.
    pub(super) fn list<T: std::str::FromStr<Err = String> + Default>(&mut self, name: &str, text: Option<&str>) -> T {
        text.map_or_else(T::default, |text| self.take(name, text, str::parse))
    }

    pub(super) fn token(&mut self, name: &str, path: Option<&str>) -> Option<Token> {
        let path = path?;
        match small_file::read(path.as_ref(), TOKEN_MAX) {
            Ok(None) => {
                self.problem(format!("{name}: {path:?} is longer than {TOKEN_MAX} bytes, so it is not a token"));
            }
            Err(error) => self.problem(format!("{name}: {path:?} cannot be read: {error}")),
            Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => {
                self.problem(format!("{name}: {path:?} holds no token"));
            }
            Ok(Some(bytes)) => return Some(Token::new(bytes.trim_ascii())),
        }
        None
    }
}
