//! Every setting once: flag, variable, default, unit, help. What is collected here is text; `config` makes values of it.

use std::fmt;

use clap::Args;

/// The settings as they were given. Their texts may hold passwords, so none is shown.
#[derive(Args, Clone)]
#[command(next_help_heading = "Settings")]
pub struct Raw {
    /// Where the API is served.
    #[arg(long, env = "ATELIER_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS", global = true)]
    pub(super) listen: String,
    /// Where the page for operators is, /metrics, /livez, /readyz, /config, /log, /entry and /purge; never reachable for the public.
    #[arg(long, env = "ATELIER_ADMIN_LISTEN", default_value = "127.0.0.1:9090", value_name = "ADDRESS", global = true)]
    pub(super) admin_listen: String,
    /// How many threads serve; 0 is one per core.
    #[arg(long, env = "ATELIER_WORKERS", default_value = "0", value_name = "NUMBER", global = true)]
    pub(super) workers: String,
    /// What is logged: error, warn, info, debug, or per module as in info,atelier_edge::cache=debug.
    #[arg(long, env = "ATELIER_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub(super) log: String,
    /// From which duration on the answer to a request is logged; one that failed (5xx) always is.
    #[arg(long, env = "ATELIER_LOG_SLOW", default_value = "500ms", value_name = "DURATION", global = true)]
    pub(super) log_slow: String,
    /// Of answers that are neither slow nor failed, one in so many is logged; 0 is none.
    #[arg(long, env = "ATELIER_LOG_SAMPLE", default_value = "1000", value_name = "NUMBER", global = true)]
    pub(super) log_sample: String,
    /// A file of NAME=value lines: settings that come before the environment and behind flags. SIGHUP has it read again.
    #[arg(long, env = "ATELIER_ENV_FILE", value_name = "FILE", global = true)]
    pub(super) env_file: Option<String>,

    /// The PostgreSQL to serve from, as postgres://user:password@host/database; without it the embedded sample is served.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub(super) database_url: Option<String>,
    /// The Redis to share answers through, as rediss://user:password@host/number; without it there is no L2.
    #[arg(long, env = "REDIS_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub(super) redis_url: Option<String>,
    /// A file with the password for PostgreSQL, when DATABASE_URL has none.
    #[arg(long, env = "ATELIER_DATABASE_PASSWORD_FILE", value_name = "FILE", global = true)]
    pub(super) database_password_file: Option<String>,
    /// A PEM file of the authorities that PostgreSQL's certificate may come from; without it those that the system trusts.
    #[arg(long, env = "ATELIER_DB_CA_FILE", value_name = "FILE", global = true)]
    pub(super) db_ca_file: Option<String>,
    /// A file with the password for Redis, when REDIS_URL has none.
    #[arg(long, env = "ATELIER_REDIS_PASSWORD_FILE", value_name = "FILE", global = true)]
    pub(super) redis_password_file: Option<String>,
    /// A PEM file of the authorities that the certificate of Redis may come from; without it those that the system trusts.
    #[arg(long, env = "ATELIER_REDIS_CA_FILE", value_name = "FILE", global = true)]
    pub(super) redis_ca_file: Option<String>,
    /// Must be `accepted` for redis:// to another machine, where rediss:// is meant to be: it can be read and changed on the way.
    #[arg(long, env = "ATELIER_REDIS_PLAINTEXT", value_name = "WORD", global = true)]
    pub(super) redis_plaintext: Option<String>,

    /// A folder for what outlives a restart: the keys of the answers that were asked for most. Without it a start is cold.
    #[arg(long, env = "ATELIER_STATE_DIR", value_name = "FOLDER", global = true)]
    pub(super) state_dir: Option<String>,
    /// How many of those keys are kept; 0 is none.
    #[arg(long, env = "ATELIER_WARM_KEYS", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) warm_keys: String,

