//! Descriptors of the process: connections of clients take all but some, so that there are always some for the admin listener and
//! for connections to the database and Redis.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are left to others: 64 connections of the admin listener, and what the node itself opens.
const KEPT: u64 = 96;

/// Takes as many as the machine allows: the soft limit is usually 1024, for programs that use `select`. Returns how many there are
/// for connections of clients, if that is limited.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    // Without it there are as many as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    for_clients()
}

/// How many there are for connections of clients and what was open before them.
fn for_clients() -> Option<u64> {
    // A limit that is lower than is sensible is shared.
    getrlimit(Resource::Nofile).current.map(|all| all - KEPT.min(all / 4))
}

/// Whether the next descriptor is one that a client may have. The kernel always gives the lowest that is free, so all below it are in
/// use. `any` is some descriptor that is open.
pub(super) fn are_left(any: impl AsFd) -> bool {
    let Some(end) = for_clients() else { return true };
    fcntl_dupfd_cloexec(any, 0).is_ok_and(|next| u64::try_from(next.as_raw_fd()).is_ok_and(|next| next < end))
}
