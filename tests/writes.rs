//! Writes, and the cart: what is answered, what is in the next read, to the byte, and what is not changed. The scenarios are
//! told once and hold on both origins.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "writes/carts.rs"]
mod carts;
#[allow(dead_code, reason = "of the cases as text, only the classes of headers are used here")]
#[path = "contract/fixture.rs"]
mod fixture;
#[path = "writes/interactions.rs"]
mod interactions;
#[path = "writes/places.rs"]
mod places;
#[path = "writes/questions.rs"]
mod questions;
#[path = "writes/refused.rs"]
mod refused;
#[path = "writes/reviews.rs"]
mod reviews;
#[path = "writes/shop.rs"]
mod shop;
#[path = "writes/times.rs"]
mod times;
#[path = "writes/views.rs"]
mod views;
#[path = "writes/wire.rs"]
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::shop::{Origin, Shop};

const SERVER: &str = env!("CARGO_BIN_EXE_atelier-edge");

/// Makes a test of each scenario with the origin in process, and one of all with PostgreSQL: to load the sample takes long.
/// Each scenario has rows of its own, so they may follow each other.
macro_rules! scenarios {
    ($($module:ident::$name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                $module::$name(&Shop::open(Origin::InProcess));
            }
        )*

        #[test]
        fn all_of_it_holds_on_postgresql() {
            let shop = Shop::open(Origin::postgres());
            let scenarios: &[(&str, fn(&Shop))] = &[$((stringify!($name), $module::$name)),*];
            let fails = |scenario: fn(&Shop)| catch_unwind(AssertUnwindSafe(|| scenario(&shop))).is_err();
            let failed: Vec<_> = scenarios.iter().filter(|(_, run)| fails(*run)).map(|(name, _)| name).collect();
            assert!(failed.is_empty(), "these do not hold: {failed:#?}");
        }
    };
}

scenarios![
    reviews::a_review_is_in_the_next_read_of_every_page_and_counts,
    reviews::a_review_needs_no_photos_and_takes_numbers_as_text,
    reviews::a_review_that_is_posted_twice_is_two,
    reviews::a_helpful_review_counts_one_more_for_every_request,
    reviews::a_reported_review_is_hidden_for_good_and_still_counted,
    questions::a_question_is_in_the_next_read,
    questions::an_answer_is_in_both_lists_that_show_it,
    questions::a_helpful_question_and_a_helpful_answer_count_one_more,
    questions::a_reported_question_is_hidden_and_can_still_be_answered,
    questions::a_reported_answer_is_hidden_in_both_lists,
    carts::a_cart_holds_the_sum_of_what_was_added,
    carts::every_credential_has_a_cart_and_those_without_share_one,
    carts::a_cart_says_whether_it_has_changed,
    carts::a_long_cart_is_not_encoded,
    interactions::an_interaction_is_kept_whole,
    refused::bodies_that_are_not_as_described_change_nothing,
    refused::references_to_what_is_not_there_change_nothing,
    refused::votes_for_what_is_not_there_change_nothing,
    wire::bodies_of_writes_come_in_every_framing,
    wire::requests_in_a_row_are_answered_in_order,
    wire::who_waits_to_go_on_is_told_to_when_that_is_wanted,
];
