//! A connection that gives up on a client who takes nothing: hyper has no limit for writes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A stream whose writes fail when none of them got anything into the socket for so long. A client that reads on makes room
/// there sooner or later: the kernel says so when a third of the send buffer is free.
pub(super) struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// When the write that is under way has waited for too long. As long as the socket takes everything there is no timer.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, stalled: None }
    }

    /// What a write says, once it is known whether it got anywhere.
    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.waits(cx);
        }
        if self.stalled.is_some() {
            self.stalled = None;
        }
        written
    }

    #[cold]
    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        // What is in the send buffer would stay there for minutes, for a client who does not want it.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    async fn pair() -> (Patient, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Patient::new(listener.accept().await.unwrap().0, PATIENCE), client)
    }

    #[tokio::test]
    async fn a_write_that_gets_nowhere_fails_in_time_and_the_client_is_reset() {
        let (mut server, mut client) = pair().await;
        let begun = Instant::now();
        let bytes = vec![7; 64 << 20];
        let error = timeout(PATIENCE * 20, server.write_all(&bytes)).await.expect("it gives up").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
        drop(server);
        let read = client.read_to_end(&mut Vec::new()).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_client_that_goes_on_reading_gets_all_however_long_that_takes() {
        let (mut server, mut client) = pair().await;
        let bytes = 48 << 20;
        let sending = tokio::spawn(async move { server.write_all(&vec![7; bytes]).await.map(|()| server) });
        let (mut read, mut piece) = (0, vec![0; 1 << 20]);
        while read < bytes {
            // Each pause is shorter than the patience of the server, all together are longer.
            tokio::time::sleep(PATIENCE / 10).await;
            let end = read + (4 << 20).min(bytes - read);
            while read < end {
                let most = piece.len().min(end - read);
                read += timeout(Duration::from_secs(10), client.read(&mut piece[..most])).await.unwrap().unwrap();
            }
        }
        assert!(sending.await.unwrap().unwrap().stalled.is_none(), "a timer is left behind");
    }
}
