//! L2: entries in Redis, shared by all nodes. It makes things cheap and is trusted with nothing: whatever it does, the
//! worst is a miss.

mod link;
mod notes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, RedisResult};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use self::link::{CONNECT, CONNECTIONS, DEAD_PEER, connections};
use super::address::Address;
use super::complaint::Complaint;
use super::envelope;
use crate::breaker::{self, Breaker};
use crate::entry::Entry;
use crate::freshness::Instant;
use crate::key::Key;
use crate::metrics::{Dependency, Lookup, looked_up, metrics};
use crate::stamp::{Epoch, OrdToken};

/// How long storing may take. Nobody waits for it.
const STORE: Duration = Duration::from_millis(50);

/// How many bytes an entry's envelope has at most, besides its bodies.
const ENVELOPE: usize = 16 << 10;

/// Limits of L2.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a look-up may take.
    pub timeout: Duration,
    /// How many commands may be under way; above that L2 is skipped.
    pub in_flight: usize,
    /// The largest entry that is stored, in bytes of its body as it is.
    pub entry_max: usize,
    /// How long an entry is kept.
    pub ttl: Duration,
    /// When Redis is not asked any more, and for how long.
    pub breaker: breaker::Settings,
    /// Whether nodes tell each other of writes.
    pub hints: bool,
    /// What distinguishes documents made under other rules (fixed fields, limit of rows): a number in every key.
    pub rules: u32,
}

