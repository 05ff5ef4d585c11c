//! Who writes: with SQL, one owner for each product, so that the order of its versions is known; and through the API.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::cluster::NODES;
use super::history::{Change, Nanos, Via, Weight, Write};
use super::play::{Play, Token, claim};
use super::reader::Reader;
use super::sql::{Fail, Session};
use super::stage::{BUSY, FILLER_REVIEW, FILLERS, FLEETING, What, deletion, moves, row, statements};

/// How much is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How long an owner rests between two transactions, on average.
    pub(crate) sql_rest: Duration,
    /// Of how many in a hundred transactions the rows stay locked for a while.
    pub(crate) long: u32,
    /// For how long.
    pub(crate) held: (Duration, Duration),
    /// How long an API writer rests between two writes, on average; none: no such writers.
    pub(crate) api_rest: Option<Duration>,
}

impl Load {
    /// What the runs begin with.
    pub(crate) fn usual() -> Self {
        Self {
            sql_rest: Duration::from_millis(60),
            long: 2,
            held: (Duration::from_millis(300), Duration::from_millis(1200)),
            api_rest: Some(Duration::from_millis(40)),
        }
    }
}

/// The versions of one product. Whoever holds the lock writes.
#[derive(Debug)]
pub(crate) struct Owner {
    /// Which product.
    pub(crate) product: u32,
    versions: HashMap<What, u64>,
    /// What may be gone, as far as is known: the next write of it inserts.
    gone: bool,
}

impl Owner {
    fn new(product: u32) -> Self {
        Self { product, versions: HashMap::new(), gone: false }
    }

    /// An owner of whom everything has this version so far.
    pub(crate) fn at(product: u32, version: u64) -> Self {
        let versions = What::SQL.into_iter().map(|what| (what, version)).collect();
        Self { product, versions, gone: false }
    }

    /// The next version.
    pub(crate) fn next(&mut self, what: What) -> u64 {
        let version = self.versions.entry(what).or_insert(0);
        *version += 1;
        *version
    }
}

/// The owners of the busy and the fleeting products.
#[derive(Clone, Debug)]
pub(crate) struct Owners(Vec<Arc<Mutex<Owner>>>);

impl Owners {
    /// All of them.
    pub(crate) fn new() -> Self {
        Self(BUSY.chain(FLEETING).map(|product| Arc::new(Mutex::new(Owner::new(product)))).collect())
    }

    /// One by one.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Arc<Mutex<Owner>>> {
        self.0.iter()
    }

    /// The one of a busy product.
    pub(crate) fn of(&self, product: u32) -> &Arc<Mutex<Owner>> {
        &self.0[usize::try_from(product - BUSY.start()).unwrap()]
    }
}

/// Everything but who and when of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    what: What,
    product: u32,
    version: u64,
    change: Change,
}

/// A draft that sets a version.
pub(crate) fn set(owner: &mut Owner, what: What) -> Draft {
    let (version, product) = (owner.next(what), owner.product);
    Draft { what, product, version, change: Change::Set }
}

/// How a transaction goes.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// How it is meant.
    pub(crate) weight: Weight,
    /// For how long it stays open behind its last statement.
    pub(crate) held: Duration,
    /// Whether a poison is written and undone first, in a savepoint.
    pub(crate) savepoint: bool,
    /// Statements besides, before the commit.
    pub(crate) besides: String,
}

impl Manner {
    /// Nothing special.
    pub(crate) fn plain() -> Self {
        Self { weight: Weight::Hard, held: Duration::ZERO, savepoint: false, besides: String::new() }
    }
}

/// Writes down what a transaction wrote, when it began, and when it was acknowledged.
fn wrote(play: &Play, drafts: &[Draft], weight: Weight, (transaction, begin, ack): (u32, Nanos, Option<Nanos>)) {
    let write = |draft: &Draft| Write {
        register: play.stage.register(draft.what, draft.product),
        version: draft.version,
        change: draft.change,
        via: Via::Sql,
        weight,
        transaction,
        begin,
        ack,
    };
    play.wrote(&drafts.iter().map(write).collect::<Vec<_>>());
}

