//! A Redis that lies: it gives back values it had before, values of other keys, and pieces of values.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::play::Play;

/// How many old values of a key are remembered.
const KEPT: usize = 6;

/// A client of Redis that knows GET, SET and SCAN.
struct Redis(BufReader<TcpStream>);

/// What Redis replies: bytes, or a list of bytes.
enum Reply {
    Bytes(Option<Vec<u8>>),
    List(Vec<Reply>),
}

impl Redis {
    async fn connect(port: u16) -> Option<Self> {
        Some(Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.ok()?)))
    }

    async fn ask(&mut self, parts: &[&[u8]]) -> Option<Reply> {
        let mut request = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            request.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            request.extend_from_slice(part);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request).await.ok()?;
        timeout(Duration::from_secs(2), self.reply()).await.ok()?
    }

    async fn reply(&mut self) -> Option<Reply> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok()?;
        let (kind, rest) = line.trim_end().split_at_checked(1)?;
        match kind {
            "$" => {
                let Ok(length) = rest.parse::<usize>() else { return Some(Reply::Bytes(None)) };
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes).await.ok()?;
                bytes.truncate(length);
                Some(Reply::Bytes(Some(bytes)))
            }
            "*" => {
                let mut list = Vec::new();
                for _ in 0..rest.parse::<usize>().ok()? {
                    list.push(Box::pin(self.reply()).await?);
                }
                Some(Reply::List(list))
            }
            _ => Some(Reply::Bytes(Some(rest.as_bytes().to_vec()))),
        }
    }

    async fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        match self.ask(&[b"GET", key]).await? {
            Reply::Bytes(bytes) => bytes,
            Reply::List(_) => None,
        }
    }

    async fn keys(&mut self) -> Option<Vec<Vec<u8>>> {
        let Reply::List(parts) = self.ask(&[b"SCAN", b"0", b"MATCH", b"atelier:*:*", b"COUNT", b"10000"]).await? else {
            return None;
        };
        let Some(Reply::List(keys)) = parts.into_iter().nth(1) else { return None };
        let bytes = |reply| match reply {
            Reply::Bytes(bytes) => bytes,
            Reply::List(_) => None,
        };
        Some(keys.into_iter().filter_map(bytes).collect())
    }
}

/// Lies until the run ends its writers, up to a thousand times a second.
pub(crate) async fn lie(play: Arc<Play>, until: Instant, task: u64) {
    let mut chance = play.chance(task);
    let mut old: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let port = play.cluster.redis().port();
    let mut redis = None;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let mut round = 0_u64;
    while Instant::now() < until && !play.writers_end() {
        tick.tick().await;
        if redis.is_none() {
            redis = Redis::connect(port).await;
        }
        let Some(connected) = &mut redis else { continue };
        if round.is_multiple_of(200) {
            keys = connected.keys().await.unwrap_or_default();
        }
        if keys.is_empty() {
            continue;
        }
        round += 1;
        let key = &keys[chance.usize(..keys.len())];
        if round.is_multiple_of(2) {
            let Some(value) = connected.get(key).await else {
                // The key may have gone, or Redis.
                redis = None;
                continue;
            };
            let values = old.entry(key.clone()).or_default();
            if !values.contains(&value) {
                if values.len() == KEPT {
                    // The oldest stay: the older, the worse.
                    values.pop();
                }
                values.push(value);
            }
            continue;
        }
        let other = &keys[chance.usize(..keys.len())];
        let (values, fault) = match chance.u32(..10) {
            0 => (old.get(other), "value of another key"),
            1 => (old.get(key), "piece of a value"),
            _ => (old.get(key), "old value"),
        };
        let Some(value) = values.and_then(|values| values.get(chance.usize(..values.len().max(1)))) else { continue };
        let end = if fault == "piece of a value" { chance.usize(..value.len().max(1)) } else { value.len() };
        if connected.ask(&[b"SET", key, &value[..end], b"PX", b"3600000"]).await.is_some() {
            play.fault(fault);
        }
    }
}
