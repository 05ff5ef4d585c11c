//! Orders of operators.

use serde_json::json;

use crate::command::Purged;
use crate::http::admin::purge::{Order, Unfit};

fn read(text: &[u8]) -> Result<Purged, Unfit> {
    Order::read(text)?.purged()
}

/// The body of an order.
pub fn purge(data: &[u8]) {
    let order = match read(data) {
        Ok(purged) => match &purged {
            Purged::Epoch => json!({"new_epoch": true}),
            Purged::Tags(tags, kind) => {
                assert!(!tags.is_empty(), "an order for nothing");
                let once: std::collections::HashSet<_> = tags.iter().collect();
                assert_eq!(once.len(), tags.len(), "each tag once");
                let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
                json!({"tags": tags, "kind": kind.to_string()})
            }
        },
        Err(Unfit(status, why)) => {
            assert!(status.is_client_error() && !why.is_empty());
            return;
        }
    };
    assert_eq!(read(order.to_string().as_bytes()), read(data), "{order}");
}
