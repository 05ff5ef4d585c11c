//! Questions, their answers, and the photos of these.

use anyhow::Result;
use atelier_import::File;

use crate::generate::phrase::{Person, instant, picture};
use crate::generate::plan::Plan;
use crate::generate::sink::Sink;
use crate::generate::words::{ANSWERS, QUESTIONS};

pub(super) fn questions(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Questions) {
        for id in ids {
            let mut dice = plan.dice(File::Questions, id);
            let mut person = Person::new(&mut dice);
            out.row(|row| {
                row.number(id).number(product).text(dice.one_of(&QUESTIONS)).number(instant(&mut dice));
                row.texts(&person.name()).texts(&person.mail());
                row.digit(dice.once_in(40)).number(dice.below(30));
            })?;
        }
    }
    Ok(())
}

pub(super) fn answers(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (question, ids) in plan.families(File::Answers) {
        for id in ids {
            let mut dice = plan.dice(File::Answers, id);
            let mut person = Person::new(&mut dice);
            out.row(|row| {
                row.number(id).number(question);
                row.texts(&[dice.one_of(&ANSWERS), " ", dice.one_of(&ANSWERS)]).number(instant(&mut dice));
                // Clients show answers of "Seller" first.
                if dice.once_in(8) {
                    row.text("Seller")
                } else {
                    row.texts(&person.name())
                };
                row.texts(&person.mail()).digit(dice.once_in(40)).number(dice.below(20));
            })?;
        }
    }
    Ok(())
}

pub(super) fn photos(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (answer, ids) in plan.families(File::AnswersPhotos) {
        for id in ids {
            let mut dice = plan.dice(File::AnswersPhotos, id);
            out.row(|row| {
                row.number(id).number(answer).quoted(|url| picture(&mut dice, "a", id, "600", url));
            })?;
        }
    }
    Ok(())
}