/// Entries in Redis.
#[derive(Clone)]
pub struct L2 {
    client: Client,
    config: ConnectionManagerConfig,
    connections: Arc<ArcSwap<[ConnectionManager; CONNECTIONS]>>,
    breaker: Arc<Breaker>,
    settings: Settings,
    in_flight: Arc<Semaphore>,
    /// Makes what is drawn for a key this node's own.
    node: u64,
    complaint: Arc<Complaint>,
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
        let complaint = Arc::new(Complaint::new(address.is_verified()));
        let client = address.client(|info| info.set_tcp_settings(tcp))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(settings.timeout.max(STORE)))
            .set_number_of_retries(1)
            .set_pipeline_buffer_size(1024)
            .set_concurrency_limit(settings.in_flight);
        let connections = connections(&client, &config)?;
        Ok(Self {
            connections: Arc::new(ArcSwap::from_pointee(connections)),
            breaker: Arc::new(Breaker::new(Dependency::Redis, settings.breaker)),
            config,
            in_flight: Arc::new(Semaphore::new(settings.in_flight)),
            settings,
            node: fastrand::u64(..),
            complaint,
            client,
        })
    }

    /// Whether nodes tell each other of writes.
    pub(in crate::cache) fn hints(&self) -> bool {
        self.settings.hints
    }

    /// For a subscription, which needs a connection of its own.
    pub(in crate::cache) fn client(&self) -> &Client {
        &self.client
    }

    /// Where it is said why Redis cannot be asked.
    pub(in crate::cache) fn complaint(&self) -> &Complaint {
        &self.complaint
    }

    /// The number that is this node's own.
    pub(in crate::cache) fn node(&self) -> u64 {
        self.node
    }

    /// How long a look-up may take.
    pub(in crate::cache) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// How many commands are under way, and how many may be.
    pub(in crate::cache) fn load(&self) -> (usize, usize) {
        let most = self.settings.in_flight;
        (most.saturating_sub(self.in_flight.available_permits()), most)
    }

    /// Before Redis.
    pub(in crate::cache) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Obeys other settings of the breaker.
    pub(in crate::cache) fn set_breaker(&self, settings: breaker::Settings) {
        self.breaker.set(settings);
    }

    /// Entries of another epoch stand under other names: after a change of epoch nobody looks at them, and they expire.
    fn name(&self, key: Key, epoch: Epoch) -> String {
        format!("{}:{epoch}:{key}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("atelier:{}:{:08x}", envelope::SCHEMA, self.settings.rules)
    }

    /// The entry of `epoch` under `key`, if Redis has one, answers in time, and it is whole. Nothing is proved of it.
    pub(in crate::cache) async fn get(&self, key: Key, epoch: Epoch) -> Option<Entry> {
        let skipped = || looked_up(Lookup::L2Skipped);
        let call = self.breaker.ask().or_else(|| {
            skipped();
            None
        })?;
        let _place = self.in_flight.try_acquire().map_err(|_full| skipped()).ok()?;
        let name = self.name(key, epoch);
        // No more than an entry can have: what somebody else has put there may be of any size.
        let most = isize::try_from(self.settings.entry_max.saturating_add(ENVELOPE)).unwrap_or(isize::MAX);
        let mut pipeline = redis::pipe();
        pipeline.getrange(&name, 0, most).pttl(&name);
        let mut connection = self.connection(&key);
        // The library's own limit does not cover commands that wait for a reconnect.
        let limit = call.within(self.settings.timeout);
        let answer = tokio::time::timeout(limit, pipeline.query_async(&mut connection)).await;
        let (bytes, left): (Bytes, i64) = match answer {
            Ok(Ok(found)) => {
                self.complaint.is_over();
                found
            }
            failed => {
                self.end(call, &failed);
                looked_up(Lookup::L2Failed);
                if failed.is_err() {
                    debug!(%key, "Redis did not answer in time for `{key}`");
                }
                return None;
            }
        };
        // -1 says that it never expires and -2 that it just did: neither is ours, or worth anything.
        let left = u64::try_from(left).ok().filter(|_| !bytes.is_empty()).map(Duration::from_millis);
        let opened = left.map(|left| envelope::open(bytes, key, left, Instant::now(), self.node));
        // A value that is not the key's own may be a reply to somebody else.
        if call.end(!matches!(opened, Some(Err(_)))) {
            self.rebuild();
        }
        match opened {
            // The name has only half of the epoch's digits.
            Some(Ok(entry)) if entry.facts.epoch == epoch => Some(entry),
            Some(Ok(_)) | None => {
                looked_up(Lookup::L2Miss);
                None
            }
            Some(Err(error)) => {
                metrics().l2_corrupt.inc();
                looked_up(Lookup::L2Corrupt);
                warn!(%key, %error, "what Redis has for `{key}` is not usable");
                self.send("DEL", [name.into_bytes()]);
                None
            }
        }
    }

    /// Stores an entry, nobody waiting.
    pub(in crate::cache) fn store(&self, entry: Arc<Entry>) {
        if entry.size() > self.settings.entry_max || self.breaker.is_open() {
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
            // Shortened by up to a tenth, so that what was stored together does not expire together.
            let expiry = l2.settings.ttl.mul_f64(1.0 - 0.1 * fastrand::f64());
            if expiry < Duration::from_millis(1) {
                return;
            }
            let sealed = envelope::seal(&entry, age, expiry);
            let milliseconds = u64::try_from(expiry.as_millis()).unwrap_or(u64::MAX);
            let mut command = redis::cmd("SET");
            command.arg(l2.name(key, entry.facts.epoch)).arg(&*sealed).arg("PX").arg(milliseconds);
            let mut connection = l2.connection(&key);
            let Some(call) = l2.breaker.ask() else { return };
            let answer = tokio::time::timeout(call.within(STORE), command.query_async::<()>(&mut connection)).await;
            l2.end(call, &answer);
            match answer {
                Ok(_done_or_said) => {}
                Err(_late) => debug!(%key, "Redis did not store `{key}` in time"),
            }
        });
    }

    /// Tells the other nodes that something was written, up to `token`. Nobody waits for it, and it may be lost.
    pub(in crate::cache) fn publish(&self, token: OrdToken) {
        if self.settings.hints {
            self.send("PUBLISH", [HINTS.as_bytes().to_vec(), token.to_string().into_bytes()]);
        }
    }

    /// Sends a command whose reply does not matter.
    fn send<const N: usize>(&self, name: &'static str, arguments: [Vec<u8>; N]) {
        let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            return;
        };
        if self.breaker.is_open() {
            return;
        }
        let l2 = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut connection = l2.any_connection();
            let Some(call) = l2.breaker.ask() else { return };
            let mut command = redis::cmd(name);
            for argument in &arguments {
                command.arg(argument);
            }
            let limit = call.within(STORE);
            let answer = tokio::time::timeout(limit, command.query_async::<redis::Value>(&mut connection)).await;
            l2.end(call, &answer);
            match answer {
                Ok(_done_or_said) => {}
                Err(_late) => debug!(command = name, "Redis did not answer in time"),
            }
        });
    }
}

/// The channel on which nodes tell each other of writes.
pub(in crate::cache) const HINTS: &str = "atelier:hint";
