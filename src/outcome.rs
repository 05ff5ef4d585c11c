//! Where an answer came from, and how `Cache-Status` says so (RFC 9211).

use std::fmt;

use hyper::header::HeaderValue;

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Stored in this process.
    HitL1,
    /// Stored in Redis.
    HitL2,
    /// Known without looking: nothing can be there.
    HitFilter,
    /// Nothing was stored: asked of the origin, and stored.
    Miss,
    /// Something expired was stored: asked of the origin, and stored.
    Refetched,
    /// Answered by a fetch that another request had begun.
    Collapsed,
    /// Asked of the origin for this request alone.
    Unstored,
    /// Asked of the origin, because no tier may have it.
    Bypass,
}

impl Outcome {
    /// The value of `Cache-Status`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::HitL1 => "atelier-edge; hit; detail=l1",
            Self::HitL2 => "atelier-edge; hit; detail=l2",
            Self::HitFilter => "atelier-edge; hit; detail=filter",
            Self::Miss => "atelier-edge; fwd=uri-miss; stored",
            Self::Refetched => "atelier-edge; fwd=stale; stored",
            Self::Collapsed => "atelier-edge; fwd=uri-miss; collapsed",
            Self::Unstored => "atelier-edge; fwd=uri-miss",
            Self::Bypass => "atelier-edge; fwd=bypass",
        }
    }

    /// The same, ready to send.
    pub fn cache_status(self) -> HeaderValue {
        HeaderValue::from_static(self.text())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
