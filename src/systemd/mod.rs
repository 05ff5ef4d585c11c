//! What systemd is told of this process (sd_notify(3)): that it is ready, reads its settings again, stops, and still lives. Where
//! nobody asked to be told, nothing of this does anything.

mod probe;
mod tend;

use std::io;

use sd_notify::NotifyState;
use tracing::debug;

pub use self::tend::{Node, tend};

/// That settings are being read again.
pub fn reloading() {
    // systemd 253 and later asks for the time, so that it can tell an old message from a new one.
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(&[NotifyState::Reloading, now]);
}

/// That they have been read.
pub fn reloaded(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// That this process ends. It is said on a thread of its own: whoever is asked to stop waits for nobody.
pub fn stopping() {
    tokio::task::spawn_blocking(|| tell(&[NotifyState::Stopping, NotifyState::Status("draining")]));
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        untold(&error);
    }
}

/// systemd is restarted, perhaps: the next message finds it again.
fn untold(error: &io::Error) {
    debug!(%error, "systemd could not be told: {error}");
}
