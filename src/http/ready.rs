//! The headers of hits, made once.

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::HeaderValue;

use super::manners::Manners;
use super::respond::{Found, headers_of, seconds};
use crate::entry::{Encoding, Variant};
use crate::key::Resource;
use crate::outcome::Outcome;

/// The headers of hits, of which a copy is sent: three of them are changed in it, by their place and not by their name. A map that
/// is copied hashes nothing, which is most of what it costs to fill one.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    /// By class, encoding and whether the client has the bytes already.
    blocks: Vec<HeaderMap>,
    /// Whether the third is `Surrogate-Key`.
    tagged: bool,
}

impl Ready {
    /// Those of a server with these manners.
    pub(super) fn new(manners: &Manners) -> Self {
        let variant = Variant { body: Bytes::new(), etag: HeaderValue::from_static("") };
        let block = |(class, encoding, unchanged)| {
            let (tag, outcome, age) = (&HeaderValue::from_static(""), Outcome::HitL1, Duration::ZERO);
            headers_of(&Found { variant: &variant, encoding, tag, class, outcome, age, unchanged }, manners)
        };
        let encodings = [Encoding::Identity, Encoding::Gzip, Encoding::Brotli];
        let kinds = [Resource::Product, Resource::Reviews]
            .into_iter()
            .flat_map(|class| encodings.map(|encoding| (class, encoding)))
            .flat_map(|(class, encoding)| [false, true].map(|unchanged| (class, encoding, unchanged)));
        Self { blocks: kinds.map(block).collect(), tagged: !manners.private }
    }

    /// Those of this hit.
    #[inline]
    pub(super) fn of(&self, found: &Found<'_>) -> HeaderMap {
        let class = usize::from(!found.class.is_of_products());
        let place = (class * 3 + found.encoding as usize) * 2 + usize::from(found.unchanged);
        let mut headers = self.blocks.get(place).cloned().unwrap_or_default();
        let mut values = headers.values_mut();
        let mut next_is = |value| {
            if let Some(into) = values.next() {
                *into = value;
            }
        };
        next_is(found.variant.etag.clone());
        next_is(seconds(found.age));
        // Where nobody but the client may keep the answer, there is a constant in its place.
        if self.tagged {
            next_is(found.tag.clone());
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::super::manners::Downstream;
    use super::*;

    #[test]
    fn a_copy_that_is_changed_is_what_would_have_been_made() {
        let variant = Variant::new(b"{}");
        let long = Duration::from_secs(60);
        let kept = [Downstream::default(), Downstream { max_age: long, cdn_ttl: long }];
        for (private, cache_status, kept) in [false, true]
            .into_iter()
            .flat_map(|p| [false, true].map(|c| (p, c)))
            .flat_map(|(p, c)| kept.map(|k| (p, c, k)))
        {
            let manners = Manners::new(private, cache_status, false, kept);
            for class in Resource::ALL {
                for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Brotli] {
                    for (unchanged, age) in [(false, Duration::ZERO), (true, Duration::from_secs(7))] {
                        let tag = &HeaderValue::from_static("meta meta:9");
                        let outcome = Outcome::HitL1;
                        let found = Found { variant: &variant, encoding, tag, class, outcome, age, unchanged };
                        assert_eq!(manners.ready.of(&found), headers_of(&found, &manners), "{private} {class:?}");
                    }
                }
            }
        }
    }
}
