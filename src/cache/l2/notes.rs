//! What nodes leave each other in Redis besides entries: which epoch it is, and what was erased.

use redis::RedisError;
use redis::RedisResult;
use tracing::warn;

use super::link::CONNECT;
use super::{L2, STORE};
use crate::cause::Causes;
use crate::key::Key;
use crate::stamp::{Epoch, Stamp};
use crate::tag::Tag;

impl L2 {
    /// Notes which epoch it is, for nodes that start while the database is away.
    pub(in crate::cache) fn note_epoch(&self, epoch: Epoch) {
        self.send("SET", [format!("{}:epoch", self.prefix()).into_bytes(), epoch.number().to_string().into_bytes()]);
    }

    /// Notes that what depends on `tag` and was read before `stamp` must not be served any more, and removes it where it can be
    /// found. The note stays as long as anything may that it is about.
    pub(in crate::cache) fn note_erased(&self, epoch: Epoch, tag: Tag, stamp: Stamp) {
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
    pub(in crate::cache) async fn noted(&self) -> Option<(Epoch, Vec<(Tag, Stamp)>)> {
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
}
