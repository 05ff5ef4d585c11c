//! The latest interactions. Nobody reads them back; those that came before go, since this process may live for long.

use std::collections::VecDeque;

/// How many are kept, and how many bytes of text: one element may be a quarter of a megabyte of HTML.
const KEPT: usize = 10_000;
const BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Interactions {
    kept: VecDeque<Interaction>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Interaction {
    pub(super) element: String,
    pub(super) widget: String,
    pub(super) time: String,
    /// When it came in, in milliseconds since 1970.
    #[allow(dead_code, reason = "kept with the rest, which is all that is promised of it")]
    pub(super) at: i64,
}

impl Interaction {
    fn bytes(&self) -> usize {
        self.element.len() + self.widget.len() + self.time.len()
    }
}

impl Interactions {
    pub(super) fn add(&mut self, interaction: Interaction) {
        self.bytes += interaction.bytes();
        self.kept.push_back(interaction);
        while self.kept.len() > KEPT || self.bytes > BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(interactions: &mut Interactions, at: i64, bytes: usize) {
        interactions.add(Interaction { element: "x".repeat(bytes), widget: String::new(), time: String::new(), at });
    }

    #[test]
    fn the_latest_are_kept_up_to_a_number_and_a_size() {
        let mut interactions = Interactions::default();
        for at in 0..KEPT as i64 + 3 {
            add(&mut interactions, at, 5);
        }
        let kept = |of: &Interactions| (of.kept.len(), of.bytes, of.kept.front().map(|oldest| oldest.at));
        assert_eq!(kept(&interactions), (KEPT, KEPT * 5, Some(3)));
        add(&mut interactions, 0, BYTES - 5);
        assert_eq!(kept(&interactions), (2, BYTES, Some(KEPT as i64 + 2)));
    }
}
