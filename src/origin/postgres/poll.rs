//! What was changed, read on a connection of its own: no other statement holds it up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};
use tracing::{debug, info};
use xxhash_rust::xxh3::xxh3_64;

use super::connect::{ConnectError, Connected, Connector, Link, Purpose};
use super::snapshot::{self, Snapshot};
use crate::cause::Causes;
use crate::origin::{Changes, OriginError, Poll, Position, Tags};
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Stamp};
use crate::tag::{Kind, Tag};

/// Limits of the connection that polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a poll may take, on the server.
    pub statement: Duration,
    /// How long reading all that is kept may take, on the server.
    pub resync: Duration,
    /// How old a connection may get: a primary that was replaced while the connection to it stays open is found out so.
    pub age: Duration,
}

/// A connection with its statements.
#[derive(Debug)]
struct Line {
    client: Client,
    poll: Statement,
    resync: Statement,
    since: Instant,
    _link: Link,
}

/// The place of the connection that polls.
#[derive(Debug)]
pub(super) struct Polls {
    connector: Connector,
    limits: Limits,
    /// One poll at a time.
    place: Mutex<Place>,
    /// The one there is may lead to a primary that is none any more.
    suspect: AtomicBool,
}

#[derive(Debug, Default)]
struct Place {
    /// None while a poll uses it: one that is given up takes its connection along, over which nothing may come any more.
    line: Option<Line>,
    /// The connection that is to take its place. It is made apart, since that may take longer than a poll may.
    coming: Option<JoinHandle<Result<Line, ConnectError>>>,
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OriginError {
    OriginError::Failed(error.into())
}

/// The database cannot be polled as it is, whatever is tried.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(
        "the outbox holds rows from another cluster, as after a restore that brought the data of the schema edge along: \
         TRUNCATE edge.outbox, edge.mark"
    )]
    Foreign,
    #[error("the outbox holds {0:?}, which is no tag")]
    Tag(String),
}

impl Polls {
    pub(super) fn new(connector: Connector, limits: Limits) -> Self {
        Self { connector, limits, place: Mutex::default(), suspect: AtomicBool::new(false) }
    }

    /// How many connections poll: one, unless it broke and there is no other yet.
    pub(super) fn up(&self) -> usize {
        // While it is locked, a poll uses it, or makes it.
        self.place.try_lock().map_or(1, |place| usize::from(place.line.is_some()))
    }

    /// The next poll goes over another connection.
    pub(super) fn look_again(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// See [`crate::origin::Origin::poll`].
    pub(super) async fn poll(&self, position: Option<&Position>, most: usize) -> Result<Poll, OriginError> {
        let mut place = self.place.lock().await;
        let place = &mut *place;
        if self.suspect.swap(false, Ordering::Relaxed) {
            *place = Place::default();
        }
        self.renew(place).await;
        let line = match place.line.take().filter(|line| !line.client.is_closed()) {
            Some(line) => line,
            None => self.arrive(place).await?,
        };
        let polled = line.ask(position, most, self.limits).await;
        if polled.is_ok() {
            // Whatever else is wrong with it, the next poll finds out on a new one.
            place.line = Some(line);
        }
        polled
    }

    fn begin(&self) -> JoinHandle<Result<Line, ConnectError>> {
        tokio::spawn(connect(self.connector.clone(), self.limits))
    }

    /// Waits for the connection that is being made, or for another if that broke meanwhile.
    async fn arrive(&self, place: &mut Place) -> Result<Line, OriginError> {
        loop {
            let coming = place.coming.get_or_insert_with(|| self.begin());
            let is_old = coming.is_finished();
            let line = coming.await;
            place.coming = None;
            let line = line.map_err(failed)?.map_err(failed);
            let is_gone = line.as_ref().is_ok_and(|line| line.client.is_closed());
            if !is_old || (line.is_ok() && !is_gone) {
                return line;
            }
        }
    }

    /// Puts a new connection in the place of one that is old, when it is there; polls go on meanwhile.
    async fn renew(&self, place: &mut Place) {
        if place.line.as_ref().is_none_or(|line| line.since.elapsed() < self.limits.age) {
            return;
        }
        match &mut place.coming {
            None => place.coming = Some(self.begin()),
            Some(coming) if coming.is_finished() => {
                match coming.await {
                    Ok(Ok(line)) => {
                        debug!("the connection that polls is a new one");
                        place.line = Some(line);
                    }
                    Ok(Err(error)) => {
                        info!(error = %Causes(&*error), "the connection that polls could not be renewed");
                    }
                    Err(error) => info!(%error, "the connection that polls could not be renewed"),
                }
                place.coming = None;
            }
            Some(_) => {}
        }
    }
}

async fn connect(connector: Connector, limits: Limits) -> Result<Line, ConnectError> {
    let purpose = Purpose::Poll { statement: limits.statement };
    let line = async |connected: Connected| -> Result<Line, ConnectError> {
        let Connected { client, link, .. } = connected;
        super::rights::check(&client).await?;
        let poll = client.prepare_typed(include_str!("poll.sql"), &[Type::TEXT, Type::INT8]).await?;
        let resync = client.prepare_typed(include_str!("resync.sql"), &[Type::INT8]).await?;
        Ok(Line { client, poll, resync, since: Instant::now(), _link: link })
    };
    connector.connect(purpose, line).await
}

impl Line {
    async fn ask(&self, position: Option<&Position>, most: usize, limits: Limits) -> Result<Poll, OriginError> {
        loop {
            let limit = i64::try_from(most).unwrap_or(i64::MAX - 1);
            let row = match position {
                Some(position) if red::is_on(Red::CursorById) => self.by_id(position, limit).await?,
                Some(position) => self.client.query_one(&self.poll, &[&&*position.0, &limit]).await.map_err(failed)?,
                None => self.kept(limit, limits).await?,
            };
            match read(&row, position, most)? {
                Some(poll) => return Ok(poll),
                // It was emptied by a crash or a promotion, which is what it is for.
                None => self.incarnate().await.map_err(failed)?,
            }
        }
    }

