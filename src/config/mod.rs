//! Settings: from the environment and the command line to typed values, with every problem reported at once.
//!
//! Only `main` knows this module; every other takes its own small settings.

mod raw;
mod show;
mod units;

use std::net::SocketAddr;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::cache::{self, L2Address, L2Settings, Live, ResourceTimes};
use crate::changes::{PollerSettings, Settings as ChangesSettings};
use crate::http::{self, BodyLimits, Downstream, Manners, Token};
use crate::key::Resource;
use crate::model::Extras;
use crate::origin::Rules;
use crate::origin::postgres::{self, Address};
use crate::server;

pub use self::raw::Raw;
pub use self::show::{Form, Setting, settings, write};

/// The exit status of a start that was refused because of its settings (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// How long a statement of a write may take, and how long it may wait for a row that another holds.
const WRITE_STATEMENT: Duration = Duration::from_secs(1);
const WRITE_LOCK: Duration = Duration::from_millis(500);

/// What is wrong with one setting, or with several together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(String);

/// Every setting, typed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Where the admin listener is.
    pub admin_listen: SocketAddr,
    /// How many threads serve.
    pub workers: usize,
    /// What is logged.
    pub log: String,
    /// The PostgreSQL to serve from.
    pub database: Option<Address>,
    /// Limits of its connections.
    pub postgres: postgres::Limits,
    /// How documents are made.
    pub rules: Rules,
    /// The Redis to share answers through.
    pub redis: Option<L2Address>,
    /// Limits of L2.
    pub l2: L2Settings,
    /// Limits of the cache.
    pub cache: cache::Settings,
    /// Limits and times that can be changed while the node serves.
    pub live: Live,
    /// The token of operators.
    pub admin_token: Option<Token>,
    /// How requests are read and answered.
    pub http: http::Settings,
    /// Limits of the public listener.
    pub server: server::Limits,
}

/// Collects values, and what is wrong with those that are none.
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(Problem(text.into()));
    }

    /// Whether none of these settings has a problem so far.
    fn all_read(&self, names: &[&str]) -> bool {
        let name_of = |problem: &Problem| problem.0.split(':').next().unwrap_or_default().to_owned();
        !self.problems.iter().any(|problem| names.contains(&&*name_of(problem)))
    }

    /// The value of a setting; its default type when the text is no value, since nothing is started then.
    fn take<T: Default>(&mut self, name: &str, text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        match parse(text) {
            Ok(value) => value,
            Err(why) => {
                self.problem(format!("{name}: {text:?} {why}"));
                T::default()
            }
        }
    }

    /// A number within limits, as any integer type.
    fn within<T: TryFrom<u64> + Default>(&mut self, name: &str, text: &str, number: u64, least: u64, most: u64) -> T {
        if !(least..=most).contains(&number) {
            self.problem(format!("{name}: {text:?} is not within {least} and {most}"));
            return T::default();
        }
        T::try_from(number).unwrap_or_default()
    }

    fn number<T: TryFrom<u64> + Default>(&mut self, name: &str, text: &str, least: u64, most: u64) -> T {
        let before = self.problems.len();
        let number = self.take(name, text, units::number);
        if self.problems.len() > before { T::default() } else { self.within(name, text, number, least, most) }
    }

    fn size<T: TryFrom<u64> + Default>(&mut self, name: &str, text: &str, least: u64, most: u64) -> T {
        let before = self.problems.len();
        let bytes = self.take(name, text, units::size);
        if self.problems.len() > before { T::default() } else { self.within(name, text, bytes, least, most) }
    }

    fn duration(&mut self, name: &str, text: &str) -> Duration {
        self.take(name, text, units::duration)
    }

    /// A time that something has to end within: zero would end it before it began.
    fn limit(&mut self, name: &str, text: &str) -> Duration {
        let before = self.problems.len();
        let limit = self.duration(name, text);
        if limit.is_zero() && self.problems.len() == before {
            self.problem(format!("{name}: {text:?} leaves no time at all"));
        }
        limit
    }

    fn cells(&mut self, name: &str, text: &str) -> usize {
        let cells: usize = self.number(name, text, 1, 1 << 30);
        if cells != 0 && !cells.is_power_of_two() {
            self.problem(format!("{name}: {text:?} is not a power of two"));
        }
        cells
    }

    fn times(&mut self, raw: &Raw) -> [ResourceTimes; Resource::ALL.len()] {
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

    fn downstream(&mut self, raw: &Raw) -> Downstream {
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

    fn switch(&mut self, name: &str, text: &str) -> bool {
        self.take(name, text, units::switch)
    }

    /// An optional value whose type says itself what is wrong. The text is not repeated: it may hold a password.
    fn secret<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str, text: Option<&str>) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("{name}: {error}"));
                None
            }
        }
    }

    fn token(&mut self, name: &str, path: Option<&str>) -> Option<Token> {
        let path = path?;
        match std::fs::read(path) {
            Err(error) => self.problem(format!("{name}: {path:?} cannot be read: {error}")),
            Ok(bytes) if bytes.trim_ascii().is_empty() => self.problem(format!("{name}: {path:?} holds no token")),
            Ok(bytes) => return Some(Token::new(bytes.trim_ascii())),
        }
        None
    }
}

