//! The command line: joins the parts and does nothing else.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use atelier_edge::answering::Answering;
use atelier_edge::cache::{Cache, L2};
use atelier_edge::config::{self, Config, EXIT_CONFIG, Form, Given, InForce, Raw, Sources};
use atelier_edge::http::Api;
use atelier_edge::http::admin::{self, Admin};
use atelier_edge::metrics::Place;
use atelier_edge::origin::Origin;
use atelier_edge::origin::memory::Memory;
use atelier_edge::origin::postgres::Postgres;
use atelier_edge::server::{self, Drain, Inherited, Listener};
use atelier_edge::supervise::supervise;
use atelier_edge::telemetry::Filter;
use atelier_edge::{purge, red, reload, systemd, telemetry};
use atelier_import::sample::Sample;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves the Atelier shop API.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Raw,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API; the default.
    Serve,
    /// Says what is wrong with the settings, all of it, and exits with 78 if anything is.
    CheckConfig,
    /// Prints every setting, its value and where that came from; secrets stay hidden.
    PrintConfig {
        /// What to print.
        #[arg(long, value_enum, default_value_t = Form::Table)]
        form: Form,
    },
    /// Outdates answers on every node: by tag, by key, all, or all by another epoch. It needs no running node.
    Purge(purge::Order),
}

fn main() -> ExitCode {
    let (sources, given) = Sources::read(Cli::command(), std::env::args_os(), std::env::vars_os());
    let cli = Cli::from_arg_matches(given.matches()).unwrap_or_else(|error| error.exit());
    match cli.command.unwrap_or(Command::Serve) {
        Command::PrintConfig { form } => {
            out(&config::write(form, &given));
            if given.problems().is_empty() { ExitCode::SUCCESS } else { refuse(EXIT_CONFIG, given.problems()) }
        }
        Command::Purge(order) => match order.run(&given) {
            Ok(done) => {
                out(&done);
                ExitCode::SUCCESS
            }
            Err(failure) => refuse(failure.status, &failure.said),
        },
        command @ (Command::CheckConfig | Command::Serve) => match given.config() {
            Err(problems) => refuse(EXIT_CONFIG, &problems),
            Ok(_) if matches!(command, Command::CheckConfig) => ExitCode::SUCCESS,
            Ok(config) => serve(sources, given, config),
        },
    }
}

/// Standard output is for people; a closed one is no reason to stop.
fn out(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says why nothing is done.
fn refuse(status: u8, why: &[impl std::fmt::Display]) -> ExitCode {
    for why in why {
        complain(&format!("atelier-edge: {why}"));
    }
    ExitCode::from(status)
}

fn serve(sources: Sources, given: Given, config: Config) -> ExitCode {
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(why) => return refuse(EXIT_CONFIG, &[why]),
    };
    let filter = match telemetry::init(&config.log) {
        Ok(filter) => filter,
        Err(error) => return refuse(EXIT_CONFIG, &[format!("ATELIER_LOG: {error}")]),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(config.workers).enable_all().build();
    let status = match runtime {
        Ok(runtime) => {
            let settings = InForce::new(sources, given, config.clone());
            let ended = runtime.block_on(run(settings, config, inherited, filter.clone()));
            // A thread that waits for a slow disk is not waited for.
            runtime.shutdown_background();
            match ended {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    error!("{why}");
                    refuse(1, &[why])
                }
            }
        }
        Err(error) => refuse(1, &[format!("no threads could be started: {error}")]),
    };
    filter.flush(LAST_WORDS);
    status
}

/// How long the end of the process waits for whoever reads its log.
const LAST_WORDS: Duration = Duration::from_secs(1);

