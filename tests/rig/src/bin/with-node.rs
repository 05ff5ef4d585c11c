//! Runs a command beside a node of its own: PostgreSQL with the sample, Redis, and one atelier-edge, all on free ports and ended
//! with it. The command finds its addresses in `NODE_ADDRESS` and `NODE_ADMIN`. Ends with the command's status, or with 1 when the node
//! is not well afterwards: when it has ended, is not ready, or has logged a panic.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, ExitCode};

use atelier_rig::{Client, Node, Redis, import};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-node COMMAND [ARGUMENT…]");
        return ExitCode::from(2);
    };
    // The workspace's binaries stand beside each other.
    let server = std::env::current_exe().expect("this program has a path").with_file_name("atelier-edge");
    let server = server.display().to_string();
    let (postgres, database) = import::sample(&server);
    let redis = Redis::start();
    let node = Node::start(&server, &[("DATABASE_URL", &database), ("REDIS_URL", &redis.url())]);

    let mut command = Command::new(program);
    let status = command
        .args(arguments)
        .env("NODE_ADDRESS", node.address.to_string())
        .env("NODE_ADMIN", node.admin.to_string())
        .status();
    let status = status.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));

    let ready = Client::try_connect(node.admin).and_then(|mut admin| admin.try_request("GET", "/readyz", &[], b""));
    let panics: Vec<_> = node.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect();
    let well = matches!(&ready, Ok(answer) if answer.status == 200) && panics.is_empty();
    if !well {
        eprintln!("the node is not well: readiness {ready:?}, panics {panics:#?}\n{}", node.log());
    }
    drop((node, redis, postgres));
    match (status.success(), well) {
        (true, true) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        (true, false) => ExitCode::FAILURE,
    }
}
