//! Other settings for an API that answers already.

use std::sync::Arc;

use super::{Api, Settings};
use crate::metrics::traffic;

impl Api {
    /// How requests are read and answered at present.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same API under other settings. Requests that it has begun to answer end under theirs; the room for bodies and the
    /// place where they are parsed stay one for both.
    #[must_use]
    pub fn with(&self, settings: Settings) -> Self {
        traffic::time_one_of(settings.lines.one_of);
        Self { cache: Arc::clone(&self.cache), settings, room: self.room.clone(), desk: self.desk.clone() }
    }
}