impl Config {
    /// The typed settings.
    ///
    /// # Errors
    /// With everything that is wrong: values that cannot be read, values that contradict each other, and variables in
    /// `environment` that begin with `ATELIER_` but are no setting.
    pub fn new(raw: &Raw, environment: impl IntoIterator<Item = String>) -> Result<Self, Vec<Problem>> {
        let mut read = Reader { problems: Vec::new() };
        let known: Vec<_> = settings().into_iter().map(|setting| setting.variable).collect();
        for name in environment {
            if name.starts_with("ATELIER_") && !known.contains(&name) {
                read.problem(format!("{name}: there is no such setting"));
            }
        }

        const GIB: u64 = 1 << 30;
        let rules = Rules {
            rows_max: read.number("ATELIER_ROWS_MAX", &raw.rows_max, 1, 100_000),
            extras: Extras { campus: raw.campus.clone(), dates: raw.product_dates.clone() },
        };
        let body_max = read.size("ATELIER_BODY_MAX", &raw.body_max, 100_000, GIB);
        let token = read.token("ATELIER_API_TOKEN_FILE", raw.api_token_file.as_deref());
        let admin_token = read.token("ATELIER_ADMIN_TOKEN_FILE", raw.admin_token_file.as_deref());
        let poll_timeout = read.limit("ATELIER_POLL_TIMEOUT", &raw.poll_timeout);
        let permit_wait = read.limit("ATELIER_PERMIT_WAIT", &raw.permit_wait);
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut address =
            |name, text: &str| read.take(name, text, |text| units::value(text).map(Some)).unwrap_or(anywhere);
        let config = Self {
            listen: address("ATELIER_LISTEN", &raw.listen),
            admin_listen: address("ATELIER_ADMIN_LISTEN", &raw.admin_listen),
            workers: match read.number("ATELIER_WORKERS", &raw.workers, 0, 1024) {
                0 => std::thread::available_parallelism().map_or(1, usize::from),
                workers => workers,
            },
            log: raw.log.clone(),
            database: read.secret("DATABASE_URL", raw.database_url.as_deref()),
            postgres: postgres::Limits {
                readers: read.number("ATELIER_DB_READERS", &raw.db_readers, 1, 64),
                statement: read.limit("ATELIER_STATEMENT", &raw.statement),
                connect: read.limit("ATELIER_DB_CONNECT", &raw.db_connect),
                poll: postgres::PollLimits {
                    statement: poll_timeout,
                    resync: poll_timeout * 10,
                    age: read.limit("ATELIER_POLL_CONN_AGE", &raw.poll_conn_age),
                },
                write: postgres::WriteLimits {
                    permits: read.number("ATELIER_WRITE_PERMITS", &raw.write_permits, 1, 1024),
                    permit_wait,
                    budget: read.limit("ATELIER_WRITE_BUDGET", &raw.write_budget),
                    statement: WRITE_STATEMENT,
                    lock: WRITE_LOCK,
                    age: read.limit("ATELIER_DB_CONN_AGE", &raw.db_conn_age),
                },
            },
            redis: read.secret("REDIS_URL", raw.redis_url.as_deref()),
            l2: L2Settings {
                timeout: read.limit("ATELIER_REDIS_TIMEOUT", &raw.redis_timeout),
                in_flight: read.number("ATELIER_REDIS_INFLIGHT", &raw.redis_inflight, 1, 65_536),
                entry_max: read.size("ATELIER_L2_ENTRY_MAX", &raw.l2_entry_max, 0, GIB / 2),
                ttl: read.duration("ATELIER_L2_TTL", &raw.l2_ttl),
                hints: read.switch("ATELIER_HINT", &raw.hint),
                rules: digest(&rules),
            },
            cache: cache::Settings {
                l1_bytes: read.size("ATELIER_L1_BYTES", &raw.l1_bytes, 0, 1 << 50),
                l1_entry_max: read.size("ATELIER_L1_ENTRY_MAX", &raw.l1_entry_max, 0, GIB),
                absent_max: read.number("ATELIER_ABSENT_MAX", &raw.absent_max, 0, 1 << 40),
                boot_wait: read.limit("ATELIER_BOOT_WAIT", &raw.boot_wait),
                blind_unready: read.duration("ATELIER_BLIND_UNREADY", &raw.blind_unready),
                poller: PollerSettings {
                    interval: read.limit("ATELIER_POLL", &raw.poll),
                    timeout: poll_timeout,
                    tags_max: read.number("ATELIER_POLL_TAGS_MAX", &raw.poll_tags_max, 1, 1 << 24),
                    kept_max: read.number("ATELIER_REPLAY_TAGS_MAX", &raw.replay_tags_max, 1, 1 << 28),
                    hint_min: read.duration("ATELIER_HINT_MIN", &raw.hint_min),
                    retention: read.limit("ATELIER_OUTBOX_RETENTION", &raw.outbox_retention),
                },
                changes: ChangesSettings {
                    bound: read.limit("ATELIER_BOUND", &raw.bound),
                    cells: read.cells("ATELIER_FLOOR_CELLS", &raw.floor_cells),
                    filter: read.switch("ATELIER_FILTER", &raw.filter),
                },
            },
            live: Live {
                times: read.times(raw),
                budget: read.limit("ATELIER_BUDGET", &raw.budget),
                blind_wait: read.duration("ATELIER_BLIND_WAIT", &raw.blind_wait),
                miss_permits: read.number("ATELIER_MISS_PERMITS", &raw.miss_permits, 1, 65_536),
                miss_queue: read.number("ATELIER_MISS_QUEUE", &raw.miss_queue, 0, 1 << 20),
                permit_wait,
                refresh_concurrency: read.number("ATELIER_REFRESH_CONCURRENCY", &raw.refresh_concurrency, 1, 65_536),
                refresh_queue: read.number("ATELIER_REFRESH_QUEUE", &raw.refresh_queue, 0, 1 << 20),
            },
            admin_token,
            http: http::Settings {
                rows_max: rules.rows_max,
                target_max: read.size("ATELIER_TARGET_MAX", &raw.target_max, 64, 65_534),
                body: BodyLimits { size: body_max, time: read.limit("ATELIER_BODY_TIMEOUT", &raw.body_timeout) },
                aliases: read.switch("ATELIER_ALIASES", &raw.aliases),
                manners: Manners::new(
                    token.is_some(),
                    read.switch("ATELIER_CACHE_STATUS", &raw.cache_status),
                    read.switch("ATELIER_ORD_HEADER", &raw.ord_header),
                    read.downstream(raw),
                ),
                token,
            },
            server: server::Limits {
                name: "public",
                connections: read.number("ATELIER_MAX_CONNS", &raw.max_conns, 1, 1 << 20),
                head_time: read.limit("ATELIER_HEAD_TIMEOUT", &raw.head_timeout),
                head_size: read.size("ATELIER_HEAD_MAX", &raw.head_max, 1 << 10, 1 << 20),
                drain_idle: read.duration("ATELIER_DRAIN_IDLE", &raw.drain_idle),
                drain_max: read.limit("ATELIER_DRAIN_MAX", &raw.drain_max),
            },
            rules,
        };
        if let Err(error) = crate::telemetry::check(&config.log) {
            read.problem(format!("ATELIER_LOG: {:?} is not a filter: {error}", config.log));
        }
        config.contradictions(&mut read);
        if read.problems.is_empty() { Ok(config) } else { Err(read.problems) }
    }

