//! How many instructions a hit takes, by gungraun: the whole way from the socket and back, hyper and tokio and the client's end included.
//!
//! ```sh
//! dev/hits.sh
//! ```
//!
//! That builds this as it is meant to be, and compares the counts with `budget.toml`.

#![allow(missing_docs, reason = "the macros make what nobody reads")]

use atelier_hit::{CASES, Case, Connection};
use gungraun::Callgrind;
use gungraun::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many hits are counted together. A multiple of 16: one of so many is timed, and so many make a batch.
const HITS: usize = 512;

fn case(name: &str) -> Case {
    CASES.into_iter().find(|case| case.name == name).expect("there is such a case")
}

fn ours(name: &str) -> (Case, Connection) {
    let case = case(name);
    (case, Connection::to_ours(&case))
}

fn bare(name: &str) -> Connection {
    Connection::to_bare(&case(name))
}

/// What was counted were hits.
fn check((case, connection): (Case, Connection)) {
    connection.check(&case);
}

#[library_benchmark(setup = ours, teardown = check)]
#[bench::product("product")]
#[bench::styles_gzip("styles_gzip")]
#[bench::styles_br("styles_br")]
#[bench::product_304("product_304")]
#[bench::product_pipelined("product_pipelined")]
fn atelier((case, mut connection): (Case, Connection)) -> (Case, Connection) {
    connection.ask(HITS);
    (case, connection)
}

// To compare with: hyper alone, with a body of the same length and the same client.
#[library_benchmark(setup = bare)]
#[bench::product("product")]
fn hyper(mut connection: Connection) -> Connection {
    connection.ask(HITS);
    connection
}

library_benchmark_group!(name = hits, benchmarks = [atelier, hyper]);

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = hits
);
