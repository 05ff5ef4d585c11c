//! Reviews, their photos, and what they rate.

use anyhow::Result;
use atelier_import::File;

use crate::generate::phrase::{Person, instant, opinion, picture};
use crate::generate::plan::Plan;
use crate::generate::sink::Sink;
use crate::generate::words::{CHARACTERISTICS, RESPONSES, SUMMARIES};

pub(super) fn reviews(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Reviews) {
        for id in ids {
            let mut dice = plan.dice(File::Reviews, id);
            // Five stars are the most frequent rating, two the rarest.
            let rating = [5, 5, 5, 4, 4, 4, 3, 3, 2, 1][dice.below(10) as usize];
            let mut person = Person::new(&mut dice);
            out.row(|row| {
                row.number(id).number(product).number(rating).number(instant(&mut dice));
                row.text(dice.one_of(&SUMMARIES));
                let sentences = 1 + dice.below(3);
                row.quoted(|body| opinion(&mut dice, sentences, body));
                row.word(rating > 2).word(dice.once_in(40));
                row.texts(&person.name()).texts(&person.mail());
                if dice.once_in(10) {
                    row.text(dice.one_of(&RESPONSES))
                } else {
                    row.null()
                };
                row.number(dice.below(30));
            })?;
        }
    }
    Ok(())
}

pub(super) fn photos(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (review, ids) in plan.families(File::ReviewsPhotos) {
        for id in ids {
            let mut dice = plan.dice(File::ReviewsPhotos, id);
            out.row(|row| {
                row.number(id).number(review).quoted(|url| picture(&mut dice, "r", id, "900", url));
            })?;
        }
    }
    Ok(())
}

pub(super) fn characteristics(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Characteristics) {
        let first = plan.dice(File::Characteristics, product).below(6) as usize;
        for (nth, id) in ids.enumerate() {
            out.row(|row| {
                row.number(id).number(product).text(CHARACTERISTICS[(first + nth) % CHARACTERISTICS.len()]);
            })?;
        }
    }
    Ok(())
}

/// Each review rates each characteristic of its product.
pub(super) fn ratings(plan: &Plan, out: &mut Sink) -> Result<()> {
    let mut ids = plan.ids(File::CharacteristicReviews);
    for ((_, reviews), (_, rated)) in plan.families(File::Reviews).zip(plan.families(File::Characteristics)) {
        for review in reviews {
            for characteristic in rated.clone() {
                let id = ids.start;
                ids.start += 1;
                let mut dice = plan.dice(File::CharacteristicReviews, id);
                out.row(|row| {
                    row.number(id).number(characteristic).number(review).number(1 + dice.below(5));
                })?;
            }
        }
    }
    Ok(())
}