    /// Everything that is kept, for which the time of a poll may be too short.
    async fn kept(&self, limit: i64, limits: Limits) -> Result<Row, OriginError> {
        let client = &self.client;
        let begin = format!("BEGIN; SET LOCAL statement_timeout = {}", limits.resync.as_millis());
        client.batch_execute(&begin).await.map_err(failed)?;
        let row = client.query_one(&self.resync, &[&limit]).await.map_err(failed)?;
        client.batch_execute("COMMIT").await.map_err(failed)?;
        Ok(row)
    }

    async fn incarnate(&self) -> Result<(), tokio_postgres::Error> {
        const RENEW: &str =
            "BEGIN READ WRITE; INSERT INTO edge.incarnation DEFAULT VALUES ON CONFLICT DO NOTHING; COMMIT";
        self.client.batch_execute(RENEW).await
    }

    /// The bug that this protocol is there to avoid: ids are taken before the commit, and commits come out of order.
    async fn by_id(&self, position: &Position, limit: i64) -> Result<Row, OriginError> {
        let since = position.0.split('|').nth(1).unwrap_or("0");
        let text = include_str!("poll.sql");
        let condition = text.find("WHERE xid >= pg_snapshot_xmax($1").zip(text.find("GROUP BY tag"));
        let (from, to) = condition.unwrap_or_default();
        let text = format!("{}WHERE $1::text IS NOT NULL AND id > {since} {}", &text[..from], &text[to..]);
        let text =
            text.replacen("changes.kinds\n", "changes.kinds, (SELECT max(id)::text FROM edge.outbox) AS last\n", 1);
        self.client.query_one(&text, &[&&*position.0, &limit]).await.map_err(failed)
    }
}

fn column<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, name: &str) -> Result<T, OriginError> {
    row.try_get(name).map_err(failed)
}

/// What the row says; `None` when the database has no incarnation.
fn read(row: &Row, position: Option<&Position>, most: usize) -> Result<Option<Poll>, OriginError> {
    let Some(incarnation) = column::<Option<snapshot::Uuid>>(row, "incarnation")? else { return Ok(None) };
    let (system, started): (i64, i64) = (column(row, "system")?, column(row, "started")?);
    let (timeline, generation): (&str, i64) = (column(row, "timeline")?, column(row, "gen")?);
    let epoch = if red::is_on(Red::NoIncarnation) {
        Epoch::new(1 << 32)
    } else {
        // A hash that is zero would stand for no epoch at all.
        let life = format!("{system} {timeline} {started} {:032x} {generation}", incarnation.0);
        Epoch::new(xxh3_64(life.as_bytes()).max(1))
    };
    if column(row, "future")? {
        return Err(failed(Unfit::Foreign));
    }
    let mut text: String = column(row, "snapshot")?;
    let stamp = snapshot::parse(&text)?.stamp();
    let tags = tags(row, most)?;
    let horizon = column::<Option<&str>>(row, "horizon")?.map(snapshot::parse).transpose()?;
    let changes = match position {
        Some(position) => {
            // The position saw every change that was pruned, if none of those was still to end.
            let position = snapshot::parse(position.0.split('|').next().unwrap_or_default())?;
            if horizon.is_some_and(|horizon| horizon.xmin > position.xmin) {
                Changes::Gap
            } else {
                Changes::Since(tags)
            }
        }
        None => Changes::Kept { seen: seen(row)?, tags, horizon: horizon.map(Snapshot::stamp) },
    };
    if red::is_on(Red::CursorById) {
        let last: &str = if position.is_some() { column::<Option<&str>>(row, "last")?.unwrap_or("0") } else { "0" };
        text = format!("{text}|{last}");
    }
    Ok(Some(Poll { epoch, incarnation: Incarnation(incarnation.0), stamp, position: Position(text.into()), changes }))
}

/// For each tag, the stamp of the oldest mark that saw the last transaction that noted it, and so all before.
fn seen(row: &Row) -> Result<Vec<Option<Stamp>>, OriginError> {
    let latest: Option<Vec<i64>> = column(row, "latest")?;
    let marks: Vec<&str> = column(row, "marks")?;
    let marks: Vec<Snapshot> = marks.into_iter().map(snapshot::parse).collect::<Result<_, _>>()?;
    let of = |latest: i64| {
        let first = marks.partition_point(|mark| mark.xmin <= latest.unsigned_abs());
        marks.get(first).map(|mark| mark.stamp())
    };
    Ok(latest.unwrap_or_default().into_iter().map(of).collect())
}

fn tags(row: &Row, most: usize) -> Result<Tags, OriginError> {
    let (tags, kinds): (Option<Vec<&str>>, Option<Vec<i16>>) = (column(row, "tags")?, column(row, "kinds")?);
    let Some((tags, kinds)) = tags.zip(kinds).filter(|(tags, _)| tags.len() <= most) else {
        let strictest: Option<i16> = column(row, "strictest")?;
        return Ok(Tags::TooMany(strictest.map_or(Kind::Hard, Kind::from_number).max(Kind::Hard)));
    };
    let tags = tags.into_iter().zip(kinds).map(|(tag, kind)| {
        // An id above what a column holds cannot be asked for; every other text is somebody's mistake.
        let tag: Tag = tag.parse().map_err(|_| failed(Unfit::Tag(tag.to_owned())))?;
        Ok((tag, Kind::from_number(kind)))
    });
    Ok(Tags::These(tags.collect::<Result<_, OriginError>>()?))
}