/// Writes drafts in one transaction and writes that down. `Ok` says when it was acknowledged, `None` that nobody knows; `Err`
/// that it is not done.
pub(crate) async fn commit(
    play: &Play,
    session: &mut Session,
    drafts: &[Draft],
    manner: &Manner,
) -> Result<Option<Nanos>, Fail> {
    let transaction = play.transaction();
    let begin = play.clock.now();
    let mut first = "BEGIN".to_owned();
    if manner.weight == Weight::Soft {
        first.push_str("; SET LOCAL atelier.purge = 'soft'");
    }
    session.run(&first).await?;
    for draft in drafts {
        if manner.savepoint && draft.change == Change::Set && draft.what != What::Fleeting {
            session.step("SAVEPOINT poison").await?;
            for (statement, _) in statements(draft.what, draft.product, None) {
                session.step(&statement).await?;
            }
            session.step("ROLLBACK TO poison").await?;
        }
        if draft.change == Change::Delete {
            session.step(&deletion(draft.what, draft.product)).await?;
            continue;
        }
        for (statement, rows) in statements(draft.what, draft.product, Some(draft.version)) {
            let touched = session.step(&statement).await?;
            if rows.is_some_and(|rows| rows != touched) {
                session.end();
                panic!("{statement}: touched {touched} rows");
            }
        }
    }
    if !manner.besides.is_empty() {
        session.step(&manner.besides).await?;
    }
    if !manner.held.is_zero() {
        sleep(manner.held).await;
    }
    // From here on a failure says nothing of the outcome.
    let ack = session.step("COMMIT").await.is_ok().then(|| play.clock.now());
    wrote(play, drafts, manner.weight, (transaction, begin, ack));
    Ok(ack)
}

fn around(chance: &mut fastrand::Rng, rest: Duration) -> Duration {
    rest.mul_f64(chance.f64() * 2.0)
}

/// Writes the versions of one product until the run ends its writers.
pub(crate) async fn owner(play: Arc<Play>, owner: Arc<Mutex<Owner>>, load: Load, task: u64) {
    let mut chance = play.chance(task);
    let mut session = Session::new(&play);
    while !play.writers_end() {
        sleep(around(&mut chance, load.sql_rest)).await;
        let mut owner = owner.lock().await;
        if play.writers_end() {
            break;
        }
        let fleeting = FLEETING.contains(&owner.product);
        if !fleeting && chance.u32(..100) < 3 {
            attempt_move(&play, &mut session, owner.product, &mut chance).await;
            continue;
        }
        if !fleeting && chance.u32(..100) < 5 {
            roll_back(&play, &mut session, owner.product, &mut chance).await;
            continue;
        }
        let drafts = drafts(&mut owner, &mut chance);
        let mut manner = Manner { savepoint: chance.u32(..100) < 8, ..Manner::plain() };
        if chance.u32(..100) < load.long {
            manner.held = load.held.0 + load.held.1.saturating_sub(load.held.0).mul_f64(chance.f64());
        }
        let result = commit(&play, &mut session, &drafts, &manner).await;
        if let Some(draft) = drafts.iter().find(|draft| matches!(draft.what, What::Blink | What::Fleeting)) {
            owner.gone = draft.change == Change::Delete;
        }
        if let Err(Fail::Refused(code)) = result {
            play.note(|history| history.oddities.push(format!("{drafts:?} was refused: {code}")));
        }
    }
}

fn drafts(owner: &mut Owner, chance: &mut fastrand::Rng) -> Vec<Draft> {
    let whole = FLEETING.contains(&owner.product);
    let what = if whole { What::Fleeting } else { What::SQL[chance.usize(..What::SQL.len())] };
    // What may be gone is inserted next, so that nothing stays away for long; what is there is deleted half of the time.
    if matches!(what, What::Fleeting | What::Blink) && !owner.gone && chance.bool() {
        let draft = Draft { change: Change::Delete, ..set(owner, what) };
        return vec![draft];
    }
    if !whole && chance.u32(..100) < 10 {
        let (one, other) = What::TOGETHER[chance.usize(..What::TOGETHER.len())];
        return vec![set(owner, one), set(owner, other)];
    }
    vec![set(owner, what)]
}

