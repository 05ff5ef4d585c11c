//! What hyper asks for each request on one connection.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::Service;
use hyper::{Request, Response};

use super::Drain;
use crate::answering::Answering;

/// Hands requests over with the address that they come from. While the node drains, each answer is the last one on its connection.
pub(super) struct Handed<H> {
    pub(super) handle: H,
    pub(super) peer: SocketAddr,
    pub(super) drain: Drain,
    /// Whether a request has come so far.
    pub(super) asked: AtomicBool,
}

impl<H, B> Service<Request<Incoming>> for &Handed<H>
where
    H: Fn(Request<Incoming>, SocketAddr) -> Answering<B>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Answer<B>;

    #[inline]
    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        match (self.handle)(request, self.peer) {
            Answering::Now(response) => Answer::Now(ready(Ok(last(response, &self.drain)))),
            Answering::Later(response) => Answer::Later(response, self.drain.clone()),
        }
    }
}

/// An answer, marked as the last one if it is.
pub(super) enum Answer<B> {
    Now(Ready<Result<Response<B>, Infallible>>),
    Later(Pin<Box<dyn Future<Output = Response<B>> + Send>>, Drain),
}

impl<B> Future for Answer<B> {
    type Output = Result<Response<B>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(response) => Pin::new(response).poll(cx),
            Self::Later(response, drain) => response.as_mut().poll(cx).map(|response| Ok(last(response, drain))),
        }
    }
}

#[inline]
fn last<B>(mut response: Response<B>, drain: &Drain) -> Response<B> {
    if drain.has_begun() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
