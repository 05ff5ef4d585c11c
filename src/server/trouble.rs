//! What goes wrong with connections: which of it is worth a pause, and as what it is counted.

use std::error::Error as _;
use std::io;

use rustix::io::Errno;

use crate::metrics::{Broken, metrics};

/// Whether the next accept would most likely fail in the same way: the process or the machine is out of something. Everything else
/// is said of one connection, which is gone; accept(2) names a dozen of these.
pub(super) fn will_last(error: &io::Error) -> bool {
    match Errno::from_io_error(error) {
        Some(
            Errno::CONNABORTED
            | Errno::INTR
            | Errno::AGAIN
            | Errno::PERM
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
            | Errno::OPNOTSUPP
            | Errno::TIMEDOUT
            | Errno::CONNRESET,
        ) => false,
        // With them what nobody thought of: accepting it in a circle would take a core.
        Some(_) | None => true,
    }
}

/// Counts how a connection ended that ended with an error. hyper answers some of them itself, without the handler.
pub(super) fn count(error: &hyper::Error) {
    let how = how(error);
    metrics().broke(how);
}

fn how(error: &hyper::Error) -> Broken {
    if error.is_parse_too_large() {
        Broken::HeadTooLarge
    } else if error.is_parse() {
        Broken::Malformed
    } else if error.is_timeout() {
        Broken::Silent
    } else if stalled(error) {
        Broken::Stalled
    } else {
        Broken::Left
    }
}

/// Whether nothing could be written for too long. `TCP_USER_TIMEOUT` comes up with the same error as our own limit.
fn stalled(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_come_again_at_once_is_worth_a_pause() {
        for lasting in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::INVAL, Errno::IO] {
            assert!(will_last(&lasting.into()), "{lasting}");
        }
        for passing in [Errno::CONNABORTED, Errno::PROTO, Errno::PERM, Errno::HOSTUNREACH] {
            assert!(!will_last(&passing.into()), "{passing}");
        }
        assert!(will_last(&io::Error::other("?")));
    }
}
