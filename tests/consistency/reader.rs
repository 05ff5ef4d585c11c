//! One client of one node.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Answer, Client};
use super::history::{Claim, Given, Label, Read, Seen, Sight, Via, nanos};
use super::play::{Play, Token};

/// One client of one node, and what it was shown.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The connection.
    pub(crate) client: Client,
    /// Where its node stands.
    pub(crate) place: u8,
    pub(super) number: u16,
    pub(super) node: u8,
    pub(super) reads: Vec<Read>,
}

impl Reader {
    /// Asks for an answer, with a validator and a token if there are any, and writes down what came.
    pub(crate) async fn read(
        &mut self,
        play: &Play,
        target: u32,
        validator: Option<&str>,
        token: Option<&Token>,
    ) -> (Answer, Arc<[Seen]>) {
        if self.node != play.name(self.place) {
            // Another process stands there now.
            let address = play.with_node(self.place, |node| node.address);
            self.client = Client::new(address, play.clock);
            self.node = play.name(self.place);
        }
        let mut headers = String::new();
        if let Some(validator) = validator {
            headers.push_str(&format!("If-None-Match: {validator}\r\n"));
        }
        if let Some(token) = token {
            headers.push_str(&format!("Atelier-Min-Ord: {}\r\n", token.text));
        }
        let node = self.node;
        let answer = self.client.get(&play.stage.targets[target as usize].path, &headers).await;
        let seen = play.seen(target, &answer);
        self.reads.push(Read {
            node,
            client: self.number,
            target,
            sent: answer.sent,
            received: answer.received,
            status: answer.status,
            label: answer.label,
            seen: Arc::clone(&seen),
            claims: token.map(|token| Arc::clone(&token.claims)),
        });
        (answer, seen)
    }

    /// Reads until an answer without label comes, so that the node holds the key; false if none comes in time.
    pub(crate) async fn warm(&mut self, play: &Play, target: u32) -> bool {
        let until = play.clock.now() + nanos(Duration::from_secs(3));
        while play.clock.now() < until {
            let (answer, _) = self.read(play, target, None, None).await;
            if matches!(answer.status, 200 | 404) && answer.label == Label::None {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// The token of an answer, for what it showed.
    pub(crate) fn token_of(target: u32, answer: &Answer, seen: &[Seen]) -> Option<Token> {
        let claim = |seen: &Seen| match seen.sight {
            Sight::Version(version) => Some(Claim { register: seen.register, version, given: Given::Read }),
            Sight::Absent | Sight::Poison | Sight::Garbage => None,
        };
        let claims = seen.iter().filter_map(claim).collect();
        Some(Token { text: answer.ord.clone()?, targets: vec![target], claims })
    }

    /// By which way a write through this client comes.
    pub(crate) fn via(&self) -> Via {
        Via::Node(self.node)
    }

    /// Hands in what was read.
    pub(crate) fn hand_in(mut self, play: &Play) {
        play.note(|history| history.reads.append(&mut self.reads));
    }
}
