//! L2: entries in Redis, shared by all nodes. It makes things cheap and is trusted with nothing: whatever it does, the
//! worst is a miss.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisError, RedisResult};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{envelope, l1};
use crate::cause::Causes;
use crate::entry::Entry;
use crate::freshness::Instant;
use crate::key::Key;

/// How many connections share the commands, by hash of the key.
const CONNECTIONS: usize = 2;

/// How long connecting may take; commands that wait for it have shorter limits of their own.
const CONNECT: Duration = Duration::from_millis(200);

/// How long storing may take. Nobody waits for it.
const STORE: Duration = Duration::from_millis(50);

/// How long the kernel keeps trying to reach a peer that is gone; its own limit is 15 minutes.
const DEAD_PEER: Duration = Duration::from_secs(3);

/// Limits of L2.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a look-up may take.
    pub timeout: Duration,
    /// How many commands may be under way; above that L2 is skipped.
    pub in_flight: usize,
    /// The largest entry that is stored, in bytes of all encodings.
    pub entry_max: usize,
    /// How long an entry is kept at most.
    pub ttl: Duration,
    /// What distinguishes documents made under other rules (fixed fields, limit of rows): a number in every key.
    pub rules: u32,
}

/// The address of a Redis, from a `redis://` URL.
#[derive(Clone, Debug)]
pub struct Address(ConnectionInfo);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The library's message might quote the text, which may hold a password.
        let info = text.into_connection_info();
        info.map(Self).map_err(|_| "is not an address such as redis://user:password@host:6379/0".to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}/{}", self.0.addr(), self.0.redis_settings().db())
    }
}

/// Entries in Redis.
#[derive(Clone)]
pub struct L2 {
    connections: [ConnectionManager; CONNECTIONS],
    settings: Settings,
    in_flight: Arc<Semaphore>,
}

impl fmt::Debug for L2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("L2").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl L2 {
    /// An L2 that connects when it is first asked, and again whenever a connection breaks.
    ///
    /// # Errors
    /// When the address is of a kind this program has no support for. That nobody answers there is no error.
    pub fn new(address: Address, settings: Settings) -> RedisResult<Self> {
        // redis-rs leaves NODELAY off by default, which delays small commands behind unacknowledged ones.
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(DEAD_PEER);
        let client = Client::open(address.0.set_tcp_settings(tcp))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(settings.timeout.max(STORE)))
            .set_number_of_retries(1)
            .set_pipeline_buffer_size(1024)
            .set_concurrency_limit(settings.in_flight);
        let connect = || ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
        Ok(Self {
            connections: [connect()?, connect()?],
            in_flight: Arc::new(Semaphore::new(settings.in_flight)),
            settings,
        })
    }

    fn connection(&self, key: &Key) -> ConnectionManager {
        self.connections[l1::hash(key, 0) as usize % CONNECTIONS].clone()
    }

    fn name(&self, key: Key) -> String {
        format!("atelier:{}:{:08x}:{key}", envelope::SCHEMA, self.settings.rules)
    }

    /// The entry under `key`, if Redis has one, answers in time, and it is whole.
    pub(super) async fn get(&self, key: Key) -> Option<Entry> {
        let _place = self.in_flight.try_acquire().ok()?;
        let name = self.name(key);
        let mut pipeline = redis::pipe();
        pipeline.get(&name).pttl(&name);
        let mut connection = self.connection(&key);
        // The library's own limit does not cover commands that wait for a reconnect.
        let answer = tokio::time::timeout(self.settings.timeout, pipeline.query_async(&mut connection)).await;
        let (bytes, left): (Option<Bytes>, i64) = match answer {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                complain(key, &error);
                return None;
            }
            Err(_late) => {
                debug!(%key, "Redis did not answer in time for `{key}`");
                return None;
            }
        };
        let bytes = bytes?;
        // -1 says that it never expires and -2 that it just did: neither is ours, or worth anything.
        let left = Duration::from_millis(u64::try_from(left).ok()?);
        match envelope::open(bytes, key, left, Instant::now()) {
            Ok(entry) => Some(entry),
            Err(error) => {
                warn!(%key, %error, "what Redis has for `{key}` is not usable");
                None
            }
        }
    }

    /// Stores an entry, nobody waiting, for as long as it may be fresh.
    pub(super) fn store(&self, entry: Arc<Entry>, ttl: Duration) {
        if entry.size() > self.settings.entry_max {
            return;
        }
        let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            return;
        };
        let l2 = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let key = entry.key;
            let age = Instant::now().since(entry.read_at);
            let expiry = ttl.min(l2.settings.ttl).saturating_sub(age);
            if expiry < Duration::from_millis(1) {
                return;
            }
            let sealed = envelope::seal(&entry, age, expiry);
            let milliseconds = u64::try_from(expiry.as_millis()).unwrap_or(u64::MAX);
            let mut command = redis::cmd("SET");
            command.arg(l2.name(key)).arg(&*sealed).arg("PX").arg(milliseconds);
            let mut connection = l2.connection(&key);
            match tokio::time::timeout(STORE, command.query_async::<()>(&mut connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => complain(key, &error),
                Err(_late) => debug!(%key, "Redis did not store `{key}` in time"),
            }
        });
    }
}

fn complain(key: Key, error: &RedisError) {
    debug!(%key, error = %Causes(error), "Redis failed for `{key}`");
}
