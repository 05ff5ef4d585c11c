//! The writes of one register, in the order of its versions.

use std::collections::HashMap;

use super::history::{Change, History, Nanos, Nature, Register, Via, Weight};

/// The end of time: when something happened that never did.
pub(crate) const NEVER: Nanos = Nanos::MAX;

/// One register's writes, by version.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// When version n began; version 0 was there before the run.
    pub(crate) begin: Vec<Nanos>,
    /// When the first of the versions above n was acknowledged.
    pub(crate) ack_above: Vec<Nanos>,
    /// The same of hard ones.
    pub(crate) hard_above: Vec<Nanos>,
    /// When the first of the versions above n was shown to anybody.
    pub(crate) seen_above: Vec<Nanos>,
    /// Versions at which it is gone, with when they began.
    pub(crate) deletes: Vec<(Nanos, u64)>,
    /// Per node: when it had acknowledged which version, ascending in both.
    pub(crate) own: Vec<(u8, Vec<(Nanos, u64)>)>,
    /// When which version was erased up to, and by which way.
    pub(crate) erased: Vec<(Nanos, u64, Via)>,
    /// With which registers it was written together, and at which versions, ascending.
    pub(crate) together: Vec<(Register, Vec<(u64, u64)>)>,
}

impl Line {
    /// What a list says of a version.
    pub(crate) fn above(list: &[Nanos], version: u64) -> Nanos {
        usize::try_from(version).ok().and_then(|version| list.get(version)).copied().unwrap_or(NEVER)
    }

    /// The greatest version that the node had acknowledged before `sent`.
    pub(crate) fn owned(&self, node: u8, sent: Nanos) -> Option<u64> {
        let (_, acks) = self.own.iter().find(|(other, _)| *other == node)?;
        let before = acks.partition_point(|(ack, _)| *ack < sent);
        acks.get(before.checked_sub(1)?).map(|(_, version)| *version)
    }

    /// The latest version at which it was gone and which had begun by `received`.
    pub(crate) fn gone_by(&self, received: Nanos) -> Option<u64> {
        self.deletes.iter().rev().find(|(begin, _)| *begin <= received).map(|(_, version)| *version)
    }
}

/// `list[n]` becomes the least of everything behind it.
pub(crate) fn least_above(times: &[Nanos]) -> Vec<Nanos> {
    let mut above = vec![NEVER; times.len()];
    for place in (1..times.len()).rev() {
        above[place - 1] = above[place].min(times[place]);
    }
    above
}

/// The writes of a history, by register.
pub(crate) fn lines(history: &History) -> Vec<Line> {
    let mut writes = vec![Vec::new(); history.registers.len()];
    let mut transactions: HashMap<u32, Vec<(Register, u64)>> = HashMap::new();
    for write in &history.writes {
        writes[write.register.0 as usize].push(*write);
        let value = history.registers[write.register.0 as usize].nature == Nature::Value;
        if write.ack.is_some() && value && write.change == Change::Set {
            transactions.entry(write.transaction).or_default().push((write.register, write.version));
        }
    }
    let mut lines: Vec<Line> = history
        .registers
        .iter()
        .zip(&mut writes)
        .map(|(info, writes)| {
            if info.nature == Nature::Count {
                // Of an increment the version is its place among those that were acknowledged: at least so many are seen.
                writes.sort_by_key(|write| write.ack.unwrap_or(NEVER));
                for (place, write) in writes.iter_mut().enumerate() {
                    write.version = place as u64 + 1;
                }
            }
            let last = writes.iter().map(|write| write.version).max().unwrap_or(0) as usize;
            let mut line = Line { begin: vec![NEVER; last + 1], ..Line::default() };
            let (mut acks, mut hard) = (vec![NEVER; last + 1], vec![NEVER; last + 1]);
            line.begin[0] = 0;
            for write in writes.iter() {
                let version = write.version as usize;
                line.begin[version] = write.begin;
                acks[version] = write.ack.unwrap_or(NEVER);
                if write.weight != Weight::Soft {
                    hard[version] = acks[version];
                }
                if write.change == Change::Delete {
                    line.deletes.push((write.begin, write.version));
                }
                let Some(ack) = write.ack else { continue };
                if write.weight == Weight::Erase {
                    line.erased.push((ack, write.version, write.via));
                }
                if let Via::Node(node) = write.via {
                    match line.own.iter_mut().find(|(other, _)| *other == node) {
                        Some((_, own)) => own.push((ack, write.version)),
                        None => line.own.push((node, vec![(ack, write.version)])),
                    }
                }
            }
            if info.nature == Nature::Count {
                line.begin[1..].sort_unstable();
            }
            line.deletes.sort_unstable();
            for (_, own) in &mut line.own {
                own.sort_unstable();
                let mut greatest = 0;
                for (_, version) in own {
                    greatest = greatest.max(*version);
                    *version = greatest;
                }
            }
            line.ack_above = least_above(&acks);
            line.hard_above = least_above(&hard);
            line.seen_above = vec![NEVER; last + 1];
            line
        })
        .collect();
    for together in transactions.values().filter(|together| together.len() > 1) {
        for (place, (one, version)) in together.iter().enumerate() {
            for (other, other_version) in &together[place + 1..] {
                let partners = &mut lines[one.0 as usize].together;
                let at = partners.iter().position(|(partner, _)| partner == other).unwrap_or_else(|| {
                    partners.push((*other, Vec::new()));
                    partners.len() - 1
                });
                partners[at].1.push((*version, *other_version));
            }
        }
    }
    for line in &mut lines {
        for (_, versions) in &mut line.together {
            versions.sort_unstable();
        }
    }
    lines
}

/// Whether two versions in one body were there at one moment.
pub(crate) fn mixed(versions: &[(u64, u64)], one: u64, other: u64) -> bool {
    let next = versions.partition_point(|(version, _)| *version <= one);
    let too_old = next.checked_sub(1).is_some_and(|last| other < versions[last].1);
    let too_new = versions.get(next).is_some_and(|(_, version)| other >= *version);
    too_old || too_new
}
