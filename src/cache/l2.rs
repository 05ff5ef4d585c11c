//! L2: entries in Redis, shared by all nodes. It makes things cheap and is trusted with nothing: whatever it does, the
//! worst is a miss.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::address::Address;
use super::complaint::Complaint;
use super::{envelope, l1};
use crate::breaker::{self, Breaker, Call};
use crate::cause::Causes;
use crate::entry::Entry;
use crate::freshness::Instant;
use crate::key::Key;
use crate::metrics::{Dependency, metrics};
use crate::stamp::{Epoch, OrdToken, Stamp};
use crate::tag::Tag;

/// How many connections share the commands, by hash of the key.
const CONNECTIONS: usize = 2;

/// How long connecting may take; commands that wait for it have shorter limits of their own.
const CONNECT: Duration = Duration::from_millis(200);

/// How long storing may take. Nobody waits for it.
const STORE: Duration = Duration::from_millis(50);

/// How many bytes an entry's envelope has at most, besides its bodies.
const ENVELOPE: usize = 16 << 10;

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
    pub(super) fn hints(&self) -> bool {
        self.settings.hints
    }

    /// For a subscription, which needs a connection of its own.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Where it is said why Redis cannot be asked.
    pub(super) fn complaint(&self) -> &Complaint {
        &self.complaint
    }

    /// The number that is this node's own.
    pub(super) fn node(&self) -> u64 {
        self.node
    }

    /// How long a look-up may take.
    pub(super) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Obeys other settings of the breaker.
    pub(super) fn set_breaker(&self, settings: breaker::Settings) {
        self.breaker.set(settings);
    }

    fn connection(&self, key: &Key) -> ConnectionManager {
        self.connections.load()[l1::hash(key, 0) as usize % CONNECTIONS].clone()
    }

    fn any_connection(&self) -> ConnectionManager {
        self.connections.load()[0].clone()
    }

    /// Says to the breaker how a call ended.
    fn end<T>(&self, call: Call<'_>, answer: &Result<RedisResult<T>, tokio::time::error::Elapsed>) {
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
    fn rebuild(&self) {
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

    /// Entries of another epoch stand under other names: after a change of epoch nobody looks at them, and they expire.
    fn name(&self, key: Key, epoch: Epoch) -> String {
        format!("{}:{epoch}:{key}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("atelier:{}:{:08x}", envelope::SCHEMA, self.settings.rules)
    }

    /// The entry of `epoch` under `key`, if Redis has one, answers in time, and it is whole. Nothing is proved of it.
    pub(super) async fn get(&self, key: Key, epoch: Epoch) -> Option<Entry> {
        let call = self.breaker.ask()?;
        let _place = self.in_flight.try_acquire().ok()?;
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
        match opened? {
            // The name has only half of the epoch's digits.
            Ok(entry) if entry.facts.epoch == epoch => Some(entry),
            Ok(_) => None,
            Err(error) => {
                metrics().l2_corrupt.inc();
                warn!(%key, %error, "what Redis has for `{key}` is not usable");
                self.send("DEL", [name.into_bytes()]);
                None
            }
        }
    }

    /// Stores an entry, nobody waiting.
    pub(super) fn store(&self, entry: Arc<Entry>) {
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
    pub(super) fn publish(&self, token: OrdToken) {
        if self.settings.hints {
            self.send("PUBLISH", [HINTS.as_bytes().to_vec(), token.to_string().into_bytes()]);
        }
    }

    /// Notes which epoch it is, for nodes that start while the database is away.
    pub(super) fn note_epoch(&self, epoch: Epoch) {
        self.send("SET", [format!("{}:epoch", self.prefix()).into_bytes(), epoch.number().to_string().into_bytes()]);
    }

    /// Notes that what depends on `tag` and was read before `stamp` must not be served any more, and removes it where it can be
    /// found. The note stays as long as anything may that it is about.
    pub(super) fn note_erased(&self, epoch: Epoch, tag: Tag, stamp: Stamp) {
        let mut note = redis::pipe();
        let name = format!("{}:{epoch}:erased", self.prefix());
        // What another node is just about to store stays for as long, and a moment longer.
        let stays = i64::try_from((self.settings.ttl + STORE * 100).as_millis()).unwrap_or(i64::MAX);
        note.atomic().hset(&name, tag.to_string(), stamp.number()).ignore().pexpire(&name, stays).ignore();
        let l2 = self.clone();
        tokio::spawn(async move {
            let mut connection = l2.any_connection();
            let noted = async {
                note.exec_async(&mut connection).await?;
                l2.remove(tag).await
            };
            if let Err(error) = noted.await {
                warn!(%tag, error = %Causes(&error), "Redis could not be told that `{tag}` is erased, or not remove it");
            }
        });
    }

    /// Removes the entries that depend on `tag`, also those of other epochs, rules and versions, which nobody here looks at any
    /// more. The keyspace is walked in steps, so that Redis is never held up for long.
    async fn remove(&self, tag: Tag) -> RedisResult<()> {
        let below = match tag {
            Tag::All => "*".to_owned(),
            Tag::Class(class) => format!("{}/*", class.class()),
            Tag::Row(class, id) => format!("{}/{id}*", class.class()),
        };
        let pattern = format!("atelier:*:{below}");
        let mut connection = self.any_connection();
        let mut cursor = 0_u64;
        loop {
            let (next, names): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg(&["MATCH", &pattern, "COUNT", "1000"])
                .query_async(&mut connection)
                .await?;
            // The pattern `reviews/7*` finds `reviews/71` as well.
            let of_tag = |name: &&String| {
                let key = name.rsplit(':').next().and_then(|key| key.parse::<Key>().ok());
                key.is_some_and(|key| match tag {
                    Tag::All => true,
                    Tag::Class(class) => key.resource() == class,
                    Tag::Row(..) => Tag::of(key) == tag,
                })
            };
            let names: Vec<_> = names.iter().filter(of_tag).collect();
            if !names.is_empty() {
                redis::cmd("UNLINK").arg(names).query_async::<()>(&mut connection).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// What was noted of the last epoch; `None` when Redis knows of none, or does not answer.
    pub(super) async fn noted(&self) -> Option<(Epoch, Vec<(Tag, Stamp)>)> {
        let mut connection = self.any_connection();
        let noted = async {
            let epoch: Option<u64> =
                redis::cmd("GET").arg(format!("{}:epoch", self.prefix())).query_async(&mut connection).await?;
            let Some(epoch) = epoch.map(Epoch::new) else { return Ok(None) };
            let name = format!("{}:{epoch}:erased", self.prefix());
            let erased: Vec<(String, u64)> = redis::cmd("HGETALL").arg(name).query_async(&mut connection).await?;
            let erased = erased.iter().filter_map(|(tag, stamp)| Some((tag.parse().ok()?, Stamp::new(*stamp))));
            Ok::<_, RedisError>(Some((epoch, erased.collect())))
        };
        tokio::time::timeout(CONNECT, noted).await.ok()?.ok()?
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

fn connections(client: &Client, config: &ConnectionManagerConfig) -> RedisResult<[ConnectionManager; CONNECTIONS]> {
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

/// The channel on which nodes tell each other of writes.
pub(super) const HINTS: &str = "atelier:hint";
