//! Experiments that other tests play: where each is shown, so that it is not played twice.

use std::path::Path;

/// Name, place and what is shown there. The place is a file, and behind `::` a function or a scene in it.
const SHOWN: &[(&str, &str, &str)] = &[
    ("C1 baseline", "tests/consistency/scenes.rs::Baseline", "A1–A11 under writers and readers"),
    ("C2 feed-cut", "tests/consistency/scenes.rs::FeedCut", "each node's way cut, silent or slow at random"),
    ("C3 node-stopped", "tests/consistency/scenes.rs::NodeStopped", "SIGSTOP, SIGCONT, read at once"),
    ("C4 poller-killed", "tests/consistency/scenes.rs::PollEnded", "the poll connections are ended again and again"),
    ("C5 stalled-fill", "tests/consistency/scenes.rs::SlowReads", "writes land between a read and its insert"),
    ("C6 hostile-redis", "tests/consistency/scenes.rs::HostileRedis", "old values, values of other keys, hints lost"),
    ("C7 bulk", "tests/consistency/scenes.rs::Bulk", "statements that touch very many products"),
    ("C8 sleeper", "tests/consistency/scenes.rs::Sleeper", "a transaction that stays open"),
    ("C9 come-and-go", "tests/consistency/stage.rs::FLEETING", "products vanish and come back, in every scene"),
    ("C10 coverage", "tests/coverage.rs", "table × column × verb, TRUNCATE, cascades, COPY, MERGE"),
    (
        "C11 clocks",
        "tests/consistency/scenes.rs::Clocks",
        "wall clocks of two nodes an hour wrong; in `make consistency`",
    ),
    (
        "C12 shadow",
        "tests/shadow.rs",
        "one hit in 10,000 is compared: bugs are found within a minute, and no false alarm",
    ),
    (
        "C13 cold-node",
        "tests/outbox.rs",
        "pruned past a node's place; a restored dump; L2 proved from the first mark on",
    ),
    (
        "C14 own-writes",
        "tests/front_end.rs::a_front_end_sees_its_own_writes_at_once_whichever_node_answers",
        "own writes, other nodes, tokens",
    ),
    ("C15 import", "tests/consistency/scenes.rs::Import", "a soft import under load"),
    ("C16 erase", "tests/consistency/scenes.rs::Erased", "erased, PostgreSQL gone, a node started anew"),
    ("C17 protected", "tests/consistency/scenes.rs::OwnWrite", "a write, and PostgreSQL gone at once"),
    ("C18 moves", "tests/consistency/scenes.rs::Moved", "a row may not change its parent"),
    (
        "D1 D6 D9 D15, A1–A11",
        "tests/consistency/scenes.rs::PostgresKilled",
        "the same faults before the checker: RedisKilled, PostgresKilled, WriteCut",
    ),
    (
        "S1 at one node",
        "tests/stack.rs::a_thousand_requests_for_one_cold_key_are_one_statement",
        "exactly one statement",
    ),
    (
        "S10 a node that says 503",
        "tests/front_end.rs::a_node_that_says_503_is_not_asked_again_elsewhere",
        "nginx does not ask another",
    ),
    (
        "D2 at one node",
        "tests/overload.rs::a_redis_that_falls_silent_costs_five_waits_and_is_used_again_over_new_connections",
        "five waits, then none",
    ),
    (
        "D7 at one node",
        "tests/overload.rs::a_database_that_falls_silent_is_not_waited_for_and_is_back_as_soon_as_it_answers",
        "the breaker, and the poll that closes it",
    ),
    (
        "D12 retries",
        "tests/overload.rs::a_changed_schema_costs_each_connection_one_statement_and_nobody_an_answer",
        "one retry a connection and statement",
    ),
    (
        "M1 M2 memory",
        "tests/memory.rs::more_than_fits_is_asked_for_and_the_node_stays_within_its_limit",
        "`make memory` for minutes",
    ),
    (
        "M3 descriptors",
        "tests/slow.rs::connections_beyond_the_descriptors_wait_and_those_that_are_open_go_on",
        "few descriptors, many connections",
    ),
    (
        "M5 slow clients",
        "tests/slow.rs::slow_clients_by_the_hundred_hold_up_nobody",
        "idle, dripping and stalled clients",
    ),
    (
        "M7 at one node",
        "tests/overload.rs::panics_end_one_fetch_fill_poll_or_write_and_nothing_else",
        "a panic at each point, writes too",
    ),
    (
        "O4 stuck drain",
        "tests/slow.rs::a_drain_ends_in_time_whoever_is_still_connected",
        "silent, half-head and stalled clients",
    ),
    (
        "O3 socket",
        "tests/systemd/machine.rs::restarts_under_load_fail_no_request",
        "20 × systemctl restart under load, with the packaged units",
    ),
    ("O1 without the mark", "tests/nginx.rs::no_read_fails_while_a_node_drains", "reads, while a node drains"),
    (
        "O6 warm",
        "tests/warm.rs::after_a_restart_nearly_as_much_is_held_as_before",
        "hit ratio after a restart; lists that are none are ignored",
    ),
    (
        "O8 tls",
        "tests/tls.rs::a_database_that_cannot_be_verified_is_told_nothing",
        "wrong CA, name, time, no TLS; Redis too",
    ),
    ("O9 secrets", "tests/secrets.rs::no_secret_is_found_in_anything_that_is_said", "logs, settings, panics, metrics"),
    ("O7 config", "tests/settings.rs", "only valid settings start, all problems are listed"),
];

/// Those that are there; panics when a place is gone, so that the table does not rot.
pub(crate) fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    for (name, place, _) in SHOWN {
        let (file, what) = place.split_once("::").unwrap_or((place, ""));
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
        let text = text.unwrap_or_else(|error| panic!("{name} is to be shown in {file}: {error}"));
        assert!(text.contains(what), "{name} is to be shown in {file} by {what}");
    }
    SHOWN.to_vec()
}
