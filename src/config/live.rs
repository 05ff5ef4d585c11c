//! Which settings can be changed while the node serves.
//!
//! Those are read where they are used, or by whatever begins next: a request, a connection, a fetch. The others are what
//! something was built with. A socket is bound, memory is laid out, a connection has told the server its limits, or entries
//! and other nodes rely on the value: what bounds the age of an answer (`ATELIER_BOUND` and how changes are polled) and what
//! a document looks like (`ATELIER_ROWS_MAX`, `ATELIER_CAMPUS`, `ATELIER_PRODUCT_DATES`).

/// The settings that a running node obeys as soon as it has read them.
const LIVE: [&str; 52] = [
    "ATELIER_LOG",
    "ATELIER_LOG_SLOW",
    "ATELIER_LOG_SAMPLE",
    "ATELIER_ABSENT_TTL",
    "ATELIER_TTL_LIST",
    "ATELIER_TTL_PRODUCT",
    "ATELIER_TTL_STYLES",
    "ATELIER_TTL_RELATED",
    "ATELIER_TTL_REVIEWS",
    "ATELIER_TTL_META",
    "ATELIER_TTL_QUESTIONS",
    "ATELIER_TTL_ANSWERS",
    "ATELIER_TTL_JITTER",
    "ATELIER_GRACE",
    "ATELIER_STALE_LIMIT",
    "ATELIER_EARLY_REFRESH",
    "ATELIER_REFRESH_CONCURRENCY",
    "ATELIER_REFRESH_QUEUE",
    "ATELIER_SHADOW",
    "ATELIER_BLIND_WAIT",
    "ATELIER_BUDGET",
    "ATELIER_MISS_PERMITS",
    "ATELIER_MISS_QUEUE",
    "ATELIER_PERMIT_WAIT",
    "ATELIER_SHED_TARGET",
    "ATELIER_FAIL_TTL",
    "ATELIER_FOLLOWERS_MAX",
    "ATELIER_CLIENT_MISS_RATE",
    "ATELIER_BREAKER_FAILS",
    "ATELIER_BREAKER_OPEN",
    "ATELIER_WRITE_WAIT",
    "ATELIER_WRITE_BUDGET",
    "ATELIER_MAX_CONNS",
    "ATELIER_HEAD_TIMEOUT",
    "ATELIER_HEAD_MAX",
    "ATELIER_WRITE_STALL",
    "ATELIER_SEND_BUFFER",
    "ATELIER_TARGET_MAX",
    "ATELIER_BODY_MAX",
    "ATELIER_BODY_TIMEOUT",
    "ATELIER_DRAIN_IDLE",
    "ATELIER_DRAIN_MAX",
    "ATELIER_HOSTS",
    "ATELIER_TRUSTED_PROXIES",
    "ATELIER_API_TOKEN_FILE",
    "ATELIER_ADMIN_TOKEN_FILE",
    "ATELIER_CACHE_STATUS",
    "ATELIER_ORD_HEADER",
    "ATELIER_MAX_AGE",
    "ATELIER_CDN_TTL",
    "ATELIER_DOWNSTREAM_STALENESS",
    "ATELIER_ALIASES",
];

