//! Hears from the other nodes, by way of Redis, that something was written, and has the poll look at once. A hint that is lost
//! costs nothing but time: the next poll finds the write anyway. A false one costs a poll.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::RedisResult;

use super::l2::{HINTS, L2};
use crate::changes::Poller;

/// The shortest and the longest wait before the next attempt to subscribe.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long subscribing may take.
const SUBSCRIBE: Duration = Duration::from_secs(1);

/// How long a subscription may bring nothing before another takes its place.
const SILENCE: Duration = Duration::from_secs(30);

/// Listens for ever.
pub(super) async fn listen(l2: L2, poller: Arc<Poller>) {
    let mut back_off = BACK_OFF.0;
    loop {
        let begun = tokio::time::Instant::now();
        if let Err(error) = subscription(&l2, &poller).await {
            l2.complaint().about(&error);
        }
        if begun.elapsed() > BACK_OFF.1 {
            back_off = BACK_OFF.0;
        }
        // Full jitter: nodes that lost Redis together do not come back together.
        tokio::time::sleep(back_off.mul_f64(fastrand::f64())).await;
        back_off = (back_off * 2).min(BACK_OFF.1);
    }
}

/// One subscription, to its end.
async fn subscription(l2: &L2, poller: &Poller) -> RedisResult<()> {
    let subscribed = async {
        let mut subscribed = l2.client().get_async_pubsub().await?;
        subscribed.subscribe(HINTS).await?;
        Ok::<_, redis::RedisError>(subscribed)
    };
    let late = |_late| redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let mut subscribed = tokio::time::timeout(SUBSCRIBE, subscribed).await.map_err(late)??;
    l2.complaint().is_over();
    let mut hints = subscribed.on_message();
    // A connection that leads nowhere looks just like one without news, so a silent one is made anew.
    while let Ok(Some(hint)) = tokio::time::timeout(SILENCE, hints.next()).await {
        // What is no token was not sent by a node of ours.
        if let Ok(token) = hint.get_payload::<String>().unwrap_or_default().parse() {
            poller.hint(token);
        }
    }
    Ok(())
}
