//! Plays sessions of a front end against a running site and prints what came of them. Ends with 1 when anything was not as it
//! must be.
//!
//! `SESSION_ADDRESS` is whom it asks, `ROUNDS` how many visits (10000), `SHOPPERS` how many at once (16), `SEED` what chance begins
//! with, `BOUND_MS` the `ATELIER_BOUND` of the nodes (2000).

use std::process::ExitCode;
use std::time::{Duration, Instant};

use atelier_rig::front_end::Plan;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value:?}")),
        Err(_) => default,
    }
}

fn main() -> ExitCode {
    let address = std::env::var("SESSION_ADDRESS").expect("SESSION_ADDRESS says whom to ask, as 127.0.0.1:8080");
    let plan = Plan {
        address: address.parse().expect("SESSION_ADDRESS is an address and a port"),
        rounds: number("ROUNDS", 10_000),
        shoppers: number("SHOPPERS", 16),
        seed: number("SEED", fastrand::u64(..1_000_000)),
        bound: Duration::from_millis(number("BOUND_MS", 2_000)),
        tokens: true,
    };
    println!("{} rounds, {} at once, against http://{address}, SEED={}", plan.rounds, plan.shoppers, plan.seed);
    let begun = Instant::now();
    let tally = plan.play();
    print!("{tally}");
    println!("took {:.1} s", begun.elapsed().as_secs_f64());
    if tally.holds() && tally.rounds == plan.rounds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