/// Writes poison and takes it back.
async fn roll_back(play: &Play, session: &mut Session, product: u32, chance: &mut fastrand::Rng) {
    let what = What::SQL[chance.usize(..What::SQL.len())];
    if session.run("BEGIN").await.is_err() {
        return;
    }
    for (statement, _) in statements(what, product, None) {
        if session.step(&statement).await.is_err() {
            return;
        }
    }
    sleep(around(chance, Duration::from_millis(10))).await;
    let _ = session.step("ROLLBACK").await;
    play.note(|history| history.rolled_back += 1);
}

/// Tries to move a row to another parent, which is to be refused with 23000.
async fn attempt_move(play: &Play, session: &mut Session, product: u32, chance: &mut fastrand::Rng) {
    let moves = moves(product, if product == 1 { 2 } else { product - 1 });
    let statement = &moves[chance.usize(..moves.len())];
    // It is taken back in any case, so that the versions stay where they are looked for.
    match session.run(&format!("BEGIN; {statement}; ROLLBACK")).await {
        Ok(_) => play.note(|history| history.moves_accepted += 1),
        Err(Fail::Refused(code)) if code == "23000" => play.note(|history| history.moves_refused += 1),
        Err(Fail::Refused(code)) => {
            play.note(|history| history.oddities.push(format!("{statement}: refused with {code} instead of 23000")));
        }
        Err(Fail::Lost) => {}
    }
}

/// New versions of every review, and more than a thousand others besides, in one statement.
pub(crate) async fn bulk(play: &Play, session: &mut Session, owners: &Owners, manner: &Manner) {
    let mut held = Vec::new();
    for owner in owners.each().take(BUSY.count()) {
        held.push(owner.lock().await);
    }
    let drafts: Vec<_> = held.iter_mut().map(|owner| set(owner, What::Review)).collect();
    let values: Vec<_> =
        drafts.iter().map(|draft| format!("({}, 'v={}')", row(draft.product), draft.version)).collect();
    let (values, first, last) = (values.join(", "), FILLER_REVIEW, FILLER_REVIEW + FILLERS - 1);
    let statement = format!(
        "UPDATE reviews SET body = coalesce(w.text, reviews.body), summary = coalesce(w.text, reviews.summary)
         FROM reviews AS r LEFT JOIN (VALUES {values}) AS w (id, text) ON w.id = r.id
         WHERE reviews.id = r.id AND (w.id IS NOT NULL OR r.id BETWEEN {first} AND {last})"
    );
    let (transaction, begin) = (play.transaction(), play.clock.now());
    let soft = if manner.weight == Weight::Soft { "SET LOCAL atelier.purge = 'soft';" } else { "" };
    let done = session.run(&format!("BEGIN; {soft} {statement}; {}", manner.besides)).await;
    if done.is_err() {
        return;
    }
    sleep(manner.held).await;
    let ack = session.step("COMMIT").await.is_ok().then(|| play.clock.now());
    if manner.weight == Weight::Soft {
        play.softened(begin, ack.unwrap_or(Nanos::MAX));
    }
    wrote(play, &drafts, manner.weight, (transaction, begin, ack));
}

/// One product's versions that are written through the API. Each has one writer, who uses every node.
#[derive(Debug)]
pub(crate) struct Api {
    product: u32,
    versions: HashMap<What, u64>,
}

impl Api {
    /// The writer of a product.
    pub(crate) fn new(product: u32) -> Self {
        Self { product, versions: HashMap::new() }
    }

