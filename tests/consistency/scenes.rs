//! What happens in a run, beside what is written and read all the time.

use std::sync::Arc;
use std::time::Duration;

use atelier_rig::{Client, Fault};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::cluster::{ADMIN_TOKEN, NODES, POLL, READERS, WRITERS};
use super::faults;
use super::history::{Change, Label, Refresh, Via, Weight, Write};
use super::hostile;
use super::play::Play;
use super::reader::Reader;
use super::sql::Session;
use super::stage::{BUSY, COLD, FILLER, Route, What};
use super::writers::{self, Api, Load, Manner, Owners};

/// The bound of the runs, as in `cluster::usual`.
pub(crate) const BOUND: Duration = Duration::from_secs(1);
/// Their grace.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// A scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scene {
    /// Nothing but writers and readers (C1).
    Baseline,
    /// No Redis, and so no hints.
    Alone,
    /// Redis gives back old values, and hints are lost (C6).
    HostileRedis,
    /// Redis is killed and comes back empty (D1).
    RedisKilled,
    /// Each node's way to PostgreSQL is broken at random (C2).
    FeedCut,
    /// Nodes are stopped for longer than the bound and read at once when they go on (C3).
    NodeStopped,
    /// The poll connections are ended again and again (C4).
    PollEnded,
    /// The postmaster is killed, and then one backend (D6, D9).
    PostgresKilled,
    /// A hundred thousand rows and new versions of every review in one soft transaction (C15).
    Import,
    /// Statements that touch more than a thousand products (C7).
    Bulk,
    /// A transaction that stays open all the time (C8).
    Sleeper,
    /// A soft purge of everything, and what it costs.
    SoftPurge,
    /// What was erased, while PostgreSQL is gone (C16).
    Erased,
    /// A write of a node's own, and PostgreSQL is gone at once (C17).
    OwnWrite,
    /// The reply to a commit is lost (D15).
    WriteCut,
    /// Changes are pruned before a node has read them.
    Pruned,
    /// A second primary with old data answers fetches.
    TwoPrimaries,
    /// Everything at once.
    Mixed,
    /// What is fetched takes a while to come, so that writes land in between (C5).
    SlowReads,
    /// Every step of a write takes a while.
    SlowWrites,
    /// Polls take nearly as long as they may; then a node is cut off.
    SlowPolls,
    /// PostgreSQL crashes and has forgotten transactions that nodes have seen end, so that their numbers are used again.
    LostXids,
    /// Nodes read all changes anew while answers that are known to be outdated are asked for.
    Renewed,
    /// A row is moved to another product while its photo changes (C18).
    Moved,
}

impl Scene {
    /// All, in the order of reports.
    pub(crate) const ALL: [Self; 18] = [
        Self::Baseline,
        Self::Alone,
        Self::HostileRedis,
        Self::RedisKilled,
        Self::FeedCut,
        Self::NodeStopped,
        Self::PollEnded,
        Self::PostgresKilled,
        Self::Import,
        Self::Bulk,
        Self::Sleeper,
        Self::SoftPurge,
        Self::Erased,
        Self::OwnWrite,
        Self::WriteCut,
        Self::Pruned,
        Self::TwoPrimaries,
        Self::Mixed,
    ];

    /// Those that are only in long runs and in red tests.
    pub(crate) const MORE: [Self; 6] =
        [Self::SlowReads, Self::SlowWrites, Self::SlowPolls, Self::LostXids, Self::Renewed, Self::Moved];

    /// Whether there is a Redis.
    pub(crate) fn with_redis(self) -> bool {
        self != Self::Alone
    }

