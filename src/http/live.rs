//! Other settings for an API that answers already.

use std::sync::Arc;

use super::{Api, Settings, Shared};
use crate::metrics::traffic;

impl Api {
    /// How requests are read and answered at present.
    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The same API under other settings. Requests that it has begun to answer end under theirs; the room for bodies and the
    /// place where they are parsed stay one for both.
    #[must_use]
    pub fn with(&self, settings: Settings) -> Self {
        traffic::time_one_of(settings.lines.one_of);
        let Shared { room, desk, .. } = &*self.shared;
        Self {
            cache: Arc::clone(&self.cache),
            shared: Arc::new(Shared { settings, room: room.clone(), desk: desk.clone() }),
        }
    }
}
