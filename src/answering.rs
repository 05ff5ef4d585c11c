//! An answer that may be there already.

use std::future::Future;
use std::pin::Pin;

use hyper::Response;

/// What a request is answered with: at once, or when it is there. As a future it is as small as a response, whatever it takes to make
/// one that is not held.
pub enum Answering<B> {
    /// Here it is.
    Now(Response<B>),
    /// This brings it.
    Later(Pin<Box<dyn Future<Output = Response<B>> + Send>>),
}

impl<B> std::fmt::Debug for Answering<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
        })
    }
}