    /// Values that are right for themselves and wrong together. Those with a problem of their own are not compared.
    fn contradictions(&self, read: &mut Reader) {
        let millis = |duration: Duration| duration.as_millis();
        let fetch = [
            "ATELIER_BUDGET",
            "ATELIER_BLIND_WAIT",
            "ATELIER_REDIS_TIMEOUT",
            "ATELIER_PERMIT_WAIT",
            "ATELIER_STATEMENT",
        ];
        // The parts of a read that may wait: for a poll, for a look into L2, for a permit, for the statement.
        let longest = self.live.blind_wait
            + self.l2.timeout
            + self.live.permit_wait
            + self.postgres.statement
            + postgres::STATEMENT_GRACE;
        if read.all_read(&fetch) && longest >= self.live.budget {
            read.problem(format!(
                "ATELIER_BUDGET: {} ms is not more than a read may take: ATELIER_BLIND_WAIT + ATELIER_REDIS_TIMEOUT + \
                 ATELIER_PERMIT_WAIT + ATELIER_STATEMENT + 50 ms are {} ms",
                millis(self.live.budget),
                millis(longest)
            ));
        }
        let write = &self.postgres.write;
        let longest = write.permit_wait + write.statement + write.lock;
        if read.all_read(&["ATELIER_PERMIT_WAIT", "ATELIER_WRITE_BUDGET"]) && longest >= write.budget {
            read.problem(format!(
                "ATELIER_WRITE_BUDGET: {} ms is not more than a write may take: ATELIER_PERMIT_WAIT + 1500 ms are {} ms",
                millis(write.budget),
                millis(longest)
            ));
        }
        let bound = self.cache.changes.bound;
        let (poll, least) = (&self.cache.poller, self.cache.poller.interval + 2 * self.cache.poller.timeout);
        let polls = ["ATELIER_BOUND", "ATELIER_POLL", "ATELIER_POLL_TIMEOUT"];
        if read.all_read(&polls) && bound < least {
            read.problem(format!(
                "ATELIER_BOUND: {} ms is less than ATELIER_POLL + 2 × ATELIER_POLL_TIMEOUT, which are {} ms: one poll that \
                 fails would leave nothing provable",
                millis(bound),
                millis(least)
            ));
        }
        if read.all_read(&["ATELIER_BOUND", "ATELIER_BUDGET"]) && bound <= self.live.budget {
            read.problem(format!(
                "ATELIER_BOUND: {} ms is not more than ATELIER_BUDGET, so that a read could be outdated when it ends",
                millis(bound)
            ));
        }
        if read.all_read(&["ATELIER_OUTBOX_RETENTION", "ATELIER_L2_TTL"]) && poll.retention < self.l2.ttl {
            read.problem(
                "ATELIER_OUTBOX_RETENTION: is shorter than ATELIER_L2_TTL, so that nothing in Redis could be proved by a \
                 node that starts",
            );
        }
        let drain = ["ATELIER_DRAIN_IDLE", "ATELIER_DRAIN_MAX"];
        if read.all_read(&drain) && self.server.drain_idle >= self.server.drain_max {
            read.problem("ATELIER_DRAIN_IDLE: is not shorter than ATELIER_DRAIN_MAX");
        }
        let listeners = ["ATELIER_LISTEN", "ATELIER_ADMIN_LISTEN"];
        if read.all_read(&listeners) && self.listen == self.admin_listen && self.listen.port() != 0 {
            read.problem("ATELIER_ADMIN_LISTEN: is the same as ATELIER_LISTEN");
        }
        if !self.admin_listen.ip().is_loopback() {
            read.problem("ATELIER_ADMIN_LISTEN: is not an address of loopback");
        }
    }
}

/// A number for rules under which documents come out differently, so that nodes with other rules do not share entries.
fn digest(rules: &Rules) -> u32 {
    let text = format!("{rules:?}");
    // The lower half of the hash is as good as any.
    xxh3_64(text.as_bytes()) as u32
}

#[cfg(test)]
mod tests;