    /// How much memory the answers held in process may take; what each costs besides its bytes is counted.
    #[arg(long, env = "ATELIER_L1_BYTES", default_value = "256MiB", value_name = "SIZE", global = true)]
    pub(super) l1_bytes: String,
    /// The largest answer that is held in process, counted without encodings.
    #[arg(long, env = "ATELIER_L1_ENTRY_MAX", default_value = "1MiB", value_name = "SIZE", global = true)]
    pub(super) l1_entry_max: String,
    /// How many answers without content (unknown ids, pages past the end) are held besides, of about 1 KB each.
    #[arg(long, env = "ATELIER_ABSENT_MAX", default_value = "100000", value_name = "NUMBER", global = true)]
    pub(super) absent_max: String,
    /// How long an answer without content is fresh; this and the four below may name resources, as in 30s,reviews=5s.
    #[arg(long, env = "ATELIER_ABSENT_TTL", default_value = "30s", value_name = "DURATION,…", global = true)]
    pub(super) absent_ttl: String,

    /// How much memory the process may take; without it what the cgroup or ulimit leaves it counts, if they limit it.
    #[arg(long, env = "ATELIER_MEM_LIMIT", value_name = "SIZE", global = true)]
    pub(super) mem_limit: Option<String>,
    /// At which share of that nothing more is held, and some of what is makes room.
    #[arg(long, env = "ATELIER_MEM_SOFT", default_value = "80%", value_name = "SHARE", global = true)]
    pub(super) mem_soft: String,
    /// At which share nothing is fetched.
    #[arg(long, env = "ATELIER_MEM_HARD", default_value = "90%", value_name = "SHARE", global = true)]
    pub(super) mem_hard: String,

    /// How long a page of the product list is fresh.
    #[arg(long, env = "ATELIER_TTL_LIST", default_value = "60s", value_name = "DURATION", global = true)]
    pub(super) ttl_list: String,
    /// How long a product is fresh.
    #[arg(long, env = "ATELIER_TTL_PRODUCT", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_product: String,
    /// How long the styles of a product are fresh.
    #[arg(long, env = "ATELIER_TTL_STYLES", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_styles: String,
    /// How long the related products of a product are fresh.
    #[arg(long, env = "ATELIER_TTL_RELATED", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_related: String,
    /// How long a page of reviews is fresh.
    #[arg(long, env = "ATELIER_TTL_REVIEWS", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_reviews: String,
    /// How long the ratings of a product are fresh.
    #[arg(long, env = "ATELIER_TTL_META", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_meta: String,
    /// How long a page of questions is fresh.
    #[arg(long, env = "ATELIER_TTL_QUESTIONS", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_questions: String,
    /// How long a page of answers is fresh.
    #[arg(long, env = "ATELIER_TTL_ANSWERS", default_value = "300s", value_name = "DURATION", global = true)]
    pub(super) ttl_answers: String,
    /// By which share at most the above are shortened, by key and node, so that answers do not expire together.
    #[arg(long, env = "ATELIER_TTL_JITTER", default_value = "10%", value_name = "SHARE,…", global = true)]
    pub(super) ttl_jitter: String,
    /// How much longer an answer is served while it is fetched again: after its ttl, and, labelled, after a soft purge.
    #[arg(long, env = "ATELIER_GRACE", default_value = "60s", value_name = "DURATION,…", global = true)]
    pub(super) grace: String,
    /// How old an answer may get that is served, labelled, while the database is out.
    #[arg(long, env = "ATELIER_STALE_LIMIT", default_value = "1h", value_name = "DURATION,…", global = true)]
    pub(super) stale_limit: String,
    /// How early hot answers are fetched again before their ttl ends: 1 is the usual, 0 never.
    #[arg(long, env = "ATELIER_EARLY_REFRESH", default_value = "1", value_name = "NUMBER,…", global = true)]
    pub(super) early_refresh: String,
    /// Whether ids that do not exist are known in advance, so that asking for them costs nothing.
    #[arg(long, env = "ATELIER_FILTER", default_value = "on", value_name = "ON|OFF", global = true)]
    pub(super) filter: String,
    /// How many answers are fetched again behind readers' backs at once.
    #[arg(long, env = "ATELIER_REFRESH_CONCURRENCY", default_value = "2", value_name = "NUMBER", global = true)]
    pub(super) refresh_concurrency: String,
    /// How many of those wait for their turn; beyond, they are left to the next reader.
    #[arg(long, env = "ATELIER_REFRESH_QUEUE", default_value = "256", value_name = "NUMBER", global = true)]
    pub(super) refresh_queue: String,
    /// Of how many answers from memory one is compared with what the database says, which finds wrong ones; 0 is none.
    #[arg(long, env = "ATELIER_SHADOW", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) shadow: String,