    /// Settings besides the usual ones.
    pub(crate) fn settings(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Alone => vec![("ATELIER_HINT", "off".to_owned())],
            _ => Vec::new(),
        }
    }

    /// What is written meanwhile; none: only what the scene itself writes.
    pub(crate) fn load(self) -> Option<Load> {
        let usual = Load::usual();
        match self {
            Self::SoftPurge | Self::Moved => None,
            Self::Erased | Self::OwnWrite | Self::TwoPrimaries => {
                Some(Load { sql_rest: Duration::from_millis(150), ..usual })
            }
            _ => Some(usual),
        }
    }

    /// What must have happened in a run, or it has shown nothing: faults by name, and how often at least.
    pub(crate) fn demands(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Baseline | Self::Alone | Self::Sleeper => &[],
            Self::HostileRedis => &[("old value", 100), ("value of another key", 5), ("piece of a value", 5)],
            Self::RedisKilled => &[("Redis killed", 1)],
            Self::FeedCut => &[("path cut", 1)],
            Self::NodeStopped => &[("node stopped", 1)],
            Self::PollEnded => &[("poll connection ended", 6)],
            Self::PostgresKilled => &[("postmaster killed", 1), ("backend killed", 1)],
            Self::Import => &[("import", 1)],
            Self::Bulk => &[("bulk update", 2)],
            Self::SoftPurge => &[("soft purge", 1)],
            Self::Erased => &[("postmaster killed", 1), ("erased", 1), ("node replaced", 1)],
            Self::OwnWrite => &[("own write, then cut", 2), ("postmaster killed", 1)],
            Self::WriteCut => &[("commit's reply lost", 1), ("stamp lost", 1)],
            Self::Pruned => &[("outbox pruned", 2)],
            Self::TwoPrimaries => &[("second primary", 1)],
            Self::Mixed | Self::SlowReads | Self::SlowWrites => &[],
            Self::SlowPolls => &[("some connections cut", 1)],
            Self::LostXids => &[("transactions forgotten", 1)],
            Self::Renewed => &[("outbox pruned", 1)],
            Self::Moved => &[("move tried", 1)],
        }
    }

    /// Which label must have been seen.
    pub(crate) fn shows(self) -> (bool, bool) {
        let origin = matches!(self, Self::FeedCut | Self::PostgresKilled | Self::Erased | Self::OwnWrite);
        (origin, matches!(self, Self::Import | Self::SoftPurge))
    }

    /// Plays it for about `length`.
    pub(crate) async fn play(self, play: &Arc<Play>, owners: &Owners, length: Duration) {
        let until = Instant::now() + length;
        let mut chance = play.chance(999);
        match self {
            Self::Baseline | Self::Alone => sleep(length).await,
            Self::HostileRedis => {
                faults::lose_hints(play);
                hostile::lie(Arc::clone(play), until, 998).await;
            }
            Self::RedisKilled => {
                sleep(length / 4).await;
                block_in_place(|| play.cluster.redis().stop());
                play.fault("Redis killed");
                sleep(length / 2).await;
                block_in_place(|| play.cluster.redis().start_again());
                sleep(length / 4).await;
            }
            Self::FeedCut => {
                let mut cuts = Vec::new();
                for place in 0..NODES {
                    let (play, mut chance) = (Arc::clone(play), play.chance(990 + u64::from(place)));
                    cuts.push(tokio::spawn(async move {
                        // One node always gets the plain case.
                        if place == 0 {
                            faults::cut(&play, 0, None, Fault::Cut, BOUND.mul_f64(1.5)).await;
                        }
                        while Instant::now() < until {
                            sleep(BOUND.mul_f64(chance.f64())).await;
                            faults::any_cut(&play, place, BOUND, &mut chance).await;
                        }
                    }));
                }
                for cut in cuts {
                    cut.await.expect("a cut ends");
                }
            }
            Self::NodeStopped => {
                while Instant::now() < until {
                    let place = chance.u8(..NODES);
                    faults::stop(play, place, BOUND.mul_f64(1.1 + chance.f64()), &mut chance).await;
                    sleep(BOUND / 4).await;
                }
            }
            Self::PollEnded => {
                // On a busy machine the polls between may be too few.
                let (mut session, from) = (Session::new(play), play.clock.now());
                while Instant::now() < until {
                    faults::end_polls(play, &mut session).await;
                    sleep(Duration::from_millis(300)).await;
                }
                play.window(None, from);
            }
            Self::PostgresKilled => loop {
                sleep(BOUND / 2).await;
                let from = faults::kill_postgres(play);
                sleep(BOUND.mul_f64(0.5 + chance.f64())).await;
                faults::revive_postgres(play, from);
                sleep(BOUND).await;
                faults::kill_backend(play).await;
                sleep(BOUND).await;
                if Instant::now() >= until {
                    break;
                }
            },
            Self::Import => import(play, owners, until).await,
            Self::Bulk => {
                let mut session = Session::new(play);
                while Instant::now() < until {
                    let held = Duration::from_millis(chance.u64(..200));
                    writers::bulk(play, &mut session, owners, &Manner { held, ..Manner::plain() }).await;
                    play.fault("bulk update");
                    sleep(BOUND / 4).await;
                }
            }
            Self::Sleeper => {
                let mut session = Session::new(play);
                let mut owner = owners.of(*BUSY.end()).lock().await;
                let drafts = [writers::set(&mut owner, What::Slogan), writers::set(&mut owner, What::Review)];
                let _ = writers::commit(play, &mut session, &drafts, &Manner { held: length, ..Manner::plain() }).await;
            }
            Self::SoftPurge => soft_purge(play).await,
            Self::Erased => erased(play).await,
            Self::OwnWrite => own_write(play, length).await,
            Self::WriteCut => write_cut(play, until).await,
            Self::Pruned => {
                let mut session = Session::new(play);
                while Instant::now() < until {
                    pruned(play, &mut session, chance.u8(..NODES)).await;
                }
            }
            Self::TwoPrimaries => two_primaries(play, length).await,
            Self::SlowReads => slow(play, READERS, 150, length).await,
            Self::SlowWrites => slow(play, WRITERS, 60, length).await,
            Self::SlowPolls => slow_polls(play, until, &mut chance).await,
            Self::LostXids => lost_xids(play, owners, length).await,
            Self::Renewed => {
                while Instant::now() < until {
                    renewed(play, owners).await;
                }
            }
            Self::Moved => moved(play).await,
            Self::Mixed => mixed(play, owners, until, &mut chance).await,
        }
    }
}

