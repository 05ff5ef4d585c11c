//! The server as `main` puts it together, above the sample in memory.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use atelier_edge::cache::Cache;
use atelier_edge::config::{Config, Raw, Sources};
use atelier_edge::http::Api;
use atelier_edge::origin::memory::Memory;
use atelier_edge::server::{self, Drain, Listener};
use atelier_import::sample::Sample;
use clap::builder::{OsStr, Resettable};
use clap::{Args, Command};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// The defaults, whatever the environment says, but for what would be counted on one run and not on another.
fn config() -> Config {
    let arguments = [
        // No hit is compared with the origin.
        "--shadow=0",
        // A poll may be late where every instruction is counted.
        "--bound=60s",
        "--head-timeout=10m",
        // A million cells, one by one, take longer than all hits.
        "--floor-cells=1024",
    ];
    let command = Raw::augment_args(Command::new("atelier-hit").no_binary_name(true))
        .mut_args(|argument| argument.env(Resettable::<OsStr>::Reset));
    let (_, given) = Sources::read(command, arguments.map(OsString::from), []);
    given.config().unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Serves on `front`; everything that goes on without a request is done on `back`.
pub(crate) fn serve(front: &Runtime, back: &Runtime) -> SocketAddr {
    let config = config();
    let origin = Memory::load(&Sample, config.rules).expect("the sample can be read");
    let cache = {
        let _back = back.enter();
        Cache::new(Arc::new(origin), None, config.cache, config.live)
    };
    let api = Arc::new(ArcSwap::from_pointee(Api::new(cache, config.http)));
    let answer = move |request, peer: SocketAddr| api.load().answer(request, peer);
    let _front = front.enter();
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("there is a free port");
    let address = listener.address().expect("it has an address");
    let (limits, limited) = watch::channel(config.server);
    front.spawn(async move {
        // They stay as they are, for as long as there is somebody who could change them.
        let _limits = limits;
        server::run(listener, answer, limited, Drain::default()).await;
    });
    // The listener has its options, and with it whatever is accepted, once that has had its turn.
    front.block_on(tokio::task::yield_now());
    address
}
