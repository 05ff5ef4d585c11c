//! Products and what is sold of them.

use anyhow::Result;
use atelier_import::File;

use crate::generate::phrase::picture;
use crate::generate::plan::Plan;
use crate::generate::random::Dice;
use crate::generate::sink::Sink;
use crate::generate::words::{COLOURS, DESCRIPTIONS, FEATURES, NAMES, SLOGANS, TRADES, Trade};

/// The first throws of a product: the other files of the group need them, too.
fn nature(dice: &mut Dice) -> (&'static Trade, u32) {
    let trade = &TRADES[dice.below(TRADES.len() as u32) as usize];
    (trade, 5 + dice.below(395))
}

pub(super) fn products(plan: &Plan, out: &mut Sink) -> Result<()> {
    for id in plan.ids(File::Product) {
        let mut dice = plan.dice(File::Product, id);
        let (trade, price) = nature(&mut dice);
        out.row(|row| {
            row.number(id)
                .texts(&[dice.one_of(&NAMES), " ", dice.one_of(&NAMES), " ", trade.things[dice.below(6) as usize]])
                .text(dice.one_of(&SLOGANS))
                .texts(&[dice.one_of(&DESCRIPTIONS), " ", dice.one_of(&DESCRIPTIONS)])
                .text(trade.category)
                .number(price);
        })?;
    }
    Ok(())
}

pub(super) fn features(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Features) {
        let first = plan.dice(File::Features, product).below(FEATURES.len() as u32);
        for (nth, id) in (first..).zip(ids) {
            let mut dice = plan.dice(File::Features, id);
            let (feature, values) = &FEATURES[nth as usize % FEATURES.len()];
            out.row(|row| {
                row.number(id).number(product).text(feature);
                if dice.once_in(12) {
                    row.null()
                } else {
                    row.text(dice.one_of(values))
                };
            })?;
        }
    }
    Ok(())
}

pub(super) fn styles(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Styles) {
        let (_, price) = nature(&mut plan.dice(File::Product, product));
        let first = ids.start;
        for id in ids {
            let mut dice = plan.dice(File::Styles, id);
            out.row(|row| {
                row.number(id).number(product).text(dice.one_of(&COLOURS));
                if dice.once_in(5) {
                    row.number(price - price / 5)
                } else {
                    row.null()
                };
                row.number(price).digit(id == first);
            })?;
        }
    }
    Ok(())
}

pub(super) fn photos(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (style, ids) in plan.families(File::Photos) {
        for id in ids {
            let mut dice = plan.dice(File::Photos, id);
            out.row(|row| {
                row.number(id).number(style);
                if dice.once_in(500) {
                    row.null().null();
                } else {
                    row.quoted(|url| picture(&mut dice, "p", id, "1200", url));
                    row.quoted(|url| picture(&mut dice, "t", id, "300", url));
                }
            })?;
        }
    }
    Ok(())
}

pub(super) fn skus(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (style, ids) in plan.families(File::Skus) {
        // By the style alone, so that products need not be known: the sizes of a style hang together, which is enough.
        let trade = &TRADES[plan.dice(File::Styles, style).below(TRADES.len() as u32) as usize];
        for (nth, id) in ids.enumerate() {
            let mut dice = plan.dice(File::Skus, id);
            out.row(|row| {
                row.number(id).number(style);
                if dice.once_in(500) {
                    row.null()
                } else {
                    row.text(trade.sizes[nth % trade.sizes.len()])
                };
                if dice.once_in(200) {
                    row.null()
                } else {
                    row.number(dice.below(60))
                };
            })?;
        }
    }
    Ok(())
}

pub(super) fn related(plan: &Plan, out: &mut Sink) -> Result<()> {
    for (product, ids) in plan.families(File::Related) {
        for id in ids {
            let target = plan.target(product, &mut plan.dice(File::Related, id));
            out.row(|row| {
                row.number(id).number(product).number(target);
            })?;
        }
    }
    Ok(())
}

pub(super) fn cart(plan: &Plan, out: &mut Sink) -> Result<()> {
    let products = plan.ids(File::Product);
    for id in plan.ids(File::Cart) {
        let mut dice = plan.dice(File::Cart, id);
        out.row(|row| {
            row.number(id).number(dice.below(10_000));
            row.number(products.start + dice.below(products.len() as u32)).digit(dice.once_in(2));
        })?;
    }
    Ok(())
}
