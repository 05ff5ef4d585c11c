//! From a history to what is wrong with it: the invariants A1 to A10 of docs/freshness.md, section 13.
//!
//! A pure function of values: no clock, no I/O. It is generous where it cannot know (a write counts as committed when it was
//! acknowledged, an answer as decided when its request was sent) and exact everywhere else, so that a violation is one.
//! `judge_tests.rs` has a history that holds and one that does not for each rule.

use std::time::Duration;

use super::history::{Given, History, Label, Nanos, Read, Register, Seen, Sight, SoftPurge, Via, Window, nanos};
use super::line::{Line, NEVER, least_above, lines, mixed};
use super::verdict::{EXAMPLES, Invariant, Verdict};

/// What the nodes were told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// `ATELIER_BOUND`.
    pub(crate) bound: Duration,
    /// `ATELIER_GRACE`.
    pub(crate) grace: Duration,
    /// `ATELIER_STALE_LIMIT`.
    pub(crate) stale_limit: Duration,
    /// `ATELIER_BUDGET`: who waited for so long could not have the origin in time, whatever the reason.
    pub(crate) budget: Duration,
    /// How long after a fault a node may take until it has found its way back: 3 s are promised.
    pub(crate) recovery: Duration,
}

/// The judge at work.
struct Court<'a> {
    history: &'a History,
    bound: Nanos,
    grace: Nanos,
    stale_limit: Nanos,
    budget: Nanos,
    recovery: Nanos,
    lines: Vec<Line>,
    verdict: Verdict,
}

/// Judges a history.
pub(crate) fn judge(history: &History, rules: Rules) -> Verdict {
    let mut court = Court {
        history,
        bound: nanos(rules.bound),
        grace: nanos(rules.grace),
        stale_limit: nanos(rules.stale_limit),
        budget: nanos(rules.budget),
        recovery: nanos(rules.recovery),
        lines: lines(history),
        verdict: Verdict::default(),
    };
    court.note_what_was_seen();
    for read in &history.reads {
        court.read(read);
    }
    court.the_rest();
    court.verdict
}

/// Seconds with three decimals.
fn seconds(time: Nanos) -> String {
    if time == NEVER { "never".to_owned() } else { format!("{:.3}", time as f64 / 1e9) }
}