    /// How long a committed write can miss from an unlabelled answer.
    #[arg(long, env = "ATELIER_BOUND", default_value = "2s", value_name = "DURATION", global = true)]
    pub(super) bound: String,
    /// How often changes are read from the database.
    #[arg(long, env = "ATELIER_POLL", default_value = "200ms", value_name = "DURATION", global = true)]
    pub(super) poll: String,
    /// How long reading them may take.
    #[arg(long, env = "ATELIER_POLL_TIMEOUT", default_value = "500ms", value_name = "DURATION", global = true)]
    pub(super) poll_timeout: String,
    /// How many changed tags are read at a time; of more, everything counts as changed.
    #[arg(long, env = "ATELIER_POLL_TAGS_MAX", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) poll_tags_max: String,
    /// How many changed tags are read at a start, or after a gap; of more, everything counts as changed.
    #[arg(long, env = "ATELIER_REPLAY_TAGS_MAX", default_value = "1000000", value_name = "NUMBER", global = true)]
    pub(super) replay_tags_max: String,
    /// How old the connection may get that reads changes: so long a primary that was replaced can go unnoticed.
    #[arg(long, env = "ATELIER_POLL_CONN_AGE", default_value = "30s", value_name = "DURATION", global = true)]
    pub(super) poll_conn_age: String,
    /// How long a start waits for the database before it serves what Redis has, labelled.
    #[arg(long, env = "ATELIER_BOOT_WAIT", default_value = "10s", value_name = "DURATION", global = true)]
    pub(super) boot_wait: String,
    /// How long a read waits for changes to be read when nothing can be proved.
    #[arg(long, env = "ATELIER_BLIND_WAIT", default_value = "50ms", value_name = "DURATION", global = true)]
    pub(super) blind_wait: String,
    /// How long nothing may be provable, while the database answers, before /readyz says so.
    #[arg(long, env = "ATELIER_BLIND_UNREADY", default_value = "10s", value_name = "DURATION", global = true)]
    pub(super) blind_unready: String,
    /// Whether nodes tell each other of writes through Redis, which makes them visible elsewhere within milliseconds.
    #[arg(long, env = "ATELIER_HINT", default_value = "on", value_name = "ON|OFF", global = true)]
    pub(super) hint: String,
    /// How soon after the last reading of changes a hint may begin the next.
    #[arg(long, env = "ATELIER_HINT_MIN", default_value = "10ms", value_name = "DURATION", global = true)]
    pub(super) hint_min: String,
    /// Whether reads carry Atelier-Ord too, for clients that want never to go back in time.
    #[arg(long, env = "ATELIER_ORD_HEADER", default_value = "off", value_name = "ON|OFF", global = true)]
    pub(super) ord_header: String,
    /// How many cells there are for changes, a power of two, at 24 bytes each; answers that share one are outdated together.
    #[arg(long, env = "ATELIER_FLOOR_CELLS", default_value = "1048576", value_name = "NUMBER", global = true)]
    pub(super) floor_cells: String,
    /// How long the database keeps what was changed; a node that was away for longer begins anew.
    #[arg(long, env = "ATELIER_OUTBOX_RETENTION", default_value = "2h", value_name = "DURATION", global = true)]
    pub(super) outbox_retention: String,

    /// How long Redis keeps an answer.
    #[arg(long, env = "ATELIER_L2_TTL", default_value = "1h", value_name = "DURATION", global = true)]
    pub(super) l2_ttl: String,
    /// The largest answer that is stored in Redis, counted without encodings.
    #[arg(long, env = "ATELIER_L2_ENTRY_MAX", default_value = "256KiB", value_name = "SIZE", global = true)]
    pub(super) l2_entry_max: String,
    /// How long a look-up in Redis may take before the origin is asked.
    #[arg(long, env = "ATELIER_REDIS_TIMEOUT", default_value = "20ms", value_name = "DURATION", global = true)]
    pub(super) redis_timeout: String,
    /// How many commands to Redis may be under way; above that it is skipped.
    #[arg(long, env = "ATELIER_REDIS_INFLIGHT", default_value = "512", value_name = "NUMBER", global = true)]
    pub(super) redis_inflight: String,