/// A soft transaction with many rows, and time for its grace to end.
async fn import(play: &Arc<Play>, owners: &Owners, until: Instant) {
    let mut session = Session::new(play);
    let mut first = 200_000;
    loop {
        let last = first + 99_999;
        let besides = format!(
            "INSERT INTO reviews (id, product_id, date, rating, recommend, summary, body, reviewer_name, reviewer_email)
             SELECT n, {FILLER} + n % 2000, 1600000000000, 3, true, '', 'Imported.', 'mira', 'm@example.com'
             FROM generate_series({first}, {last}) AS n;
             INSERT INTO edge.outbox (tag, kind) VALUES ('*', 0)"
        );
        let manner = Manner { weight: Weight::Soft, besides, ..Manner::plain() };
        writers::bulk(play, &mut session, owners, &manner).await;
        play.fault("import");
        sleep(GRACE / 2).await;
        if Instant::now() >= until {
            return;
        }
        first += 100_000;
    }
}

/// The sum of calls of statements that fetch.
async fn fetches(session: &mut Session) -> u64 {
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
async fn soft_purge(play: &Arc<Play>) {
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
fn review_keys(play: &Play, product: u32) -> [u32; 2] {
    [play.stage.target(Route::Reviews, product), play.stage.target(Route::Newest, product)]
}

/// One value is erased with SQL and one through a node; then PostgreSQL is gone.
async fn erased(play: &Arc<Play>) {
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
async fn watch(play: &Play, reader: &mut Reader, targets: &[u32], long: Duration) {
    let until = Instant::now() + long;
    while Instant::now() < until {
        for target in targets {
            reader.read(play, *target, None, None).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A write through a node that is cut off as soon as it has answered; and one behind which PostgreSQL is killed.
async fn own_write(play: &Arc<Play>, length: Duration) {
    let rounds = (length.as_millis() / 1500).clamp(3, 10);
    for round in 0..rounds {
        let product = COLD.start() + u32::try_from(round).unwrap() % u32::try_from(COLD.count()).unwrap();
        let place = u8::try_from(round % u128::from(NODES)).unwrap();
        let what = [What::Votes, What::Posts, What::AnswerPosts][usize::try_from(round).unwrap() % 3];
        let mut reader = play.client(place);
        let others: Vec<u32> = play.stage.of_product(product + 1).to_vec();
        for target in play.stage.of_product(product).iter().chain(&others) {
            assert!(reader.warm(play, *target).await, "the key cannot be read");
        }
        let mut writer = play.client(place);
        // Its versions go on where they were, since each product has its turn once or writes only votes.
        let mut api = Api::new(product);
        let targets = play.stage.showing(what, product);
        let Some(_token) = api.write(play, &mut writer, what).await else { continue };
        let from = play.clock.now();
        let kill = round == 2;
        if kill {
            faults::kill_postgres(play);
        } else {
            play.cluster.to_postgres(place).set(None, Fault::Cut);
            play.fault("own write, then cut");
        }
        let both: Vec<u32> = targets.iter().chain(&others).copied().collect();
        watch(play, &mut reader, &both, BOUND.mul_f64(1.3)).await;
        if kill {
            faults::revive_postgres(play, from);
        } else {
            play.cluster.to_postgres(place).heal(None);
            play.window(Some(place), from);
        }
        reader.hand_in(play);
        writer.hand_in(play);
    }
}

/// What PostgreSQL says when a commit is done: the command's name, and that it is ready for another.
const COMMITTED: &[u8] = b"COMMIT\0Z\0\0\0\x05I";

/// The reply to a commit is lost, or the stamp behind it; meanwhile the node cannot poll, or it can.
async fn write_cut(play: &Arc<Play>, until: Instant) {
    let mut round = 0;
    let mut apis: Vec<Api> = COLD.map(Api::new).collect();
    while Instant::now() < until {
        let at = round % apis.len();
        let product = COLD.start() + u32::try_from(at).unwrap();
        let place = u8::try_from(round % usize::from(NODES)).unwrap();
        let stamp = round % 2 == 1;
        let proxy = play.cluster.to_postgres(place);
        let (mut writer, mut reader) = (play.client(place), play.client(place));
        let targets = play.stage.showing(What::Votes, product);
        for target in &targets {
            assert!(reader.warm(play, *target).await, "the key cannot be read");
        }
        let from = play.clock.now();
        let found = proxy.found();
        let fault = if stamp {
            Fault::CutBehindReply(COMMITTED.to_vec())
        } else {
            Fault::CutBehindRequest(b"COMMIT\0".to_vec())
        };
        proxy.set(Some(WRITERS), fault);
        if round % 4 >= 2 {
            proxy.set(Some(POLL), Fault::Silent);
        }
        let acked = apis[at].write(play, &mut writer, What::Votes).await.is_some();
        if proxy.found() > found {
            play.fault(if stamp { "stamp lost" } else { "commit's reply lost" });
            if stamp && !acked {
                play.fault("stamp lost, and the write not acknowledged");
            }
        }
        watch(play, &mut reader, &targets, BOUND / 4).await;
        proxy.heal(Some(WRITERS));
        proxy.heal(Some(POLL));
        play.window(Some(place), from);
        reader.hand_in(play);
        writer.hand_in(play);
        round += 1;
    }
}

/// What a node has not read yet is pruned while it cannot poll, for less than the bound.
async fn pruned(play: &Arc<Play>, session: &mut Session, place: u8) {
    let from = play.clock.now();
    let proxy = play.cluster.to_postgres(place);
    proxy.set(Some(POLL), Fault::Cut);
    sleep(BOUND / 2).await;
    faults::prune(play, session).await;
    proxy.heal(Some(POLL));
    play.window(Some(place), from);
    sleep(BOUND / 2).await;
}

/// PostgreSQL crashes, and what lay on its disk runs twice: one node's fetches go to the one that nobody writes to.
async fn two_primaries(play: &Arc<Play>, length: Duration) {
    let from = faults::kill_postgres(play);
    let twin = block_in_place(|| {
        let mut postgres = play.cluster.postgres();
        let twin = postgres.twin();
        postgres.start_again();
        // It looks alive to whoever does not compare.
        twin.psql(&play.cluster.database(), "INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING");
        twin
    });
    play.window(None, from);
    let from = play.clock.now();
    sleep(BOUND / 2).await;
    let proxy = play.cluster.to_postgres(0);
    proxy.route(READERS, ([127, 0, 0, 1], twin.port()).into());
    play.fault("second primary");
    sleep(length.max(BOUND * 2)).await;
    proxy.heal_all();
    play.window(Some(0), from);
    block_in_place(|| drop(twin));
}

/// One kind of connection is slow on every node.
async fn slow(play: &Play, application: &'static str, most: u64, length: Duration) {
    let from = play.clock.now();
    for place in 0..NODES {
        let fault = Fault::Slow(Duration::ZERO, Duration::from_millis(most));
        play.cluster.to_postgres(place).set(Some(application), fault);
    }
    sleep(length).await;
    for place in 0..NODES {
        play.cluster.to_postgres(place).heal(Some(application));
    }
    play.window(None, from);
}

/// A poll takes up to 280 of the 300 ms it may; then the node is cut off for longer than the bound.
async fn slow_polls(play: &Play, until: Instant, chance: &mut fastrand::Rng) {
    while Instant::now() < until {
        let place = chance.u8(..NODES);
        let from = play.clock.now();
        let proxy = play.cluster.to_postgres(place);
        proxy.set(Some(POLL), Fault::Slow(Duration::from_millis(125), Duration::from_millis(135)));
        sleep(BOUND.mul_f64(0.5 + chance.f64() * 0.3)).await;
        // The poll's own connection keeps its rule; what it has under way still comes, and then nothing.
        proxy.set(Some(READERS), Fault::Cut);
        proxy.set(Some(WRITERS), Fault::Cut);
        sleep(Duration::from_millis(150)).await;
        faults::cut(play, place, Some(POLL), Fault::Cut, BOUND.mul_f64(1.5)).await;
        proxy.heal_all();
        play.window(Some(place), from);
        sleep(BOUND / 4).await;
    }
}

/// Transactions end without a trace on the disk, nodes see that they have ended, and PostgreSQL is killed. Afterwards their
/// numbers are given to others.
async fn lost_xids(play: &Arc<Play>, owners: &Owners, length: Duration) {
    let mut session = Session::new(play);
    // Whoever commits flushes what others have left unflushed, so nobody does.
    let mut held = Vec::new();
    for owner in owners.each() {
        held.push(owner.lock().await);
    }
    play.pause_api(true).await;
    // A part that is undone takes a number; a temporary table writes no log, and an end without a commit flushes none.
    let burnt = session
        .run(
            "BEGIN; CREATE TEMP TABLE burnt (n int); DO $$ BEGIN FOR n IN 1..3000 LOOP
               BEGIN INSERT INTO burnt VALUES (n); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END;
             END LOOP; END $$; ROLLBACK",
        )
        .await;
    assert!(burnt.is_ok(), "the transactions cannot be made: {burnt:?}");
    let before = xmax(&mut session).await;
    // Two polls, so that every node has seen them end.
    sleep(Duration::from_millis(350)).await;
    let from = faults::kill_postgres(play);
    faults::revive_postgres(play, from);
    let after = xmax(&mut session).await;
    if after < before {
        play.fault("transactions forgotten");
    }
    drop(held);
    play.pause_api(false).await;
    sleep(length).await;
}

async fn xmax(session: &mut Session) -> u64 {
    for _ in 0..100 {
        let xmax = session.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").await;
        if let Some(xmax) = xmax.ok().and_then(|rows| rows.first()?.parse().ok()) {
            return xmax;
        }
        sleep(Duration::from_millis(20)).await;
    }
    0
}

/// Answers of cold products are held, outdated, and known to be; then the nodes read everything anew, while each of these is
/// asked for once.
async fn renewed(play: &Arc<Play>, writing: &Owners) {
    let mut session = Session::new(play);
    let mut warming = Vec::new();
    let keys: Vec<u32> = COLD.flat_map(|product| play.stage.of_product(product).to_vec()).collect();
    for place in 0..NODES {
        let (play, keys) = (Arc::clone(play), keys.clone());
        warming.push(tokio::spawn(async move {
            let mut reader = play.client(place);
            for target in keys {
                reader.warm(&play, target).await;
            }
            reader.hand_in(&play);
        }));
    }
    for warmed in warming {
        warmed.await.expect("warming ends");
    }
    let version = play.cold_version();
    let mut owners: Vec<_> = COLD.map(|product| writers::Owner::at(product, version)).collect();
    let drafts: Vec<_> = owners
        .iter_mut()
        .flat_map(|owner| [What::Slogan, What::Style, What::Review, What::Answer].map(|what| writers::set(owner, what)))
        .collect();
    let _ = writers::commit(play, &mut session, &drafts, &Manner::plain()).await;
    sleep(BOUND + Duration::from_millis(300)).await;
    let mut reading = Vec::new();
    for place in 0..NODES {
        let (play, keys) = (Arc::clone(play), keys.clone());
        reading.push(tokio::spawn(async move {
            let mut reader = play.client(place);
            // For longer than it takes until a poll.
            let mut tick = tokio::time::interval(Duration::from_millis(900) / u32::try_from(keys.len()).unwrap());
            for target in keys {
                tick.tick().await;
                reader.read(&play, target, None, None).await;
            }
            reader.hand_in(&play);
        }));
    }
    // While a long transaction runs, or none has ended since the last poll, a mark sees no more than the nodes have, and nobody
    // has to begin anew.
    let mut held = Vec::new();
    for owner in writing.each() {
        held.push(owner.lock().await);
    }
    play.pause_api(true).await;
    for _ in 0..4 {
        let ended = session.run("SELECT pg_current_xact_id()").await;
        assert!(ended.is_ok(), "a transaction cannot be made: {ended:?}");
        faults::prune(play, &mut session).await;
        sleep(Duration::from_millis(120)).await;
    }
    drop(held);
    play.pause_api(false).await;
    for read in reading {
        read.await.expect("reading ends");
    }
}

/// A photo changes in a transaction that is still open, its review moves to another product, and that product's page is
/// filled before the photo is committed. The move has to be refused.
async fn moved(play: &Arc<Play>) {
    let (from, to) = (*COLD.start(), COLD.start() + 1);
    let review = super::stage::row(from);
    let pages = review_keys(play, to);
    let (mut photo, mut mover) = (Session::new(play), Session::new(play));
    let mut readers: Vec<_> = (0..NODES).map(|place| play.client(place)).collect();
    let changed = format!("UPDATE reviews_photos SET url = 'https://img.example/v=1.jpg' WHERE review_id = {review}");
    photo.run(&format!("BEGIN; {changed}")).await.expect("the photo changes");
    // No higher in the order than the target's own, so that both are on the page.
    match mover.run(&format!("UPDATE reviews SET product_id = {to} WHERE id = {review}")).await {
        Ok(_) => play.note(|history| history.moves_accepted += 1),
        Err(_) => play.note(|history| history.moves_refused += 1),
    }
    play.fault("move tried");
    sleep(Duration::from_millis(300)).await;
    for reader in &mut readers {
        for page in pages {
            assert!(reader.warm(play, page).await, "the key cannot be read");
        }
    }
    photo.step("COMMIT").await.expect("the photo is committed");
    sleep(Duration::from_millis(300)).await;
    for reader in readers {
        reader.hand_in(play);
    }
}

/// One fault after another, two kinds at a time.
async fn mixed(play: &Arc<Play>, owners: &Owners, until: Instant, chance: &mut fastrand::Rng) {
    faults::lose_hints(play);
    let lies = tokio::spawn(hostile::lie(Arc::clone(play), until, 997));
    let cuts = {
        let (play, mut chance) = (Arc::clone(play), play.chance(996));
        tokio::spawn(async move {
            while Instant::now() < until {
                sleep(BOUND.mul_f64(chance.f64())).await;
                let place = chance.u8(..NODES);
                faults::any_cut(&play, place, BOUND, &mut chance).await;
            }
        })
    };
    let mut session = Session::new(play);
    while Instant::now() < until {
        match chance.u32(..8) {
            0 => {
                let from = faults::kill_postgres(play);
                sleep(BOUND.mul_f64(chance.f64())).await;
                faults::revive_postgres(play, from);
            }
            1 => faults::kill_backend(play).await,
            2 => {
                block_in_place(|| play.cluster.redis().stop());
                play.fault("Redis killed");
                sleep(BOUND / 2).await;
                block_in_place(|| play.cluster.redis().start_again());
            }
            3 => {
                let place = chance.u8(..NODES);
                faults::stop(play, place, BOUND.mul_f64(0.3 + chance.f64()), chance).await;
            }
            4 => faults::end_polls(play, &mut session).await,
            5 => faults::prune(play, &mut session).await,
            6 => writers::bulk(play, &mut session, owners, &Manner::plain()).await,
            _ => {
                let manner = Manner { weight: Weight::Soft, ..Manner::plain() };
                writers::bulk(play, &mut session, owners, &manner).await;
            }
        }
        sleep(BOUND.mul_f64(chance.f64() / 2.0)).await;
    }
    let _ = lies.await;
    let _ = cuts.await;
}
