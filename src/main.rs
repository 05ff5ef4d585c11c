//! The command line: joins the parts and does nothing else.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use atelier_edge::cache::{Cache, L2};
use atelier_edge::config::{self, Config, EXIT_CONFIG, Form, Raw};
use atelier_edge::http::{self, Api};
use atelier_edge::origin::Origin;
use atelier_edge::origin::memory::Memory;
use atelier_edge::origin::postgres::Postgres;
use atelier_edge::red;
use atelier_edge::server::{self, Drain};
use atelier_edge::telemetry;
use atelier_import::sample::Sample;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
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
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    if let Some(Command::PrintConfig { form }) = cli.command {
        out(&config::write(form, &matches));
        return ExitCode::SUCCESS;
    }
    let environment = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let config = match Config::new(&cli.settings, environment) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                complain(&format!("atelier-edge: {problem}"));
            }
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::CheckConfig | Command::PrintConfig { .. } => ExitCode::SUCCESS,
        Command::Serve => serve(config),
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

fn serve(config: Config) -> ExitCode {
    if let Err(error) = telemetry::init(&config.log) {
        complain(&format!("atelier-edge: ATELIER_LOG: {error}"));
        return ExitCode::from(EXIT_CONFIG);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(config.workers).enable_all().build();
    match runtime {
        Ok(runtime) => match runtime.block_on(run(config)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                error!("{why}");
                complain(&format!("atelier-edge: {why}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            complain(&format!("atelier-edge: no threads could be started: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), String> {
    let bugs = red::from_environment();
    if !bugs.is_empty() {
        warn!(?bugs, "deliberate bugs are switched on");
    }
    let listener = bind("ATELIER_LISTEN", config.listen)?;
    let admin = bind("ATELIER_ADMIN_LISTEN", config.admin_listen)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let admin_address = admin.local_addr().map_err(|error| error.to_string())?;

    let (origin, first_line) = origin(&config).await?;
    let l2 = match config.redis {
        Some(address) => Some(L2::new(address, config.l2).map_err(|error| format!("REDIS_URL: {error}"))?),
        None => None,
    };
    let without = if l2.is_none() { " No REDIS_URL: answers are not shared with other nodes." } else { "" };
    let cache = Cache::new(origin, l2, config.cache, config.live);
    let api = Api::new(Arc::clone(&cache), config.http);

    let drain = Drain::default();
    tokio::spawn(stop_on_signals(drain.clone()));
    let admin_limits =
        server::Limits { name: "admin", connections: 64, drain_idle: Duration::ZERO, ..config.server.clone() };
    let admin_drain = drain.clone();
    let admin_end = Drain::default();
    let admin_served = tokio::spawn(server::run(
        admin,
        move |request| {
            let answer = http::admin::answer(&request, &cache, admin_drain.has_begun());
            async move { answer }
        },
        admin_limits,
        admin_end.clone(),
    ));

    out(&format!(
        "{first_line}{without}\n\
         Serving http://{address}, admin http://{admin_address}. Try:\n  \
         curl -i http://{address}/products/1\n  \
         curl -i http://{address}/products/1/styles\n  \
         curl -i 'http://{address}/reviews?product_id=2&sort=newest'\n"
    ));
    info!(%address, %admin_address, "serving");
    let answer = move |request| {
        let api = api.clone();
        async move { api.answer(request).await }
    };
    server::run(listener, answer, config.server, drain).await;
    // The admin listener goes last: it is asked whether this process still lives.
    admin_end.advance();
    admin_end.advance();
    let _ = admin_served.await;
    info!("stopped");
    Ok(())
}

fn bind(name: &str, address: std::net::SocketAddr) -> Result<tokio::net::TcpListener, String> {
    server::bind(address).map_err(|error| format!("{name}: {address} cannot be listened on: {error}"))
}

/// How long a start waits for the database before it serves anyway; until it is there, `/readyz` says so.
const PATIENCE: Duration = Duration::from_secs(2);

async fn origin(config: &Config) -> Result<(Arc<dyn Origin>, String), String> {
    let Some(address) = &config.database else {
        let memory = Memory::load(&Sample, config.rules.clone()).map_err(|error| error.to_string())?;
        let line = format!("No DATABASE_URL: serving the embedded sample of {} products.", memory.products());
        return Ok((Arc::new(memory), line));
    };
    let postgres = Postgres::start(address.clone(), config.postgres.clone(), config.rules.clone());
    if !postgres.wait_until_up(PATIENCE).await {
        warn!(%address, "the database cannot be reached yet");
    }
    Ok((Arc::new(postgres), format!("Serving from {address}.")))
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
    }
}