impl Court<'_> {
    fn name(&self, register: Register) -> &str {
        &self.history.registers[register.0 as usize].name
    }

    fn violation(&mut self, invariant: Invariant, read: &Read, text: impl FnOnce(&Self) -> String) {
        let said = (self.verdict.count(invariant) < EXAMPLES).then(|| text(self));
        let target = &self.history.targets[read.target as usize];
        self.verdict.add(invariant, || {
            format!(
                "node {} client {} {target} sent {} received {} status {} {:?}: {}",
                read.node,
                read.client,
                seconds(read.sent),
                seconds(read.received),
                read.status,
                read.label,
                said.unwrap_or_default()
            )
        });
    }

    /// Whoever is shown a version proves that it was committed, even if its writer was never told.
    fn note_what_was_seen(&mut self) {
        let mut first: Vec<Vec<Nanos>> = self.lines.iter().map(|line| vec![NEVER; line.begin.len()]).collect();
        for read in &self.history.reads {
            for seen in read.seen.iter() {
                let Sight::Version(version) = seen.sight else { continue };
                let times = &mut first[seen.register.0 as usize];
                if let Some(time) = usize::try_from(version).ok().and_then(|version| times.get_mut(version)) {
                    *time = read.received.min(*time);
                }
            }
        }
        for (line, times) in self.lines.iter_mut().zip(&first) {
            line.seen_above = least_above(times);
        }
    }

    /// Whether the run knows of something that may have kept the node from the origin around this time.
    fn hindered(&self, node: u8, from: Nanos, to: Nanos) -> bool {
        let after = self.bound + self.recovery;
        self.history.windows.iter().any(|window| {
            window.node.is_none_or(|other| other == node)
                && window.from <= to.saturating_add(self.bound)
                && window.to.saturating_add(after) >= from
        })
    }

    /// When the node may have learned of something that was committed at `ack`, at the latest but for B: it may have been
    /// kept from it from then on.
    fn learned(&self, node: u8, ack: Nanos) -> Nanos {
        let mut windows: Vec<&Window> =
            self.history.windows.iter().filter(|window| window.node.is_none_or(|other| other == node)).collect();
        windows.sort_by_key(|window| window.from);
        let mut time = ack;
        for window in windows {
            let to = window.to.saturating_add(self.recovery);
            if window.from <= time.saturating_add(self.bound) && to > time {
                time = to;
            }
        }
        time
    }

    /// The soft purge in whose grace a labelled answer may be.
    fn grace_of(&self, read: &Read) -> Option<(SoftPurge, Nanos)> {
        let softs = self.history.softs.iter().filter(|soft| soft.begin <= read.received);
        softs
            .map(|soft| (*soft, self.learned(read.node, soft.ack)))
            .find(|(_, learned)| learned.saturating_add(self.bound + self.grace) >= read.sent)
    }

    fn read(&mut self, read: &Read) {
        let stats = &mut self.verdict.stats;
        stats.reads += 1;
        stats.with_token += u64::from(read.claims.is_some());
        match read.status {
            0 => stats.failed += 1,
            503 => stats.unavailable += 1,
            304 => stats.not_modified += 1,
            404 => stats.absent += 1,
            _ => {}
        }
        match read.label {
            Label::None => {}
            Label::Origin(_) => stats.stale_origin += 1,
            Label::Purge(_) => stats.stale_purge += 1,
            Label::Unknown => {}
        }
        match read.status {
            0 | 503 => return,
            200 | 304 => {}
            404 if !read.seen.is_empty() => {
                if read.label != Label::None {
                    self.violation(Invariant::A6, read, |_| "a stale 404".to_owned());
                }
            }
            _ => {
                self.violation(Invariant::Wire, read, |_| "no such answer is known".to_owned());
                return;
            }
        }
        self.label(read);
        for seen in read.seen.iter() {
            self.verdict.stats.sights += 1;
            self.seen(read, *seen);
        }
        self.pairs(read);
    }

    /// A5 and A8: whether the answer may bear its label.
    fn label(&mut self, read: &Read) {
        match read.label {
            Label::None => {}
            Label::Unknown => self.violation(Invariant::A8, read, |_| "a third label".to_owned()),
            Label::Origin(age) => {
                let waited = read.received.saturating_sub(read.sent) >= self.budget;
                if !waited && !self.hindered(read.node, read.sent, read.received) {
                    self.violation(Invariant::A5, read, |_| "nothing kept this node from the origin".to_owned());
                }
                // A second because the header has whole ones.
                if age.saturating_sub(1) > self.stale_limit / 1_000_000_000 {
                    self.violation(Invariant::A5, read, |_| format!("{age} s old, which is beyond the limit"));
                }
            }
            Label::Purge(_) => {
                if self.grace_of(read).is_none() {
                    self.violation(Invariant::A8, read, |_| "in grace of no soft purge".to_owned());
                }
            }
        }
    }

    /// What one register in an answer says about it.
    fn seen(&mut self, read: &Read, seen: Seen) {
        let line = &self.lines[seen.register.0 as usize];
        let absent = read.status == 404;
        let version = match seen.sight {
            Sight::Version(version) => version,
            Sight::Poison | Sight::Garbage => {
                self.violation(Invariant::A2, read, |court| {
                    format!("{} shows {:?}", court.name(seen.register), seen.sight)
                });
                return;
            }
            // The most favourable of the times when it was gone.
            Sight::Absent => match line.gone_by(read.received) {
                Some(version) => version,
                None => {
                    let which = if absent { Invariant::A6 } else { Invariant::A2 };
                    self.violation(which, read, |court| format!("{} was never gone", court.name(seen.register)));
                    return;
                }
            },
        };
        let begin = Line::above(&line.begin, version);
        let ack_above = Line::above(&line.ack_above, version);
        let hard_above = Line::above(&line.hard_above, version);
        let seen_above = Line::above(&line.seen_above, version);
        let owned = line.owned(read.node, read.sent);
        if begin > read.received {
            self.violation(Invariant::A2, read, |court| {
                format!("{} shows {version}, which began at {}", court.name(seen.register), seconds(begin))
            });
        }

        let age = read.sent.saturating_sub(ack_above);
        let worst = match read.label {
            Label::None => &mut self.verdict.stats.worst,
            Label::Origin(_) | Label::Purge(_) | Label::Unknown => &mut self.verdict.stats.worst_labelled,
        };
        *worst = age.max(*worst);
        match read.label {
            Label::None => {
                let bound = self.bound;
                if ack_above.saturating_add(bound) <= read.sent {
                    let which = if absent { Invariant::A6 } else { Invariant::A1 };
                    self.violation(which, read, |court| {
                        let name = court.name(seen.register);
                        let acked = seconds(ack_above);
                        format!("{name} shows {:?}; a later version was acknowledged at {acked}", seen.sight)
                    });
                } else if seen_above.saturating_add(bound) <= read.sent {
                    self.violation(Invariant::A3, read, |court| {
                        let (name, first) = (court.name(seen.register), seconds(seen_above));
                        format!("{name} shows {:?}; a later version was shown by {first}", seen.sight)
                    });
                }
            }
            Label::Origin(_) => {
                let limit = self.stale_limit + self.bound;
                if ack_above.saturating_add(limit) <= read.sent {
                    self.violation(Invariant::A5, read, |court| {
                        format!("{} shows {version}, which is older than the limit", court.name(seen.register))
                    });
                }
            }
            Label::Purge(_) => {
                if hard_above.saturating_add(self.bound) <= read.sent {
                    self.violation(Invariant::A8, read, |court| {
                        let (name, acked) = (court.name(seen.register), seconds(hard_above));
                        format!("{name} shows {version}; a hard change was acknowledged at {acked}")
                    });
                } else if let Some((soft, learned)) = self.grace_of(read) {
                    let late = learned.saturating_sub(soft.ack);
                    if ack_above.saturating_add(self.bound + self.grace + late) <= read.sent {
                        self.violation(Invariant::A8, read, |court| {
                            let (name, acked) = (court.name(seen.register), seconds(ack_above));
                            format!("{name} shows {version}; the change acknowledged at {acked} is out of grace")
                        });
                    }
                }
            }
            Label::Unknown => {}
        }

        if let Some(owned) = owned.filter(|owned| version < *owned) {
            self.violation(Invariant::A7, read, |court| {
                format!("{} shows {version}, this node acknowledged {owned} before", court.name(seen.register))
            });
        }
        let claimed = read.claims.iter().flat_map(|claims| claims.iter());
        let claimed = claimed.copied().find(|claim| claim.register == seen.register && version < claim.version);
        if let Some(claim) = claimed {
            let which = match claim.given {
                Given::Write => Invariant::A7,
                Given::Read => Invariant::A3,
            };
            self.violation(which, read, |court| {
                let name = court.name(seen.register);
                format!("{name} shows {version}, its token is for {} of a {:?}", claim.version, claim.given)
            });
        }
        self.erased(read, seen.register, version);
    }

    /// A9: nothing that was erased.
    fn erased(&mut self, read: &Read, register: Register, version: u64) {
        let erased = self.lines[register.0 as usize].erased.iter().copied();
        let broken = erased.filter(|(_, erased, _)| version < *erased).find(|(ack, _, via)| {
            if *via == Via::Node(read.node) {
                return *ack < read.sent;
            }
            // A node that was kept from the origin all the time cannot know.
            self.learned(read.node, *ack).saturating_add(self.bound) <= read.sent
        });
        if let Some((ack, erased, _)) = broken {
            self.violation(Invariant::A9, read, |court| {
                format!("{} shows {version}; {erased} erased that by {}", court.name(register), seconds(ack))
            });
        }
    }

    /// A2: whether everything in the body was there at one moment.
    fn pairs(&mut self, read: &Read) {
        for one in read.seen.iter() {
            let Sight::Version(version) = one.sight else { continue };
            for place in 0..self.lines[one.register.0 as usize].together.len() {
                let (partner, versions) = &self.lines[one.register.0 as usize].together[place];
                let partner = *partner;
                let Some(other) = read.seen.iter().find(|other| other.register == partner) else { continue };
                let Sight::Version(other) = other.sight else { continue };
                if mixed(versions, version, other) {
                    self.violation(Invariant::A2, read, |court| {
                        let (one, partner) = (court.name(one.register), court.name(partner));
                        format!("{one} at {version} beside {partner} at {other} was never so")
                    });
                }
            }
        }
    }

    /// What is not about a single read.
    fn the_rest(&mut self) {
        let history = self.history;
        // Where the reply to a commit was lost, there is no token to give.
        let tokenless: Vec<_> =
            history.tokenless.iter().filter(|(node, time)| !self.hindered(*node, *time, *time)).collect();
        let (verdict, targets) = (&mut self.verdict, &history.targets);
        for last in &history.finals {
            if let Some(wrong) = &last.wrong {
                let target = &targets[last.target as usize];
                verdict.add(Invariant::A4, || format!("node {} {target}: {wrong}", last.node));
            }
        }
        for refresh in &history.refreshes {
            if refresh.fetches * 10 > refresh.asked * 11 {
                verdict.add(Invariant::A10, || format!("{} fetches for {} keys", refresh.fetches, refresh.asked));
            }
            if refresh.at_once.is_some_and(|at_once| at_once > refresh.allowed_at_once) {
                verdict.add(Invariant::A10, || format!("{:?} fetches at once", refresh.at_once));
            }
        }
        for _ in 0..history.moves_accepted {
            verdict.add(Invariant::Moves, || "a row was moved to another parent".to_owned());
        }
        for (node, time) in tokenless {
            verdict.add(Invariant::Wire, || format!("node {node} gave no token for a write at {}", seconds(*time)));
        }
        for oddity in &history.oddities {
            verdict.add(Invariant::Wire, || oddity.clone());
        }
        verdict.stats.writes = history.writes.len() as u64;
        verdict.stats.api_writes = history.writes.iter().filter(|write| write.via != Via::Sql).count() as u64;
        verdict.stats.unknown = history.writes.iter().filter(|write| write.ack.is_none()).count() as u64;
    }
}
