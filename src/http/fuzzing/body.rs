//! Bodies of writes.

use serde_json::{Map, Value, json};

use crate::command::{Command, NewAnswer, NewQuestion, NewReview, Owner};
use crate::http::document::command;
use crate::http::route::Addition;
use crate::key::ID_MAX;

const OWNER: Owner = Owner([7; 32]);

const ADDITIONS: [Addition; 5] =
    [Addition::Review, Addition::Question, Addition::Answer(Some(3)), Addition::Cart, Addition::Interaction];

fn read(addition: Addition, text: &[u8]) -> Option<Command> {
    command(addition, &mut text.to_vec(), OWNER)
}

/// The body that says what a command says.
fn written(command: &Command) -> Option<Value> {
    Some(match command {
        Command::AddReview(NewReview {
            product,
            rating,
            summary,
            body,
            recommend,
            name,
            email,
            photos,
            characteristics,
        }) => {
            let characteristics: Map<_, _> =
                characteristics.iter().map(|(id, rating)| (id.to_string(), json!(rating))).collect();
            json!({"product_id": product, "rating": rating, "summary": summary, "body": body, "recommend": recommend,
                "name": name, "email": email, "photos": photos, "characteristics": characteristics})
        }
        Command::AddQuestion(NewQuestion { product, body, name, email }) => {
            json!({"product_id": product, "body": body, "name": name, "email": email})
        }
        Command::AddAnswer(NewAnswer { question: _, body, name, email, photos }) => {
            json!({"body": body, "name": name, "email": email, "photos": photos})
        }
        Command::AddToCart { owner: _, sku, count } => json!({"sku_id": sku, "count": count}),
        Command::AddInteraction { element, widget, time } => {
            json!({"element": element, "widget": widget, "time": time})
        }
        Command::Vote(..) | Command::Purge(_) => return None,
    })
}

/// What PostgreSQL can store, and what the contract says of each field.
fn is_fit(command: &Command) -> bool {
    let text = |text: &String| !text.contains('\0') && !text.trim().is_empty();
    let id = |id: u32| (1..=ID_MAX).contains(&id);
    let stars = |rating: u8| (1..=5).contains(&rating);
    match command {
        Command::AddReview(new) => {
            let mut before = 0;
            let rising = |(id, _): &(u32, u8)| std::mem::replace(&mut before, *id) < *id;
            id(new.product)
                && stars(new.rating)
                && !new.summary.contains('\0')
                && [&new.body, &new.name, &new.email].into_iter().chain(&new.photos).all(text)
                && new.characteristics.iter().all(|(row, rating)| id(*row) && stars(*rating))
                && new.characteristics.iter().all(rising)
        }
        Command::AddQuestion(new) => id(new.product) && [&new.body, &new.name, &new.email].into_iter().all(text),
        Command::AddAnswer(new) => [&new.body, &new.name, &new.email].into_iter().chain(&new.photos).all(text),
        Command::AddToCart { owner, sku, count } => *owner == OWNER && id(*sku) && (1..=1_000_000).contains(count),
        Command::AddInteraction { element, widget, time } => [element, widget, time].into_iter().all(text),
        Command::Vote(..) | Command::Purge(_) => false,
    }
}

/// The first byte says what is added; the body follows.
pub fn body(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let addition = ADDITIONS[usize::from(*first) % ADDITIONS.len()];
    let found = read(addition, text);
    // White space before it moves every byte to another place in the parser's blocks.
    for blanks in [1, 31, 64] {
        let moved = [&b" \t\r\n".repeat(16)[..blanks], text].concat();
        assert_eq!(read(addition, &moved), found, "behind {blanks} blanks");
    }
    let Some(command) = found else { return };
    assert!(is_fit(&command), "{command:?}");
    // It was an object, and not an empty one. A member that is not known changes nothing, whatever it holds.
    if let Some(open) = text.iter().position(|byte| *byte == b'{') {
        let (before, after) = text.split_at(open + 1);
        let more = [before, br#""unknown":[{"":"\ud800"},-1e3],"#, after].concat();
        assert_eq!(read(addition, &more).as_ref(), Some(&command), "with another member");
    }
    // Written down and read again it is the same.
    let again = written(&command).and_then(|body| read(addition, body.to_string().as_bytes()));
    assert_eq!(again, Some(command));
}
