//! The database of the model: overlapping transactions, an outbox with marks, crashes that lose commits.

use std::collections::{BTreeMap, BTreeSet};

use super::{ROWS, tag};
use crate::origin::{Changes as Learned, Poll, Position, Tags};
use crate::red::{self, Red};
use crate::stamp::{Epoch, Incarnation, Stamp};
use crate::tag::{Kind, Tag};

/// What PostgreSQL knows of its transactions at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) xmax: u64,
    pub(super) running: BTreeSet<u64>,
}

impl Snapshot {
    pub(super) fn sees(&self, xid: u64) -> bool {
        xid < self.xmax && !self.running.contains(&xid)
    }

    pub(super) fn xmin(&self) -> u64 {
        self.running.first().copied().unwrap_or(self.xmax)
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp::of_snapshot(self.xmax, self.running.len())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// Row and version.
    pub(super) writes: Vec<(usize, u64)>,
    pub(super) tags: Vec<(Tag, Kind)>,
}

#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) id: u64,
    pub(super) xid: u64,
    pub(super) tag: Tag,
    pub(super) kind: Kind,
}

/// The database.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) next_xid: u64,
    pub(super) open: BTreeMap<u64, Transaction>,
    /// Version and transaction of each row, the last committed one at the end.
    pub(super) rows: Vec<Vec<(u64, u64)>>,
    pub(super) outbox: Vec<Noted>,
    pub(super) next_id: u64,
    pub(super) marks: Vec<(u64, Snapshot)>,
    pub(super) incarnation: u128,
    pub(super) life: u64,
}

impl Database {
    pub(super) fn new() -> Self {
        Self {
            next_xid: 10,
            open: BTreeMap::new(),
            rows: vec![vec![(0, 0)]; ROWS],
            outbox: Vec::new(),
            next_id: 0,
            marks: Vec::new(),
            incarnation: 1,
            life: 1,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { xmax: self.next_xid, running: self.open.keys().copied().collect() }
    }

    pub(super) fn begin(&mut self) -> u64 {
        let xid = self.next_xid;
        self.next_xid += 1;
        self.open.insert(xid, Transaction { writes: Vec::new(), tags: Vec::new() });
        xid
    }

    pub(super) fn is_locked(&self, row: usize) -> bool {
        self.open.values().any(|open| open.writes.iter().any(|(other, _)| *other == row))
    }

    /// Ids of the outbox are taken when the row is written, not when it is committed.
    pub(super) fn note(&mut self, xid: u64, tag: Tag, kind: Kind) {
        self.next_id += 1;
        self.outbox.push(Noted { id: self.next_id, xid, tag, kind });
        self.open.get_mut(&xid).unwrap().tags.push((tag, kind));
    }

    pub(super) fn write(&mut self, xid: u64, row: usize, version: u64) {
        self.open.get_mut(&xid).unwrap().writes.push((row, version));
        self.note(xid, tag(row), Kind::Hard);
    }

    pub(super) fn commit(&mut self, xid: u64) -> Transaction {
        let done = self.open.remove(&xid).unwrap();
        for (row, version) in &done.writes {
            self.rows[*row].push((*version, xid));
        }
        done
    }

    pub(super) fn roll_back(&mut self, xid: u64) {
        self.open.remove(&xid);
        self.outbox.retain(|noted| noted.xid != xid);
    }

    pub(super) fn read(&self, row: usize) -> u64 {
        self.rows[row].last().unwrap().0
    }

    pub(super) fn epoch(&self) -> Epoch {
        if red::is_on(Red::NoIncarnation) { Epoch::new(1 << 40) } else { Epoch::new(self.life << 40) }
    }

    pub(super) fn poll(&self, since: Option<&(Snapshot, u64)>) -> (Poll, (Snapshot, u64)) {
        let now = self.snapshot();
        let mut tags: BTreeMap<String, (Tag, Kind)> = BTreeMap::new();
        let is_new = |noted: &Noted| match since {
            Some((_, id)) if red::is_on(Red::CursorById) => noted.id > *id,
            Some((position, _)) => !position.sees(noted.xid),
            None => true,
        };
        for noted in self.outbox.iter().filter(|noted| now.sees(noted.xid) && is_new(noted)) {
            let entry = tags.entry(noted.tag.to_string()).or_insert((noted.tag, noted.kind));
            entry.1 = entry.1.max(noted.kind);
        }
        let tags: Vec<(Tag, Kind)> = tags.into_values().collect();
        let seen = tags.iter().map(|(tag, _)| {
            let latest =
                self.outbox.iter().filter(|noted| now.sees(noted.xid) && noted.tag == *tag).map(|noted| noted.xid);
            let latest = latest.max()?;
            self.marks.iter().find(|(_, mark)| mark.xmin() > latest).map(|(_, mark)| mark.stamp())
        });
        let seen = seen.collect();
        let horizon = self.marks.first().map(|(_, snapshot)| snapshot);
        let changes = match since {
            Some((position, _)) if horizon.is_some_and(|horizon| horizon.xmin() > position.xmin()) => Learned::Gap,
            Some(_) => Learned::Since(Tags::These(tags)),
            None => Learned::Kept { tags: Tags::These(tags), seen, horizon: horizon.map(Snapshot::stamp) },
        };
        let last = self.outbox.iter().filter(|noted| now.sees(noted.xid)).map(|noted| noted.id).max().unwrap_or(0);
        let poll = Poll {
            epoch: self.epoch(),
            incarnation: Incarnation(self.incarnation),
            stamp: now.stamp(),
            position: Position("".into()),
            changes,
        };
        (poll, (now, last))
    }

    pub(super) fn prune(&mut self, at: u64, retention: u64) {
        self.marks.push((at, self.snapshot()));
        let Some(cut) = self.marks.iter().rposition(|(made, _)| made + retention < at) else { return };
        let below = self.marks[cut].1.xmin();
        self.outbox.retain(|noted| noted.xid >= below);
        self.marks.drain(..cut);
    }

    /// The primary ends, and what was open with it. `lost` of the last commits are lost too, as with a standby that lags; the
    /// transaction ids of those are used again.
    pub(super) fn crash(&mut self, lost: usize) {
        for xid in self.open.keys().copied().collect::<Vec<_>>() {
            self.roll_back(xid);
        }
        let mut commits: Vec<u64> = self.rows.iter().flatten().map(|(_, xid)| *xid).filter(|xid| *xid > 0).collect();
        commits.sort_unstable();
        commits.dedup();
        if let Some(first) = commits.iter().rev().take(lost).min().copied() {
            for row in &mut self.rows {
                row.retain(|(_, xid)| *xid < first);
            }
            self.outbox.retain(|noted| noted.xid < first);
            self.marks.retain(|(_, snapshot)| snapshot.xmax <= first);
            self.next_xid = first;
        }
        self.incarnation += 1;
        self.life += 1;
    }
}
