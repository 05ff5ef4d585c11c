use clap::{Args, Command, FromArgMatches};

use super::*;

fn raw(arguments: &[&str]) -> Raw {
    let matches = Raw::augment_args(Command::new("atelier-edge").no_binary_name(true)).get_matches_from(arguments);
    Raw::from_arg_matches(&matches).unwrap()
}

fn problems(arguments: &[&str]) -> Vec<String> {
    match Config::new(&raw(arguments), []) {
        Ok(_) => vec![],
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_defaults_are_valid() {
    let config = Config::new(&raw(&[]), []).unwrap();
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(config.cache.l1_bytes, 256 << 20);
    assert!(config.database.is_none() && config.redis.is_none());
    assert!(config.workers >= 1);
}

#[test]
fn all_problems_are_reported_at_once() {
    let arguments = [
        "--listen=everywhere",
        "--l1-bytes=64MB",
        "--ttl-list=60",
        "--ttl-jitter=200%",
        "--aliases=yes",
        "--miss-permits=0",
        "--database-url=mysql://user:hunter2@host/db",
        "--redis-url=nonsense",
        "--api-token-file=/nowhere/token",
        "--body-max=1KiB",
        "--log=info,=x=y",
        "--drain-idle=20s",
        "--statement=900ms",
        "--breaker-open=30s..1s",
        "--mem-soft=95%",
        "--shed-target=0",
        "--fail-ttl=3s",
    ];
    let found = problems(&arguments);
    let names = found.iter().map(|problem| problem.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
    for name in [
        "ATELIER_LISTEN",
        "ATELIER_L1_BYTES",
        "ATELIER_TTL_LIST",
        "ATELIER_TTL_JITTER",
        "ATELIER_ALIASES",
        "ATELIER_MISS_PERMITS",
        "DATABASE_URL",
        "REDIS_URL",
        "ATELIER_API_TOKEN_FILE",
        "ATELIER_BODY_MAX",
        "ATELIER_LOG",
        "ATELIER_DRAIN_IDLE",
        "ATELIER_BUDGET",
        "ATELIER_BREAKER_OPEN",
        "ATELIER_MEM_SOFT",
        "ATELIER_SHED_TARGET",
        "ATELIER_FAIL_TTL",
    ] {
        assert_eq!(names.iter().filter(|found| *found == name).count(), 1, "{name} in {found:#?}");
    }
    assert_eq!(found.len(), 17, "{found:#?}");
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn unknown_variables_of_ours_are_refused() {
    let environment = ["ATELIER_LISTEN", "ATELIER_TTL_PRODUCTS", "PATH"].map(str::to_owned);
    let problems = Config::new(&raw(&[]), environment).unwrap_err();
    assert_eq!(problems, [Problem("ATELIER_TTL_PRODUCTS: there is no such setting".to_owned())]);
}

#[test]
fn contradictions_are_refused() {
    assert_eq!(problems(&["--statement=900ms"]).len(), 1);
    assert_eq!(problems(&["--drain-idle=15s"]).len(), 1);
    assert_eq!(problems(&["--admin-listen=127.0.0.1:8080"]).len(), 1);
    assert_eq!(problems(&["--admin-listen=0.0.0.0:9090"]).len(), 1);
    assert_eq!(problems(&["--log=info,=x=y"]).len(), 1);
}

#[test]
fn l1_leaves_room_in_the_memory_that_there_is() {
    assert_eq!(problems(&["--mem-limit=430MiB"]).len(), 0);
    let found = problems(&["--mem-limit=420MiB"]);
    assert!(
        found.len() == 1 && found[0].starts_with("ATELIER_L1_BYTES: 256 MiB is more than 60 % of the 420"),
        "{found:?}"
    );
    assert_eq!(problems(&["--mem-limit=420MiB", "--l1-bytes=250MiB"]).len(), 0);
    let config = Config::new(&raw(&["--mem-limit=1000MiB", "--mem-soft=70%"]), []).unwrap();
    let memory = config.cache.memory.unwrap();
    assert_eq!((memory.limit >> 20, memory.soft >> 20, memory.hard >> 20), (1000, 700, 900));
}

#[test]
fn a_value_that_cannot_be_read_contradicts_nothing() {
    for (arguments, name) in [
        (["--budget=soon", "--statement=900ms"], "ATELIER_BUDGET"),
        (["--drain-max=later", "--drain-idle=20s"], "ATELIER_DRAIN_MAX"),
    ] {
        let found = problems(&arguments);
        assert!(found.len() == 1 && found[0].starts_with(name), "{found:?}");
    }
}

#[test]
fn rules_that_change_documents_have_other_numbers() {
    let plain = Config::new(&raw(&[]), []).unwrap().l2.rules;
    let campus = Config::new(&raw(&["--campus=hr-x"]), []).unwrap().l2.rules;
    let rows = Config::new(&raw(&["--rows-max=10"]), []).unwrap().l2.rules;
    assert!(plain != campus && plain != rows && campus != rows);
}
