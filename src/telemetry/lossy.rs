//! Lines of the log on their way to standard error. Whoever logs waits for nobody: a reader that has stopped reading, or a disk
//! that is full, costs lines, and these are counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use crate::metrics::metrics;

/// How many lines may wait. Most have a few hundred bytes.
const WAITING: usize = 4096;

/// How soon a full channel is looked at again.
const AGAIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
enum Order {
    Line(Vec<u8>),
    /// To be answered when everything before it is written.
    Say(SyncSender<()>),
}

/// Takes lines. Clones lead to the same place.
#[derive(Clone, Debug)]
pub(super) struct Lossy(SyncSender<Order>);

impl Lossy {
    /// Begins to write to `sink`, on a thread of its own, whatever it is given.
    ///
    /// # Errors
    /// When there can be no such thread.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_room(WAITING, sink)
    }

    fn with_room(lines: usize, sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(lines);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&receiver, sink))?;
        Ok(Self(sender))
    }

    /// Waits until what was logged so far is written, but no longer than this.
    pub(super) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let (said, says) = sync_channel(1);
        let mut order = Order::Say(said);
        // The channel has no sending with a limit, and it may be full.
        while let Err(TrySendError::Full(again)) = self.0.try_send(order) {
            if Instant::now() >= until {
                return;
            }
            order = again;
            std::thread::sleep(AGAIN);
        }
        let _ = says.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn write_all(receiver: &Receiver<Order>, mut sink: impl Write) {
    while let Ok(order) = receiver.recv() {
        match order {
            Order::Line(line) => {
                if sink.write_all(&line).is_err() {
                    metrics().log_lost.inc();
                }
            }
            Order::Say(said) => {
                let _ = sink.flush();
                let _ = said.try_send(());
            }
        }
    }
}

impl Write for Lossy {
    /// Takes a line; the caller never hears that it is lost.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.try_send(Order::Line(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => drop(metrics().log_lost.inc()),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes a line whenever it is allowed to.
    struct Slow(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::other("the disk is full"))?;
            self.1.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_lost_and_counted_and_the_others_come_in_order() {
        let (allow, allowed) = mpsc::channel();
        let written = Arc::default();
        let mut log = Lossy::with_room(3, Slow(allowed, Arc::clone(&written))).unwrap();
        let lost = metrics().log_lost.get();
        // One is being written, three wait; the number of the first differs with how far the thread is.
        for number in 0..20_u8 {
            assert_eq!(log.write(&[number]).unwrap(), 1);
        }
        let kept = 20 - (metrics().log_lost.get() - lost);
        assert!((3..=4).contains(&kept), "{kept}");
        for _ in 0..kept {
            allow.send(()).unwrap();
        }
        log.flush(Duration::from_secs(20));
        let written = written.lock().unwrap().clone();
        assert_eq!(written.len() as u64, kept);
        assert!(written.is_sorted(), "{written:?}");

        // A sink that fails does not end the log.
        drop(allow);
        log.write_all(b"x").unwrap();
        Lossy::flush(&log, Duration::from_secs(20));
        assert_eq!(metrics().log_lost.get() - lost, 20 - kept + 1);
    }
}