pub(super) fn is_live(variable: &str) -> bool {
    LIVE.contains(&variable)
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;
    use crate::config::{Config, Raw, settings};

    /// A valid value for each setting that is not its default.
    const OTHERS: [(&str, &str); 96] = [
        ("ATELIER_LISTEN", "127.0.0.1:8081"),
        ("ATELIER_ADMIN_LISTEN", "127.0.0.1:9091"),
        ("ATELIER_WORKERS", "77"),
        ("ATELIER_LOG", "debug"),
        ("ATELIER_LOG_SLOW", "7ms"),
        ("ATELIER_LOG_SAMPLE", "7"),
        ("ATELIER_ENV_FILE", "/etc/edge.env"),
        ("DATABASE_URL", "postgres://h/d?sslmode=disable"),
        ("REDIS_URL", "redis://127.0.0.1:7"),
        ("ATELIER_DATABASE_PASSWORD_FILE", "rustfmt.toml"),
        ("ATELIER_DB_CA_FILE", "Cargo.toml"),
        ("ATELIER_REDIS_PASSWORD_FILE", "rustfmt.toml"),
        ("ATELIER_REDIS_CA_FILE", "Cargo.toml"),
        ("ATELIER_REDIS_PLAINTEXT", "accepted"),
        ("ATELIER_STATE_DIR", "src"),
        ("ATELIER_WARM_KEYS", "7"),
        ("ATELIER_L1_BYTES", "1MiB"),
        ("ATELIER_L1_ENTRY_MAX", "1KiB"),
        ("ATELIER_ABSENT_MAX", "7"),
        ("ATELIER_ABSENT_TTL", "7s"),
        ("ATELIER_TTL_LIST", "7s"),
        ("ATELIER_TTL_PRODUCT", "7s"),
        ("ATELIER_TTL_STYLES", "7s"),
        ("ATELIER_TTL_RELATED", "7s"),
        ("ATELIER_TTL_REVIEWS", "7s"),
        ("ATELIER_TTL_META", "7s"),
        ("ATELIER_TTL_QUESTIONS", "7s"),
        ("ATELIER_TTL_ANSWERS", "7s"),
        ("ATELIER_TTL_JITTER", "7%"),
        ("ATELIER_GRACE", "7s"),
        ("ATELIER_STALE_LIMIT", "7s"),
        ("ATELIER_EARLY_REFRESH", "7"),
        ("ATELIER_FILTER", "off"),
        ("ATELIER_REFRESH_CONCURRENCY", "3"),
        ("ATELIER_REFRESH_QUEUE", "7"),
        ("ATELIER_SHADOW", "7"),
        ("ATELIER_BOUND", "3s"),
        ("ATELIER_POLL", "100ms"),
        ("ATELIER_POLL_TIMEOUT", "400ms"),
        ("ATELIER_POLL_TAGS_MAX", "7"),
        ("ATELIER_REPLAY_TAGS_MAX", "7"),
        ("ATELIER_POLL_CONN_AGE", "7s"),
        ("ATELIER_BOOT_WAIT", "7s"),
        ("ATELIER_BLIND_WAIT", "7ms"),
        ("ATELIER_BLIND_UNREADY", "7s"),
        ("ATELIER_HINT", "off"),
        ("ATELIER_HINT_MIN", "7ms"),
        ("ATELIER_ORD_HEADER", "on"),
        ("ATELIER_FLOOR_CELLS", "1024"),
        ("ATELIER_OUTBOX_RETENTION", "3h"),
        ("ATELIER_L2_TTL", "7m"),
        ("ATELIER_L2_ENTRY_MAX", "1KiB"),
        ("ATELIER_REDIS_TIMEOUT", "7ms"),
        ("ATELIER_REDIS_INFLIGHT", "7"),
        ("ATELIER_BUDGET", "1500ms"),
        ("ATELIER_MISS_PERMITS", "7"),
        ("ATELIER_MISS_QUEUE", "7"),
        ("ATELIER_PERMIT_WAIT", "7ms"),
        ("ATELIER_SHED_TARGET", "7ms"),
        ("ATELIER_FAIL_TTL", "7ms"),
        ("ATELIER_FOLLOWERS_MAX", "7"),
        ("ATELIER_CLIENT_MISS_RATE", "7"),
        ("ATELIER_BREAKER_FAILS", "7"),
        ("ATELIER_BREAKER_OPEN", "7s..9s"),
        ("ATELIER_MEM_LIMIT", "7GiB"),
        ("ATELIER_MEM_SOFT", "7%"),
        ("ATELIER_MEM_HARD", "97%"),
        ("ATELIER_WRITE_WAIT", "7ms"),
        ("ATELIER_STATEMENT", "600ms"),
        ("ATELIER_DB_CONNECT", "7s"),
        ("ATELIER_WRITE_BUDGET", "7s"),
        ("ATELIER_WRITE_PERMITS", "7"),
        ("ATELIER_DB_CONN_AGE", "7m"),
        ("ATELIER_DB_READERS", "7"),
        ("ATELIER_ROWS_MAX", "7"),
        ("ATELIER_MAX_CONNS", "7"),
        ("ATELIER_HEAD_TIMEOUT", "7s"),
        ("ATELIER_HEAD_MAX", "7KiB"),
        ("ATELIER_WRITE_STALL", "7s"),
        ("ATELIER_SEND_BUFFER", "77KiB"),
        ("ATELIER_TARGET_MAX", "777B"),
        ("ATELIER_BODY_MAX", "777KiB"),
        ("ATELIER_BODY_TIMEOUT", "7s"),
        ("ATELIER_DRAIN_IDLE", "7s"),
        ("ATELIER_DRAIN_MAX", "77s"),
        ("ATELIER_HOSTS", "shop.example"),
        ("ATELIER_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ATELIER_API_TOKEN_FILE", "LICENSE"),
        ("ATELIER_ADMIN_TOKEN_FILE", "LICENSE"),
        ("ATELIER_CACHE_STATUS", "off"),
        ("ATELIER_MAX_AGE", "7s"),
        ("ATELIER_CDN_TTL", "7s"),
        ("ATELIER_DOWNSTREAM_STALENESS", "accepted"),
        ("ATELIER_ALIASES", "on"),
        ("ATELIER_CAMPUS", "hr-x"),
        ("ATELIER_PRODUCT_DATES", "now"),
    ];

    fn with(arguments: &[String]) -> Config {
        let command = Raw::augment_args(Command::new("atelier-edge").no_binary_name(true));
        // What others need to be valid, or to be of any effect.
        let needed = ["--downstream-staleness=accepted", "--mem-limit=1GiB"].map(str::to_owned);
        let flag = |argument: &String| argument.split('=').next().map(str::to_owned);
        let needed = needed.into_iter().filter(|need| !arguments.iter().any(|given| flag(given) == flag(need)));
        let all: Vec<_> = needed.chain(arguments.iter().cloned()).collect();
        let raw = Raw::from_arg_matches(&command.get_matches_from(all)).unwrap();
        Config::new(&raw, []).unwrap_or_else(|problems| panic!("{arguments:?}: {problems:?}"))
    }

    /// The settings without what `reload` gives to a running node.
    fn rest(config: &Config, default: &Config) -> String {
        let mut rest = config.clone();
        let mut default = default.clone();
        (rest.log, rest.live, rest.server) = (default.log, default.live, default.server);
        (rest.http, rest.admin_token) = (default.http, default.admin_token);
        // As it is at the start; what changes is given to it with the live settings.
        rest.l2.breaker = default.l2.breaker;
        let (write, of_default) = (&mut rest.postgres.write, &mut default.postgres.write);
        (write.wait, write.budget) = (of_default.wait, of_default.budget);
        format!("{rest:?}")
    }

    fn of_others(name: &str) -> bool {
        let of_addresses = ["_PASSWORD_FILE", "_CA_FILE"].iter().any(|end| name.ends_with(end));
        let others =
            ["ATELIER_ENV_FILE", "ATELIER_DOWNSTREAM_STALENESS", "ATELIER_REDIS_PLAINTEXT", "ATELIER_WARM_KEYS"];
        of_addresses || others.contains(&name)
    }

    #[test]
    fn a_setting_is_live_if_it_changes_nothing_but_what_a_running_node_is_given() {
        let default = with(&[]);
        for setting in settings() {
            let name = &*setting.variable;
            let (_, other) = OTHERS.iter().find(|(of, _)| *of == name).unwrap_or_else(|| panic!("{name} has no value"));
            // These say something about others, and change nothing by themselves.
            if of_others(name) {
                continue;
            }
            let changed = with(&[format!("--{}={other}", setting.flag)]);
            assert_ne!(format!("{changed:?}"), format!("{default:?}"), "{name}: {other} is its default");
            let only_live = rest(&changed, &default) == rest(&default, &default);
            assert_eq!(only_live, is_live(name), "{name}");
        }
        for name in LIVE {
            assert!(settings().iter().any(|setting| setting.variable == name), "{name}");
        }
    }
}
