//! What is done to the servers. Each fault writes down when it may have kept which node from the origin.

use std::time::Duration;

use atelier_rig::{Fault, process};
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::cluster::{NODES, PATIENCE, POLL, READERS};
use super::history::Nanos;
use super::play::Play;
use super::readers::any_target;
use super::sql::Session;

/// Cuts or silences a part of a node's way to PostgreSQL for a while.
pub(crate) async fn cut(play: &Play, place: u8, application: Option<&'static str>, fault: Fault, long: Duration) {
    let from = play.clock.now();
    let proxy = play.cluster.to_postgres(place);
    play.fault(match (&fault, application) {
        (Fault::Cut, None) => "path cut",
        (Fault::Cut, Some(_)) => "some connections cut",
        _ => "path silent or slow",
    });
    proxy.set(application, fault);
    sleep(long).await;
    proxy.heal(application);
    play.window(Some(place), from);
}

/// A fault of a node's way, as chance will have it, for longer than the bound now and then.
pub(crate) async fn any_cut(play: &Play, place: u8, bound: Duration, chance: &mut fastrand::Rng) {
    let application = [None, None, Some(POLL), Some(READERS)][chance.usize(..4)];
    let slow = Fault::Slow(Duration::from_millis(1), Duration::from_millis(200));
    let fault = [Fault::Cut, Fault::Cut, Fault::Silent, slow][chance.usize(..4)].clone();
    cut(play, place, application, fault, bound.mul_f64(0.3 + chance.f64() * 1.5)).await;
}

/// Stops a node's process, lets it go on, and reads at once from it.
pub(crate) async fn stop(play: &Play, place: u8, long: Duration, chance: &mut fastrand::Rng) {
    let from = play.clock.now();
    let mut readers: Vec<_> = (0..4).map(|_| play.client(place)).collect();
    for reader in &mut readers {
        let _ = reader.client.connect().await;
    }
    play.with_node(place, |node| block_in_place(|| node.process().signal("STOP")));
    sleep(long).await;
    play.with_node(place, |node| block_in_place(|| node.process().signal("CONT")));
    play.fault("node stopped");
    for _ in 0..5 {
        for reader in &mut readers {
            let target = any_target(play, chance);
            reader.read(play, target, None, None).await;
        }
    }
    play.window(Some(place), from);
    readers.into_iter().for_each(|reader| reader.hand_in(play));
}

/// Kills PostgreSQL with `kill -9`. [`revive_postgres`] starts it again.
pub(crate) fn kill_postgres(play: &Play) -> Nanos {
    let from = play.clock.now();
    block_in_place(|| play.cluster.postgres().kill());
    play.fault("postmaster killed");
    from
}

/// Starts PostgreSQL after [`kill_postgres`].
pub(crate) fn revive_postgres(play: &Play, from: Nanos) {
    block_in_place(|| play.cluster.postgres().start_again());
    play.window(None, from);
}

/// Kills one backend of the nodes with `kill -9`, so that PostgreSQL restarts all and forgets its incarnation.
pub(crate) async fn kill_backend(play: &Play) {
    let from = play.clock.now();
    if !block_in_place(|| play.cluster.postgres().kill_backend(READERS)) {
        return;
    }
    play.fault("backend killed");
    // The others are told to end; then it recovers.
    sleep(Duration::from_millis(100)).await;
    wait(play, "PostgreSQL recovers").await;
    play.window(None, from);
}

/// Waits until PostgreSQL answers.
async fn wait(play: &Play, what: &str) {
    let database = play.cluster.database();
    block_in_place(|| {
        process::wait_until(what, PATIENCE, || play.cluster.postgres().try_psql(&database, "SELECT 1").ok());
    });
}

/// Ends the poll connections of all nodes.
pub(crate) async fn end_polls(play: &Play, session: &mut Session) {
    let ended = session
        .query(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{POLL}'
             AND datname = current_database()"
        ))
        .await;
    for _ in ended.unwrap_or_default() {
        play.fault("poll connection ended");
    }
}

/// Prunes the outbox up to now, as a node with a very short retention would.
pub(crate) async fn prune(play: &Play, session: &mut Session) {
    let marked = session.run("INSERT INTO edge.mark DEFAULT VALUES").await;
    let pruned = session
        .run(
            "WITH cut AS (SELECT at, snap FROM edge.mark ORDER BY at DESC LIMIT 1),
                  gone AS (DELETE FROM edge.outbox AS o USING cut WHERE o.xid < pg_snapshot_xmin(cut.snap))
             DELETE FROM edge.mark AS m USING cut WHERE m.at < cut.at",
        )
        .await;
    if marked.is_ok() && pruned.is_ok() {
        play.fault("outbox pruned");
    }
}

/// Loses every hint of every node on its way to Redis.
pub(crate) fn lose_hints(play: &Play) {
    for place in 0..NODES {
        let to = play.cluster.to_redis(place);
        to.set(None, Fault::Replace(b"atelier:hint".to_vec(), b"atelier:hin_".to_vec()));
    }
}

/// Watches whether this machine keeps up: where a statement or a wake-up takes long, nodes may give up on the origin. A node
/// may be out of breath alone; then it says so in its log, for which it must have waited for all the time that a statement has.
pub(crate) async fn watch(play: std::sync::Arc<Play>) {
    let mut session = Session::new(&play);
    while !play.readers_end() {
        for place in 0..NODES {
            let log = block_in_place(|| play.log_of(place));
            if log.contains("the origin did not answer in time") {
                play.fault("a fetch was late");
                play.window(Some(place), play.clock.now());
            }
            // What a node says of itself is judged by the same versions as everything else; that it says so is news in any case.
            for line in log.lines().filter(|line| line.contains("was answered as proved")) {
                play.note(|history| history.oddities.push(format!("node {}: {line}", play.name(place))));
            }
        }
        let begun = play.clock.now();
        sleep(Duration::from_millis(20)).await;
        let asked = session.run("SELECT 1").await;
        let took = play.clock.now() - begun;
        // The nodes give a poll 300 ms and a statement 400 ms.
        if asked.is_ok() && took > 150_000_000 {
            play.fault("machine was slow");
            play.window(None, begun);
        }
    }
}
