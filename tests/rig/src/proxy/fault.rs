//! What a line can do to those who talk over it.

use std::time::Duration;

/// What happens to the bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Connections are closed, new ones at once.
    Cut,
    /// Nobody listens, so that connecting is refused; open connections are closed. For one application it is a cut: who
    /// connects is only known later.
    Refuse,
    /// Connections are reset (RST), new ones as soon as they are known.
    Reset,
    /// Nothing comes through until the fault is healed; then what waited does. New connections are accepted.
    Silent,
    /// What is sent is lost, and so is all that these connections send later: a way that no longer knows them. New
    /// connections are accepted.
    BlackHole,
    /// Every piece waits for a random time between these.
    Slow(Duration, Duration),
    /// Replies come in slices of so many bytes, each so long after the one before.
    Drip(usize, Duration),
    /// So many bytes of a reply reach the client; then the connection is cut. Shorter replies come through.
    CutAfter(usize),
    /// Of every reply longer than this one bit behind so many bytes is another.
    Corrupt(usize),
    /// The client hears that nothing more will come; what it sends arrives all the same.
    HalfClose,
    /// Every reply goes to whoever is to get the next one; the first to nobody.
    Swap,
    /// A piece with these bytes reaches the server; then the connection is cut, and the reply is lost.
    CutBehindRequest(Vec<u8>),
    /// The reply up to and including these bytes reaches the client; then the connection is cut.
    CutBehindReply(Vec<u8>),
    /// These bytes of the client become those, of the same length.
    Replace(Vec<u8>, Vec<u8>),
}

impl Fault {
    /// Whether connections end with it.
    pub(super) fn ends(&self) -> bool {
        matches!(self, Self::Cut | Self::Refuse | Self::Reset)
    }
}
