//! What settings have to be to each other.

use std::time::Duration;

use super::Config;
use super::reader::Reader;
use crate::origin::postgres;

impl Config {
    /// Values that are right for themselves and wrong together. Those with a problem of their own are not compared.
    pub(super) fn contradictions(&self, read: &mut Reader) {
        let millis = |duration: Duration| duration.as_millis();
        let fetch = [
            "ATELIER_BUDGET",
            "ATELIER_BLIND_WAIT",
            "ATELIER_REDIS_TIMEOUT",
            "ATELIER_PERMIT_WAIT",
            "ATELIER_STATEMENT",
        ];
        // The parts of a read that may wait: for a poll, for a look into L2, for a permit, for the statement.
        let longest = self.live.blind_wait
            + self.l2.timeout
            + self.live.permit_wait
            + self.postgres.statement
            + postgres::STATEMENT_GRACE;
        if read.all_read(&fetch) && longest >= self.live.budget {
            read.problem(format!(
                "ATELIER_BUDGET: {} ms is not more than a read may take: ATELIER_BLIND_WAIT + ATELIER_REDIS_TIMEOUT + \
                 ATELIER_PERMIT_WAIT + ATELIER_STATEMENT + 50 ms are {} ms",
                millis(self.live.budget),
                millis(longest)
            ));
        }
        let write = &self.postgres.write;
        let longest = write.wait + write.statement + write.lock;
        if read.all_read(&["ATELIER_WRITE_WAIT", "ATELIER_WRITE_BUDGET"]) && longest >= write.budget {
            read.problem(format!(
                "ATELIER_WRITE_BUDGET: {} ms is not more than a write may take: ATELIER_WRITE_WAIT + 1500 ms are {} ms",
                millis(write.budget),
                millis(longest)
            ));
        }
        let bound = self.cache.changes.bound;
        let (poll, least) = (&self.cache.poller, self.cache.poller.interval + 2 * self.cache.poller.timeout);
        let polls = ["ATELIER_BOUND", "ATELIER_POLL", "ATELIER_POLL_TIMEOUT"];
        if read.all_read(&polls) && bound < least {
            read.problem(format!(
                "ATELIER_BOUND: {} ms is less than ATELIER_POLL + 2 × ATELIER_POLL_TIMEOUT, which are {} ms: one poll that \
                 fails would leave nothing provable",
                millis(bound),
                millis(least)
            ));
        }
        if read.all_read(&["ATELIER_BOUND", "ATELIER_BUDGET"]) && bound <= self.live.budget {
            read.problem(format!(
                "ATELIER_BOUND: {} ms is not more than ATELIER_BUDGET, so that a read could be outdated when it ends",
                millis(bound)
            ));
        }
        if read.all_read(&["ATELIER_OUTBOX_RETENTION", "ATELIER_L2_TTL"]) && poll.retention < self.l2.ttl {
            read.problem(
                "ATELIER_OUTBOX_RETENTION: is shorter than ATELIER_L2_TTL, so that nothing in Redis could be proved by a \
                 node that starts",
            );
        }
        if read.all_read(&["ATELIER_FAIL_TTL", "ATELIER_BOUND"]) && self.live.fail_ttl > bound {
            read.problem(
                "ATELIER_FAIL_TTL: is longer than ATELIER_BOUND, so that a failure outlives what it failed on",
            );
        }
        let of_memory = ["ATELIER_L1_BYTES", "ATELIER_MEM_LIMIT", "ATELIER_MEM_SOFT", "ATELIER_MEM_HARD"];
        if let Some(memory) = self.cache.memory.filter(|_| read.all_read(&of_memory)) {
            // L1 overshoots for moments, and is not all that a process holds.
            let most = memory.limit / 10 * 6;
            if self.cache.l1_bytes > most {
                read.problem(format!(
                    "ATELIER_L1_BYTES: {} MiB is more than 60 % of the {} MiB that this process may take \
                     (ATELIER_MEM_LIMIT, or what its cgroup or ulimit leaves it): {} MiB at most",
                    self.cache.l1_bytes >> 20,
                    memory.limit >> 20,
                    most >> 20
                ));
            }
        }
        let drain = ["ATELIER_DRAIN_IDLE", "ATELIER_DRAIN_MAX"];
        if read.all_read(&drain) && self.server.drain_idle >= self.server.drain_max {
            read.problem("ATELIER_DRAIN_IDLE: is not shorter than ATELIER_DRAIN_MAX");
        }
        let listeners = ["ATELIER_LISTEN", "ATELIER_ADMIN_LISTEN"];
        if read.all_read(&listeners) && self.listen == self.admin_listen && self.listen.port() != 0 {
            read.problem("ATELIER_ADMIN_LISTEN: is the same as ATELIER_LISTEN");
        }
        if !self.admin_listen.ip().is_loopback() {
            read.problem("ATELIER_ADMIN_LISTEN: is not an address of loopback");
        }
    }
}
