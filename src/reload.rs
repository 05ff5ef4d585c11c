//! SIGHUP: the settings are read again, and what can be changed while the node serves is changed. Nothing that is held or under
//! way is dropped.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tracing::{Level, enabled, error, info, warn};

use crate::cache::Cache;
use crate::config::{Config, InForce, News, Problem};
use crate::http::Api;
use crate::http::admin::Admin;
use crate::origin::postgres::Postgres;
use crate::server::Limits;
use crate::systemd;
use crate::telemetry::Filter;

/// The parts of a running node that obey other settings.
pub struct Parts {
    /// Times and permits.
    pub cache: Arc<Cache>,
    /// How requests are read and answered.
    pub api: Arc<ArcSwap<Api>>,
    /// The token of operators.
    pub admin: Arc<Admin>,
    /// Limits of the public listener, and of the admin listener.
    pub limits: [watch::Sender<Limits>; 2],
    /// The waits of writes, if there is a database.
    pub postgres: Option<Arc<Postgres>>,
    /// What is logged.
    pub filter: Filter,
}

impl Parts {
    /// Gives each part but the log its settings. For a moment some obey the old ones and some the new, as in a fleet whose nodes are
    /// restarted one by one.
    fn obey(&self, config: Config) {
        let write = config.postgres.write;
        self.cache.set(config.live);
        self.api.store(Arc::new(self.api.load().with(config.http)));
        self.admin.set_token(config.admin_token);
        let [public, admin] = &self.limits;
        admin.send_replace(config.server.of_admin());
        public.send_replace(config.server);
        if let Some(postgres) = &self.postgres {
            postgres.set_write_waits(write.wait, write.budget);
        }
    }
}

/// Reads the settings again whenever `hangups` says so, for ever.
pub async fn on_hangup(mut hangups: Signal, mut settings: InForce, parts: Parts) {
    let parts = Arc::new(parts);
    while hangups.recv().await.is_some() {
        let parts = Arc::clone(&parts);
        // Files may be on a disk that hangs, and no request is to wait for that.
        let reading = tokio::task::spawn_blocking(move || {
            systemd::reloading();
            systemd::reloaded(reread(&mut settings, &parts));
            settings
        });
        settings = match reading.await {
            Ok(settings) => settings,
            Err(panicked) => {
                error!(error = %panicked, "settings cannot be read again any more, until a restart");
                return;
            }
        };
    }
}

/// Reads them, obeys them, and returns what came of it.
fn reread(settings: &mut InForce, parts: &Parts) -> &'static str {
    match settings.reread() {
        Ok(news) => {
            parts.obey(news.config.clone());
            parts.admin.set_settings(news.shown());
            // What is said is in force already. Each is said under the filter that lets it through, the old one or the new one.
            let (warned, told) = (enabled!(Level::WARN), enabled!(Level::INFO));
            if warned {
                say_kept(&news);
            }
            if told {
                say_changed(&news);
            }
            parts.filter.set(&news.config.log);
            if !warned {
                say_kept(&news);
            }
            if !told {
                say_changed(&news);
            }
            settings.adopt(news);
            "the settings were read again"
        }
        Err(problems) => {
            refuse(&problems);
            "the settings were read again and are wrong: nothing was changed, and the log says why"
        }
    }
}

fn say_changed(news: &News) {
    let changed = if news.changed.is_empty() { "nothing".to_owned() } else { news.changed.join("; ") };
    info!(changed, "the settings were read again; changed: {changed}");
}

fn say_kept(news: &News) {
    if !news.kept.is_empty() {
        let kept = news.kept.join(", ");
        warn!(kept, "these settings stay as they are, because changing them needs a restart: {kept}");
    }
}

fn refuse(problems: &[Problem]) {
    for problem in problems {
        error!(%problem, "{problem}");
    }
    error!(problems = problems.len(), "the settings were read again and are wrong: nothing was changed");
}
