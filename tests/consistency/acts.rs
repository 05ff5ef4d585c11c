//! What is done in each scene.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use atelier_rig::{Client, Fault};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::cluster::{NODES, POLL, READERS, WRITERS};
use super::faults;
use super::history::Weight;
use super::hostile;
use super::lives::{lost_xids, pruned, renewed, two_primaries};
use super::play::Play;
use super::purges::{erased, review_keys, soft_purge, watch};
use super::scenes::{BOUND, GRACE, Scene};
use super::sql::Session;
use super::stage::{BUSY, COLD, FILLER, What};
use super::writers::{self, Api, Manner, Owners};

impl Scene {
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
            Self::Clocks => clocks(play, length).await,
            Self::Mixed => mixed(play, owners, until, &mut chance).await,
        }
    }
}

/// Nothing but what the clocks say: they have to be wrong indeed.
async fn clocks(play: &Arc<Play>, length: Duration) {
    let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = since_1970(SystemTime::now());
    for place in 0..NODES {
        let address = play.with_node(place, |node| node.address);
        let answer = block_in_place(|| Client::connect(address).request("GET", "/reviews", &[], b""));
        let said = answer.header("date").and_then(|date| httpdate::parse_http_date(date).ok()).map_or(now, since_1970);
        if said.abs_diff(now) > 3_500 {
            play.fault("clock an hour wrong");
        }
    }
    sleep(length).await;
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
