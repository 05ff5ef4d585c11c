//! The reply to a write is lost.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use atelier_rig::{Client, Fault};

use super::Experiment;
use super::catalogue::{VOTED, voted_review};
use super::rig::Rig;
use super::row::Row;
use super::site::{Plan, Site, WRITERS};

pub(crate) const ALL: &[Experiment] = &[Experiment { name: "D15", core: true, run: cut }];

/// What PostgreSQL says when a commit is done: the command's name, and that it is ready for another.
const COMMITTED: &[u8] = b"COMMIT\0Z\0\0\0\x05I";

/// How many helpful votes a review's answer shows.
fn shown(body: &str, review: u64) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let review = body["results"].as_array()?.iter().find(|found| found["review_id"] == review)?;
    review["helpfulness"].as_u64()
}

/// The connection is cut after COMMIT was sent, before its reply; and behind its reply, before the stamp's.
fn cut(rig: &mut Rig) -> Row {
    let site = Site::open(rig, Plan { nodes: 1, ..Plan::default() });
    let (node, proxy) = (&site.nodes[0], &site.to_postgres[0]);
    let rounds = rig.pick(24, 400);
    let (mut acked, mut unsure, mut unseen, mut other) = (BTreeMap::new(), BTreeMap::new(), 0, 0);
    for round in 0..rounds {
        let product = VOTED.start() + round % VOTED.count() as u64;
        let review = voted_review(product);
        let fault = match round % 3 {
            0 => Some(Fault::CutBehindRequest(b"COMMIT\0".to_vec())),
            1 => Some(Fault::CutBehindReply(COMMITTED.to_vec())),
            _ => None,
        };
        if let Some(fault) = fault {
            proxy.set(Some(WRITERS), fault);
        }
        match Client::connect(node.address).request("PUT", &format!("/reviews/{review}/helpful"), &[], b"").status {
            204 => *acked.entry(product).or_insert(0) += 1,
            503 => *unsure.entry(product).or_insert(0) += 1,
            _ => other += 1,
        }
        proxy.heal(Some(WRITERS));
        site.history.votes.fetch_add(1, Ordering::Relaxed);
        // Its own node shows it at once, or answers that it cannot.
        let answer = node.get(&format!("/reviews?product_id={product}&count=3"));
        let least = acked.get(&product).copied().unwrap_or(0);
        if answer.status == 200 && shown(answer.text(), review).is_none_or(|shown| shown < least) {
            unseen += 1;
        }
    }
    let counted = |product: u64| -> u64 {
        let sql = format!("SELECT helpfulness FROM reviews WHERE id = {}", voted_review(product));
        rig.postgres.psql(&site.database, &sql).parse().unwrap()
    };
    let of = |votes: &BTreeMap<u64, u64>, product| votes.get(&product).copied().unwrap_or(0);
    let lost: u64 = VOTED.map(|product| of(&acked, product).saturating_sub(counted(product))).sum();
    let twice: u64 =
        VOTED.map(|product| counted(product).saturating_sub(of(&acked, product) + of(&unsure, product))).sum();
    let (acked, unsure): (u64, u64) = (acked.values().sum(), unsure.values().sum());
    let unknown = site.metric("atelier_write_unknown_total");
    let mut row = Row::new("D15 write-cut", "the line is cut behind COMMIT, and behind its reply, before the stamp's");
    row.count(usize::try_from(rounds).unwrap());
    row.bar("2xx lost 0", lost, lost == 0)
        .bar("done twice 0", twice, twice == 0)
        .bar("own write unseen 0", unseen, unseen == 0)
        .bar("other statuses 0", other, other == 0)
        .bar("outcomes unknown", format!("{unsure} of {rounds}, counted {unknown}"), unknown > 0 && unknown <= unsure)
        .bar("acknowledged", acked, acked > 0)
}