    /// Writes through `reader`'s node. Returns the token if the write was acknowledged, and `None` if nobody knows.
    pub(crate) async fn write(&mut self, play: &Play, reader: &mut Reader, what: What) -> Option<Option<Token>> {
        let (product, first, second) = (self.product, row(self.product), row(self.product) + 1);
        let version = self.versions.get(&what).map_or(1, |version| version + 1);
        let people = r#""name":"mira","email":"mira@example.com""#;
        let (method, path, body) = match what {
            What::Votes => ("PUT", format!("/reviews/{second}/helpful"), String::new()),
            What::QuestionVotes => ("PUT", format!("/qa/questions/{second}/helpful"), String::new()),
            What::AnswerVotes => ("PUT", format!("/qa/answers/{second}/helpful"), String::new()),
            What::QuestionPosts => (
                "POST",
                "/qa/questions".to_owned(),
                format!(r#"{{"product_id":{product},"body":"v={version}",{people}}}"#),
            ),
            What::AnswerPosts => {
                ("POST", format!("/qa/questions/{first}/answers"), format!(r#"{{"body":"v={version}",{people}}}"#))
            }
            _ => (
                "POST",
                "/reviews".to_owned(),
                format!(
                    r#"{{"product_id":{product},"rating":5,"summary":"","body":"v={version}","recommend":true,{people},"photos":["https://img.example/u/{version}.jpg"],"characteristics":{{"{product}":4}}}}"#
                ),
            ),
        };
        let answer = reader.client.ask(method, &path, "", body.as_bytes()).await;
        let ack = matches!(answer.status, 201 | 204).then_some(answer.received);
        if ack.is_none() && !matches!(answer.status, 0 | 503) {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            play.note(|history| history.oddities.push(format!("{method} {path}: {} {text}", answer.status)));
            return None;
        }
        let transaction = play.transaction();
        let written: &[What] = if what == What::Posts { &[What::Posts, What::Ratings] } else { &[what] };
        let mut claims = Vec::new();
        let mut writes = Vec::new();
        for what in written {
            let register = play.stage.register(*what, product);
            // Values count their attempts, counts what was acknowledged.
            let count = matches!(what, What::Votes | What::QuestionVotes | What::AnswerVotes | What::Ratings);
            let counted = self.versions.entry(*what).or_insert(0);
            *counted += u64::from(!count || ack.is_some());
            claims.push(claim(register, *counted));
            writes.push(Write {
                register,
                version: if count { 0 } else { version },
                change: Change::Set,
                via: reader.via(),
                weight: Weight::Hard,
                transaction,
                begin: answer.sent,
                ack,
            });
        }
        play.wrote(&writes);
        ack?;
        let targets = written.iter().flat_map(|what| play.stage.showing(*what, product)).collect();
        Some(answer.ord.map(|text| Token { text, targets, claims: claims.into() }))
    }
}

/// Writes through the API, one write after another through whichever node, and reads at once what it wrote.
pub(crate) async fn api(play: Arc<Play>, products: Vec<u32>, rest: Duration, task: u64) {
    let mut chance = play.chance(task);
    let mut readers: Vec<_> = (0..NODES).map(|place| play.client(place)).collect();
    let mut products: Vec<_> = products.into_iter().map(Api::new).collect();
    const WAYS: [What; 6] =
        [What::Votes, What::QuestionVotes, What::AnswerVotes, What::Posts, What::QuestionPosts, What::AnswerPosts];
    while !play.writers_end() {
        sleep(around(&mut chance, rest)).await;
        let product = chance.usize(..products.len());
        let what = WAYS[chance.usize(..WAYS.len())];
        let place = chance.usize(..readers.len());
        let _turn = play.api_turn().await;
        let Some(token) = products[product].write(&play, &mut readers[place], what).await else { continue };
        let Some(token) = token else {
            let (node, now) = (play.name(u8::try_from(place).unwrap()), play.clock.now());
            play.note(|history| history.tokenless.push((node, now)));
            continue;
        };
        // On the same node without the token, on another with it.
        let target = token.targets[chance.usize(..token.targets.len())];
        readers[place].read(&play, target, None, None).await;
        if chance.bool() {
            let other = (place + 1 + chance.usize(..readers.len() - 1)) % readers.len();
            readers[other].read(&play, target, None, Some(&token)).await;
        }
        play.offer(token);
    }
    readers.into_iter().for_each(|reader| reader.hand_in(&play));
}
