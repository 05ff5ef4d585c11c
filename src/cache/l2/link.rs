//! The connections to Redis: how they are made, which one a command takes, and what it means when one fails.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tracing::warn;

use super::L2;
use crate::breaker::Call;
use crate::cache::l1;
use crate::cause::Causes;
use crate::key::Key;
use crate::metrics::metrics;

/// How many connections share the commands, by hash of the key.
pub(super) const CONNECTIONS: usize = 2;

/// How long connecting may take; commands that wait for it have shorter limits of their own.
pub(super) const CONNECT: Duration = Duration::from_millis(200);

/// How long the kernel keeps trying to reach a peer that is gone; its own limit is 15 minutes.
pub(super) const DEAD_PEER: Duration = Duration::from_secs(3);

impl L2 {
    pub(super) fn connection(&self, key: &Key) -> ConnectionManager {
        self.connections.load()[l1::hash(key, 0) as usize % CONNECTIONS].clone()
    }

    pub(super) fn any_connection(&self) -> ConnectionManager {
        self.connections.load()[0].clone()
    }

    /// Says to the breaker how a call ended.
    pub(super) fn end<T>(&self, call: Call<'_>, answer: &Result<RedisResult<T>, tokio::time::error::Elapsed>) {
        match answer {
            Ok(Ok(_)) => self.complaint.is_over(),
            Ok(Err(error)) => self.complaint.about(error),
            // What it waited for in vain, if that was a connection, is said by whoever makes one: a subscription, or the next attempt.
            Err(_late) => {}
        }
        let (answers, refused) = match answer {
            Ok(Ok(_)) => (true, false),
            Ok(Err(error)) if is_refusal(error) => {
                metrics().l2_refused.inc();
                (!is_unusable(error), true)
            }
            Ok(Err(_)) | Err(_) => (false, false),
        };
        if !answers {
            metrics().l2_failed.inc();
        }
        if call.end(answers) && !refused {
            self.rebuild();
        }
    }

    /// Makes the connections anew, since the library does so only when one breaks: over one that has fallen silent no probe would ever
    /// come back, and over one whose replies have got out of step each brings what another asked for. They are there before the next
    /// probe is.
    pub(super) fn rebuild(&self) {
        match connections(&self.client, &self.config) {
            Ok(connections) => {
                for mut connection in connections.clone() {
                    let complaint = Arc::clone(&self.complaint);
                    tokio::spawn(async move {
                        let ping = redis::cmd("PING");
                        let answer = tokio::time::timeout(2 * CONNECT, ping.query_async::<()>(&mut connection)).await;
                        if let Ok(Err(error)) = answer {
                            complaint.about(&error);
                        }
                    });
                }
                self.connections.store(Arc::new(connections));
            }
            Err(error) => warn!(error = %Causes(&error), "connections to Redis cannot be made anew"),
        }
    }
}

pub(super) fn connections(
    client: &Client,
    config: &ConnectionManagerConfig,
) -> RedisResult<[ConnectionManager; CONNECTIONS]> {
    let connect = || ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
    Ok([connect()?, connect()?])
}

/// Whether Redis itself says no.
fn is_refusal(error: &RedisError) -> bool {
    // What Redis says is of a kind, or has a code that the library does not know.
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed)
}

/// Whether what Redis says holds for every command: then it is as good as away. No room, or a key of another type, is the matter of one
/// command; so are writes that a replica refuses.
fn is_unusable(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, NoPerm};
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(BusyLoading | ClusterDown | MasterDown | NoPerm)
    ) || error.code() == Some("NOAUTH")
}
