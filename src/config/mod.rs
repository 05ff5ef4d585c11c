//! Settings: from the environment and the command line to typed values, with every problem reported at once.
//!
//! Only `main`, `reload` and `purge` know this module; every other takes its own small settings.

mod contradictions;
mod env_file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod given;
mod live;
mod places;
mod raw;
mod reader;
mod reread;
mod show;
mod supplied;
mod units;

use std::net::SocketAddr;

use xxhash_rust::xxh3::xxh3_64;

use crate::cache::{self, L2Address, L2Settings, Live};
use crate::changes::{PollerSettings, Settings as ChangesSettings};
use crate::http::{self, BodyLimits, Lines, Manners, Token};
use crate::model::Extras;
use crate::origin::Rules;
use crate::origin::postgres::{self, Address};
use crate::server;

use self::reader::Reader;

pub use self::given::{Given, Sources};
pub use self::raw::Raw;
pub use self::reread::{InForce, News};
pub use self::show::{Form, Setting, settings, write};

/// The exit status of a start that was refused because of its settings (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

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
        let breaker = read.breaker(raw);
        let postgres = read.postgres(raw, poll_timeout);
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
            database: read.database(raw),
            redis: read.redis(raw),
            l2: L2Settings {
                timeout: read.limit("ATELIER_REDIS_TIMEOUT", &raw.redis_timeout),
                in_flight: read.number("ATELIER_REDIS_INFLIGHT", &raw.redis_inflight, 1, 65_536),
                entry_max: read.size("ATELIER_L2_ENTRY_MAX", &raw.l2_entry_max, 0, GIB / 2),
                ttl: read.duration("ATELIER_L2_TTL", &raw.l2_ttl),
                breaker,
                hints: read.switch("ATELIER_HINT", &raw.hint),
                rules: digest(&rules),
            },
            cache: cache::Settings {
                l1_bytes: read.size("ATELIER_L1_BYTES", &raw.l1_bytes, 0, 1 << 50),
                l1_entry_max: read.size("ATELIER_L1_ENTRY_MAX", &raw.l1_entry_max, 0, GIB),
                absent_max: read.number("ATELIER_ABSENT_MAX", &raw.absent_max, 0, 1 << 40),
                boot_wait: read.limit("ATELIER_BOOT_WAIT", &raw.boot_wait),
                blind_unready: read.duration("ATELIER_BLIND_UNREADY", &raw.blind_unready),
                fetch: postgres.statement + postgres::STATEMENT_GRACE,
                memory: read.memory(raw),
                warm: read.warm(raw),
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
                shed_target: read.limit("ATELIER_SHED_TARGET", &raw.shed_target),
                fail_ttl: read.duration("ATELIER_FAIL_TTL", &raw.fail_ttl),
                followers_max: read.number("ATELIER_FOLLOWERS_MAX", &raw.followers_max, 1, 1 << 30),
                client_miss_rate: read.number("ATELIER_CLIENT_MISS_RATE", &raw.client_miss_rate, 0, 1_000_000),
                breaker,
                refresh_concurrency: read.number("ATELIER_REFRESH_CONCURRENCY", &raw.refresh_concurrency, 1, 65_536),
                refresh_queue: read.number("ATELIER_REFRESH_QUEUE", &raw.refresh_queue, 0, 1 << 20),
                shadow: read.number("ATELIER_SHADOW", &raw.shadow, 0, 1_000_000_000),
            },
            postgres,
            admin_token,
            http: http::Settings {
                rows_max: rules.rows_max,
                target_max: read.size("ATELIER_TARGET_MAX", &raw.target_max, 64, 65_534),
                body: BodyLimits { size: body_max, time: read.limit("ATELIER_BODY_TIMEOUT", &raw.body_timeout) },
                hosts: read.list("ATELIER_HOSTS", raw.hosts.as_deref()),
                proxies: read.list("ATELIER_TRUSTED_PROXIES", raw.trusted_proxies.as_deref()),
                aliases: read.switch("ATELIER_ALIASES", &raw.aliases),
                manners: Manners::new(
                    token.is_some(),
                    read.switch("ATELIER_CACHE_STATUS", &raw.cache_status),
                    read.switch("ATELIER_ORD_HEADER", &raw.ord_header),
                    read.downstream(raw),
                ),
                lines: Lines {
                    slow: read.limit("ATELIER_LOG_SLOW", &raw.log_slow),
                    one_of: read.number("ATELIER_LOG_SAMPLE", &raw.log_sample, 0, 1_000_000_000),
                },
                token,
            },
            server: server::Limits {
                name: "public",
                connections: read.number("ATELIER_MAX_CONNS", &raw.max_conns, 1, 1 << 20),
                head_time: read.limit("ATELIER_HEAD_TIMEOUT", &raw.head_timeout),
                head_size: read.size("ATELIER_HEAD_MAX", &raw.head_max, 1 << 10, 1 << 20),
                write_stall: read.limit("ATELIER_WRITE_STALL", &raw.write_stall),
                send_buffer: read.size("ATELIER_SEND_BUFFER", &raw.send_buffer, 16 << 10, GIB),
                is_first: false,
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

    /// What a process needs that serves nothing and writes to the database: where it is, and limits. No other setting is looked
    /// at, so a token that only the node may read is no hindrance.
    ///
    /// # Errors
    /// With everything that is wrong with these.
    pub fn database(raw: &Raw) -> Result<(Option<Address>, postgres::Limits), Vec<Problem>> {
        let mut read = Reader { problems: Vec::new() };
        let address = read.database(raw);
        let poll_timeout = read.limit("ATELIER_POLL_TIMEOUT", &raw.poll_timeout);
        let limits = read.postgres(raw, poll_timeout);
        if read.problems.is_empty() { Ok((address, limits)) } else { Err(read.problems) }
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