    /// How long a read may take as a whole.
    #[arg(long, env = "ATELIER_BUDGET", default_value = "1s", value_name = "DURATION", global = true)]
    pub(super) budget: String,
    /// How many fetches from the origin run at once.
    #[arg(long, env = "ATELIER_MISS_PERMITS", default_value = "8", value_name = "NUMBER", global = true)]
    pub(super) miss_permits: String,
    /// How many fetches wait for their turn; beyond, requests are told to come back.
    #[arg(long, env = "ATELIER_MISS_QUEUE", default_value = "64", value_name = "NUMBER", global = true)]
    pub(super) miss_queue: String,
    /// How long a fetch waits for its turn.
    #[arg(long, env = "ATELIER_PERMIT_WAIT", default_value = "100ms", value_name = "DURATION", global = true)]
    pub(super) permit_wait: String,
    /// How long even the luckiest fetch may wait for its turn before the newest requests are told to come back.
    #[arg(long, env = "ATELIER_SHED_TARGET", default_value = "50ms", value_name = "DURATION", global = true)]
    pub(super) shed_target: String,
    /// How long a fetch that failed is not tried again.
    #[arg(long, env = "ATELIER_FAIL_TTL", default_value = "250ms", value_name = "DURATION", global = true)]
    pub(super) fail_ttl: String,
    /// How many requests wait for fetches, their own and others'; beyond, they are told to come back.
    #[arg(long, env = "ATELIER_FOLLOWERS_MAX", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) followers_max: String,
    /// How often in a second one address (IPv6: one /64) may ask for what is not held; 0 is as often as it likes.
    #[arg(long, env = "ATELIER_CLIENT_MISS_RATE", default_value = "0", value_name = "NUMBER", global = true)]
    pub(super) client_miss_rate: String,
    /// After how many failures in a row PostgreSQL, or Redis, is not asked for a while.
    #[arg(long, env = "ATELIER_BREAKER_FAILS", default_value = "5", value_name = "NUMBER", global = true)]
    pub(super) breaker_fails: String,
    /// How long that while is: the first time, and at most, as it doubles.
    #[arg(
        long,
        env = "ATELIER_BREAKER_OPEN",
        default_value = "1s..30s",
        value_name = "DURATION..DURATION",
        global = true
    )]
    pub(super) breaker_open: String,
    /// How long a statement that reads may take in PostgreSQL.
    #[arg(long, env = "ATELIER_STATEMENT", default_value = "700ms", value_name = "DURATION", global = true)]
    pub(super) statement: String,
    /// How long connecting to PostgreSQL may take; no request waits for it.
    #[arg(long, env = "ATELIER_DB_CONNECT", default_value = "1s", value_name = "DURATION", global = true)]
    pub(super) db_connect: String,
    /// How long a write may take as a whole.
    #[arg(long, env = "ATELIER_WRITE_BUDGET", default_value = "2s", value_name = "DURATION", global = true)]
    pub(super) write_budget: String,
    /// How long a write waits for its turn; unlike a fetch it has no older answer to fall back on.
    #[arg(long, env = "ATELIER_WRITE_WAIT", default_value = "400ms", value_name = "DURATION", global = true)]
    pub(super) write_wait: String,
    /// How many writes run at once, each on a connection of its own.
    #[arg(long, env = "ATELIER_WRITE_PERMITS", default_value = "4", value_name = "NUMBER", global = true)]
    pub(super) write_permits: String,
    /// How old a connection that writes may get.
    #[arg(long, env = "ATELIER_DB_CONN_AGE", default_value = "30m", value_name = "DURATION", global = true)]
    pub(super) db_conn_age: String,
    /// How many connections to PostgreSQL share the reads.
    #[arg(long, env = "ATELIER_DB_READERS", default_value = "3", value_name = "NUMBER", global = true)]
    pub(super) db_readers: String,
    /// The most rows of a list in one answer.
    #[arg(long, env = "ATELIER_ROWS_MAX", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) rows_max: String,

    /// How many connections are served at once; the others wait in the backlog.
    #[arg(long, env = "ATELIER_MAX_CONNS", default_value = "10000", value_name = "NUMBER", global = true)]
    pub(super) max_conns: String,
    /// How long a request's head may take, and how long a connection may be idle.
    #[arg(long, env = "ATELIER_HEAD_TIMEOUT", default_value = "15s", value_name = "DURATION", global = true)]
    pub(super) head_timeout: String,
    /// The most bytes of a request's head.
    #[arg(long, env = "ATELIER_HEAD_MAX", default_value = "16KiB", value_name = "SIZE", global = true)]
    pub(super) head_max: String,
    /// How long a client may take nothing of its answer before its connection is closed.
    #[arg(long, env = "ATELIER_WRITE_STALL", default_value = "10s", value_name = "DURATION", global = true)]
    pub(super) write_stall: String,
    /// How much memory the kernel may take for what a client has not taken of its answers.
    #[arg(long, env = "ATELIER_SEND_BUFFER", default_value = "256KiB", value_name = "SIZE", global = true)]
    pub(super) send_buffer: String,
    /// The most bytes of a request's target.
    #[arg(long, env = "ATELIER_TARGET_MAX", default_value = "2048B", value_name = "SIZE", global = true)]
    pub(super) target_max: String,
    /// The most bytes of a request's body.
    #[arg(long, env = "ATELIER_BODY_MAX", default_value = "256KiB", value_name = "SIZE", global = true)]
    pub(super) body_max: String,
    /// How long a request's body may take.
    #[arg(long, env = "ATELIER_BODY_TIMEOUT", default_value = "5s", value_name = "DURATION", global = true)]
    pub(super) body_timeout: String,
    /// How long a drain leaves idle connections to their clients to close.
    #[arg(long, env = "ATELIER_DRAIN_IDLE", default_value = "11s", value_name = "DURATION", global = true)]
    pub(super) drain_idle: String,
    /// When a drain ends, whatever is still open.
    #[arg(long, env = "ATELIER_DRAIN_MAX", default_value = "15s", value_name = "DURATION", global = true)]
    pub(super) drain_max: String,

    /// The hosts, with or without a port, that requests may be for, as in shop.example,api.example; without it any.
    #[arg(long, env = "ATELIER_HOSTS", value_name = "HOST,…", global = true)]
    pub(super) hosts: Option<String>,
    /// The proxies, as in 10.0.0.0/8,192.0.2.7, whose X-Real-IP and X-Request-Id are believed; without it none.
    #[arg(long, env = "ATELIER_TRUSTED_PROXIES", value_name = "NETWORK,…", global = true)]
    pub(super) trusted_proxies: Option<String>,
    /// A file with the one token that the API demands in Authorization; without it any or none is accepted.
    #[arg(long, env = "ATELIER_API_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(super) api_token_file: Option<String>,
    /// A file with the token for /purge and other orders of the admin listener; without it they are refused.
    #[arg(long, env = "ATELIER_ADMIN_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(super) admin_token_file: Option<String>,
    /// Whether answers say in Cache-Status which tier they came from.
    #[arg(long, env = "ATELIER_CACHE_STATUS", default_value = "on", value_name = "ON|OFF", global = true)]
    pub(super) cache_status: String,
    /// How long browsers may keep answers about products without asking: copies that no change reaches.
    #[arg(long, env = "ATELIER_MAX_AGE", default_value = "0s", value_name = "DURATION", global = true)]
    pub(super) max_age: String,
    /// The same for a CDN, which is told it in a header of its own.
    #[arg(long, env = "ATELIER_CDN_TTL", default_value = "0s", value_name = "DURATION", global = true)]
    pub(super) cdn_ttl: String,
    /// Must be `accepted` for the two above: what is kept elsewhere adds its age to the bound.
    #[arg(long, env = "ATELIER_DOWNSTREAM_STALENESS", value_name = "WORD", global = true)]
    pub(super) downstream_staleness: Option<String>,
    /// Whether /Products, /ProductbyID?id=, /Styles?id=, /Related?id= and /Features?id= are routes too.
    #[arg(long, env = "ATELIER_ALIASES", default_value = "off", value_name = "ON|OFF", global = true)]
    pub(super) aliases: String,
    /// A fixed `campus` in every product, for clients of the public service.
    #[arg(long, env = "ATELIER_CAMPUS", value_name = "TEXT", global = true)]
    pub(super) campus: Option<String>,
    /// A fixed `created_at` and `updated_at` in every product, for clients of the public service.
    #[arg(long, env = "ATELIER_PRODUCT_DATES", value_name = "TEXT", global = true)]
    pub(super) product_dates: Option<String>,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").finish_non_exhaustive()
    }
}
