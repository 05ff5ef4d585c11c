//! Scenes of a history that has gaps, begins anew, or has two sides.

use std::sync::Arc;
use std::time::Duration;

use atelier_rig::Fault;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::cluster::{NODES, POLL, READERS};
use super::faults;
use super::play::Play;
use super::scenes::BOUND;
use super::sql::Session;
use super::stage::{COLD, What};
use super::writers::{self, Manner, Owners};

/// What a node has not read yet is pruned while it cannot poll, for less than the bound.
pub(super) async fn pruned(play: &Arc<Play>, session: &mut Session, place: u8) {
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
pub(super) async fn two_primaries(play: &Arc<Play>, length: Duration) {
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

/// Transactions end without a trace on the disk, nodes see that they have ended, and PostgreSQL is killed. Afterwards their
/// numbers are given to others.
pub(super) async fn lost_xids(play: &Arc<Play>, owners: &Owners, length: Duration) {
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
pub(super) async fn renewed(play: &Arc<Play>, writing: &Owners) {
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