async fn run(settings: InForce, config: Config, inherited: Inherited, filter: Filter) -> Result<(), String> {
    // First of all, since this signal ends a process that does not expect it.
    let hangups = signal(SignalKind::hangup()).map_err(|error| format!("signals cannot be received: {error}"))?;
    let bugs = red::from_environment();
    if !bugs.is_empty() {
        warn!(?bugs, "deliberate bugs are switched on");
    }
    if let Some(most) = server::raise_descriptors().filter(|most| *most < config.server.connections as u64) {
        warn!(most, "the limit of descriptors (nofile) is lower than ATELIER_MAX_CONNS: {most} connections at most");
    }
    let (listener, address) = listen("ATELIER_LISTEN", config.listen, inherited.public)?;
    let (admin_listener, admin_address) = listen("ATELIER_ADMIN_LISTEN", config.admin_listen, inherited.admin)?;

    let (origin, postgres, first_line) = origin(&config).await?;
    let l2 = match config.redis {
        Some(address) => Some(L2::new(address, config.l2).map_err(|error| format!("REDIS_URL: {error}"))?),
        None => None,
    };
    let without = if l2.is_none() { " No REDIS_URL: answers are not shared with other nodes." } else { "" };
    let cache = Cache::new(origin, l2, config.cache, config.live);
    let outlives = Arc::clone(&cache);
    let api = Arc::new(ArcSwap::from_pointee(Api::new(Arc::clone(&cache), config.http)));
    let about = admin::About { address: address.to_string(), source: source_of(&config.database) };
    let admin = Admin::new(admin::Parts {
        cache: Arc::clone(&cache),
        token: config.admin_token,
        api: Arc::clone(&api),
        filter: filter.clone(),
        settings: settings.shown(),
        about,
    });
    let watched = Arc::clone(&admin);
    let watch = move || Arc::clone(&watched).watch();
    tokio::spawn(supervise(Place::Background, "the history of the page", watch));
    let (admin_limits, admin_limited) = watch::channel(config.server.of_admin());
    let (limits, limited) = watch::channel(config.server);

    let drain = Drain::default();
    tokio::spawn(stop_on_signals(drain.clone()));
    let draining = drain.clone();
    let kept = tokio::spawn(async move {
        draining.begun().await;
        outlives.keep_hot_keys().await;
    });
    let (asked, draining) = (Arc::clone(&admin), drain.clone());
    let answer = move |request, peer: SocketAddr| {
        let (admin, draining) = (Arc::clone(&asked), draining.has_begun());
        Answering::Later(Box::pin(async move { admin.answer(request, peer, draining).await }))
    };
    let admin_end = Drain::default();
    let admin_served = tokio::spawn(server::run(admin_listener, answer, admin_limited, admin_end.clone()));

    let asked = Arc::clone(&api);
    let answer = move |request, peer: SocketAddr| asked.load().answer(request, peer);
    let crowded = listener.crowded();
    tokio::spawn(systemd::tend(systemd::Node { cache: Arc::clone(&cache), address, crowded, drain: drain.clone() }));
    let parts = reload::Parts { cache, api, admin, limits: [limits, admin_limits], postgres, filter };
    tokio::spawn(reload::on_hangup(hangups, settings, parts));

    out(&format!(
        "{first_line}{without}\n\
         Serving http://{address}, admin http://{admin_address}. Try:\n  \
         curl -i http://{address}/products/1\n  \
         curl -i http://{address}/products/1/styles\n  \
         curl -i 'http://{address}/reviews?product_id=2&sort=newest'\n"
    ));
    info!(%address, %admin_address, "serving");
    server::run(listener, answer, limited, drain).await;
    let _ = tokio::time::timeout(KEEP, kept).await;
    // The admin listener goes last: it is asked whether this process still lives.
    admin_end.advance();
    admin_end.advance();
    let _ = admin_served.await;
    info!("stopped");
    Ok(())
}

/// The socket that systemd has for a listener, or one of our own; and where it listens.
fn listen(
    name: &str,
    address: SocketAddr,
    inherited: Option<std::net::TcpListener>,
) -> Result<(Listener, SocketAddr), String> {
    let listener = match inherited {
        Some(socket) => Listener::inherited(socket).map_err(|error| format!("the socket of systemd: {error}"))?,
        None => Listener::bind(address).map_err(|error| {
            let hint = hint(error.kind());
            format!("{name}: {address} cannot be listened on: {error}{hint}")
        })?,
    };
    let at = listener.address().map_err(|error| error.to_string())?;
    if listener.outlives() && at != address {
        info!(%at, "{name} is not looked at: systemd listens at {at}");
    }
    Ok((listener, at))
}

/// What can be done about an address that cannot be had.
fn hint(error: ErrorKind) -> &'static str {
    const HINTS: [(ErrorKind, &str); 3] = [
        (ErrorKind::AddrInUse, "; does the node run already? `ss -ltnp` says who has it"),
        (ErrorKind::AddrNotAvailable, "; `ip address` lists those of this machine"),
        (ErrorKind::PermissionDenied, "; systemd may listen at ports below 1024 for it: see atelier-edge.socket"),
    ];
    HINTS.into_iter().find(|(of, _)| *of == error).map_or("", |(_, hint)| hint)
}

/// Where answers come from, for whoever looks at this node.
fn source_of(database: &Option<atelier_edge::origin::postgres::Address>) -> String {
    database.as_ref().map_or("the embedded sample".to_owned(), ToString::to_string)
}

/// How long an end waits for the disk.
const KEEP: Duration = Duration::from_secs(2);

/// How long a start waits for the database before it serves anyway; until it is there, `/readyz` says so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The origin, again if it is a database, and what to say of it.
async fn origin(config: &Config) -> Result<(Arc<dyn Origin>, Option<Arc<Postgres>>, String), String> {
    let Some(address) = &config.database else {
        let memory = Memory::load(&Sample, config.rules.clone()).map_err(|error| error.to_string())?;
        let line = format!("No DATABASE_URL: serving the embedded sample of {} products.", memory.products());
        return Ok((Arc::new(memory), None, line));
    };
    let postgres = Postgres::start(address.clone(), config.postgres, config.rules.clone());
    if !postgres.wait_until_up(PATIENCE).await {
        warn!(%address, "the database cannot be reached yet");
    }
    let postgres = Arc::new(postgres);
    Ok((Arc::clone(&postgres) as Arc<dyn Origin>, Some(postgres), format!("Serving from {address}.")))
}

/// SIGTERM and SIGINT begin to drain; a second one hurries.
async fn stop_on_signals(drain: Drain) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("signals cannot be received: this process can only be killed");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked to stop");
        drain.advance();
        systemd::stopping();
    }
}
