//! Who reads: clients that ask one node for one key after another, some with a validator, some with a token.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::play::Play;
use super::reader::Reader;
use super::stage::{BUSY, FLEETING};

/// Reads until the run ends its readers.
pub(crate) async fn reader(play: Arc<Play>, place: u8, rest: Duration, task: u64) {
    let mut chance = play.chance(task);
    let mut reader = play.client(place);
    let mut validators: HashMap<u32, String> = HashMap::new();
    while !play.readers_end() {
        sleep(rest.mul_f64(chance.f64() * 2.0)).await;
        let token = if chance.u32(..100) < 20 { play.token(&mut chance) } else { None };
        let target = match &token {
            Some(token) => token.targets[chance.usize(..token.targets.len())],
            None => any_target(&play, &mut chance),
        };
        let validator = if chance.u32(..100) < 40 { validators.get(&target).map(String::as_str) } else { None };
        let (answer, seen) = reader.read(&play, target, validator, token.as_deref()).await;
        if answer.status == 0 {
            // Whoever is refused a connection does not try again at once.
            sleep(Duration::from_millis(20)).await;
        }
        if chance.u32(..100) < 5
            && let Some(token) = Reader::token_of(target, &answer, &seen)
        {
            play.offer(token);
        }
        if let Some(etag) = answer.etag {
            validators.insert(target, etag);
        }
    }
    reader.hand_in(&play);
}

/// Any key of the busy and fleeting products; those of the first two are asked for more often.
pub(crate) fn any_target(play: &Play, chance: &mut fastrand::Rng) -> u32 {
    let product = match chance.u32(..100) {
        0..5 => 0,
        5..35 => chance.u32(1..=2),
        35..50 => chance.u32(FLEETING),
        _ => chance.u32(BUSY),
    };
    let targets = play.stage.of_product(product);
    targets[chance.usize(..targets.len())]
}
