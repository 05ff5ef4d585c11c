//! Scenes of what is purged or erased.

use std::sync::Arc;
use std::time::Duration;

use atelier_rig::Client;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::cluster::{ADMIN_TOKEN, NODES};
use super::faults;
use super::history::{Change, Label, Refresh, Via, Weight, Write};
use super::play::Play;
use super::reader::Reader;
use super::scenes::{BOUND, GRACE};
use super::sql::Session;
use super::stage::{COLD, Route, What};

/// The sum of calls of statements that fetch.
pub(super) async fn fetches(session: &mut Session) -> u64 {
    let calls = session
        .query(
            "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements JOIN pg_database AS d ON d.oid = dbid
             WHERE d.datname = current_database() AND query LIKE '%pg_current_snapshot%'
               AND query ~ 'FROM (products|styles|related|reviews|questions|answers)'",
        )
        .await;
    calls.ok().and_then(|calls| calls.first()?.parse().ok()).unwrap_or(0)
}

/// Everything is warm and nothing is written; then everything is purged softly. What is asked for is refreshed once, and
/// what is asked for only after the grace is not stale any more.
pub(super) async fn soft_purge(play: &Arc<Play>) {
    let mut session = Session::new(play);
    let mut readers: Vec<_> = (0..NODES).map(|place| play.client(place)).collect();
    let half = *COLD.start() + u32::try_from(COLD.count()).unwrap() / 2;
    let keys = |product: u32| play.stage.of_product(product).iter().copied();
    let early: Vec<u32> = (*COLD.start()..half).flat_map(keys).collect();
    let late: Vec<u32> = (half..=*COLD.end()).flat_map(keys).collect();
    for reader in &mut readers {
        for target in early.iter().chain(&late) {
            assert!(reader.warm(play, *target).await, "the key cannot be read");
        }
    }

    let begin = play.clock.now();
    session.run("INSERT INTO edge.outbox (tag, kind) VALUES ('*', 0)").await.expect("the purge is written");
    let ack = play.clock.now();
    play.softened(begin, ack);
    play.fault("soft purge");
    // Until it is known everywhere: a poll's time, and some more.
    sleep(Duration::from_millis(300)).await;
    let before = fetches(&mut session).await;
    for round in 0..20 {
        let mut labelled = 0;
        for reader in &mut readers {
            for target in &early {
                let (answer, _) = reader.read(play, *target, None, None).await;
                labelled += u32::from(answer.label != Label::None);
            }
        }
        if round > 0 && labelled == 0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let fetched = fetches(&mut session).await - before;
    let asked = early.len() as u64 * u64::from(NODES);
    play.note(|history| {
        history.refreshes.push(Refresh { asked, fetches: fetched, at_once: None, allowed_at_once: 0 });
    });

    let due = ack + super::history::nanos(GRACE + BOUND);
    sleep(Duration::from_nanos(due.saturating_sub(play.clock.now())) + Duration::from_millis(50)).await;
    for reader in &mut readers {
        for target in &late {
            reader.read(play, *target, None, None).await;
        }
    }
    readers.into_iter().for_each(|reader| reader.hand_in(play));
}

/// The keys that show a product's reviews.
pub(super) fn review_keys(play: &Play, product: u32) -> [u32; 2] {
    [play.stage.target(Route::Reviews, product), play.stage.target(Route::Newest, product)]
}

/// One value is erased with SQL and one through a node; then PostgreSQL is gone.
pub(super) async fn erased(play: &Arc<Play>) {
    let (by_sql, by_node, kept) = (*COLD.start(), COLD.start() + 1, COLD.start() + 2);
    let mut session = Session::new(play);
    let mut readers: Vec<_> = (0..NODES).map(|place| play.client(place)).collect();
    for reader in &mut readers {
        for target in [by_sql, by_node, kept].into_iter().flat_map(|product| review_keys(play, product)) {
            assert!(reader.warm(play, target).await, "the key cannot be read");
        }
    }
    let erase = |product: u32| {
        let statement =
            format!("UPDATE reviews SET body = 'v=1', summary = 'v=1' WHERE id = {}", super::stage::row(product));
        (statement, play.stage.register(What::Review, product), play.clock.now())
    };
    let wrote = |register, via, begin, ack| {
        let (version, change, weight, transaction) = (1, Change::Set, Weight::Erase, play.transaction());
        play.wrote(&[Write { register, version, change, via, weight, transaction, begin, ack: Some(ack) }]);
        play.fault("erased");
    };

    let (statement, register, begin) = erase(by_sql);
    let note = format!("INSERT INTO edge.outbox (tag, kind) VALUES ('reviews:{by_sql}', 2)");
    session.run(&format!("BEGIN; {statement}; {note}; COMMIT")).await.expect("it is erased");
    wrote(register, Via::Sql, begin, play.clock.now());
    sleep(BOUND + Duration::from_millis(100)).await;

    let (statement, register, begin) = erase(by_node);
    session.run(&statement).await.expect("it is written");
    if block_in_place(|| purge(play, 0, &format!("reviews:{by_node}"), "erase")) {
        wrote(register, readers[0].via(), begin, play.clock.now());
    } else {
        play.fault("no purge through a node");
        play.wrote(&[Write {
            register,
            version: 1,
            change: Change::Set,
            via: Via::Sql,
            weight: Weight::Hard,
            transaction: play.transaction(),
            begin,
            ack: Some(play.clock.now()),
        }]);
    }
    let from = faults::kill_postgres(play);
    let until = Instant::now() + BOUND * 2;
    let mut replaced = false;
    while Instant::now() < until {
        for reader in &mut readers {
            for target in [by_sql, by_node, kept].into_iter().flat_map(|product| review_keys(play, product)) {
                reader.read(play, target, None, None).await;
            }
        }
        if !replaced && Instant::now() + BOUND > until {
            block_in_place(|| play.replace_node(1));
            replaced = true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    faults::revive_postgres(play, from);
    readers.into_iter().for_each(|reader| reader.hand_in(play));
}

/// An operator's purge through the admin listener of a node; false if that knows none.
fn purge(play: &Play, place: u8, tag: &str, kind: &str) -> bool {
    let admin = play.with_node(place, |node| node.admin);
    let body = format!(r#"{{"tags":["{tag}"],"kind":"{kind}","reason":"a run of the checker"}}"#);
    let authorization = format!("Authorization: Bearer {ADMIN_TOKEN}");
    let answer = Client::connect(admin).request("POST", "/purge", &[&authorization], body.as_bytes());
    if answer.status >= 300 && !matches!(answer.status, 404 | 405) {
        play.note(|history| history.oddities.push(format!("POST /purge: {} {}", answer.status, answer.text())));
    }
    answer.status < 300
}

/// Reads keys again and again for a while.
pub(super) async fn watch(play: &Play, reader: &mut Reader, targets: &[u32], long: Duration) {
    let until = Instant::now() + long;
    while Instant::now() < until {
        for target in targets {
            reader.read(play, *target, None, None).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
