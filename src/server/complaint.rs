//! Log lines that come again and again, now and then.

use std::time::Duration;

use tokio::time::Instant;

/// Lines about the same thing come no faster than this.
const EVERY: Duration = Duration::from_secs(10);

/// Something that is complained about.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    last: Option<Instant>,
    /// How often it has happened.
    count: u64,
}

impl Complaint {
    /// Counts one more. How many there are so far, if it is time to say so.
    pub(super) fn again(&mut self) -> Option<u64> {
        self.count += 1;
        let is_time = self.last.is_none_or(|last| last.elapsed() >= EVERY);
        is_time.then(|| {
            self.last = Some(Instant::now());
            self.count
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_complaint_is_made_every_ten_seconds_at_most() {
        let mut complaint = Complaint::default();
        assert_eq!((complaint.again(), complaint.again()), (Some(1), None));
        tokio::time::advance(EVERY - Duration::from_millis(1)).await;
        assert_eq!(complaint.again(), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((complaint.again(), complaint.again()), (Some(4), None));
    }
}
