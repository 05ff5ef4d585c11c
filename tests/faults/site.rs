//! The servers of one experiment: nodes, a proxy on each node's way to PostgreSQL and to Redis, nginx where it is wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use atelier_rig::{Client, Load, Nginx, Node, Proxy, Samples, wait_until};

use super::catalogue::{COLD, Catalogue};
use super::history::{History, Writer};
use super::mix::Mix;
use super::rig::{PATIENCE, Rig, SERVER};

/// `application_name` of the connections that fetch.
pub(crate) const READERS: &str = "atelier-edge";
/// Of those that write.
pub(crate) const WRITERS: &str = "atelier-edge write";

/// How long an answer may take before it counts as none.
const LATE: Duration = Duration::from_secs(6);

/// How many requests a second are the usual load.
pub(crate) const USUAL: u32 = 400;

/// What an experiment wants.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many nodes.
    pub(crate) nodes: usize,
    /// Settings besides the defaults.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Whether every known key is held by every node before it begins.
    pub(crate) warm: bool,
    /// Whether nginx stands in front.
    pub(crate) nginx: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { nodes: 3, settings: Vec::new(), warm: true, nginx: false }
    }
}

/// The servers. Nodes end before what stands behind them.
#[derive(Debug)]
pub(crate) struct Site {
    /// In front.
    pub(crate) nginx: Option<Nginx>,
    /// The nodes.
    pub(crate) nodes: Vec<Node>,
    /// The way of each to PostgreSQL.
    pub(crate) to_postgres: Vec<Proxy>,
    /// The way of each to Redis.
    pub(crate) to_redis: Vec<Proxy>,
    /// The database.
    pub(crate) database: String,
    /// What was written.
    pub(crate) history: Arc<History>,
    /// What is right.
    pub(crate) catalogue: Arc<Catalogue>,
    plan: Plan,
    next_cold: Arc<AtomicU64>,
}

impl Site {
    /// Starts what is planned.
    pub(crate) fn open(rig: &mut Rig, plan: Plan) -> Self {
        let database = rig.database();
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let proxies = |port: u16| (0..plan.nodes).map(|_| Proxy::start(local(port))).collect::<Vec<_>>();
        let mut site = Self {
            nginx: None,
            nodes: Vec::new(),
            to_postgres: proxies(rig.postgres.port()),
            to_redis: proxies(rig.redis.port()),
            database,
            history: Arc::default(),
            catalogue: Arc::clone(&rig.catalogue),
            plan,
            next_cold: Arc::new(AtomicU64::new(*COLD.start())),
        };
        for place in 0..site.plan.nodes {
            let node = site.node(place, None);
            site.nodes.push(node);
        }
        for node in &site.nodes {
            wait_ready(node);
        }
        if site.plan.nginx {
            site.nginx = Some(Nginx::start(&site.addresses()));
        }
        if site.plan.warm {
            site.warm();
        }
        site
    }

    /// Launches the node at `place`, at an address if that matters.
    pub(crate) fn node(&self, place: usize, at: Option<(SocketAddr, SocketAddr)>) -> Node {
        let mut settings = vec![
            ("DATABASE_URL", format!("postgres://postgres@{}/{}", self.to_postgres[place].address(), self.database)),
            ("REDIS_URL", format!("redis://{}/0", self.to_redis[place].address())),
            ("ATELIER_BOOT_WAIT", "1s".to_owned()),
            ("ATELIER_WORKERS", "2".to_owned()),
        ];
        if let Some((address, admin)) = at {
            settings.push(("ATELIER_LISTEN", address.to_string()));
            settings.push(("ATELIER_ADMIN_LISTEN", admin.to_string()));
        }
        settings.extend(self.plan.settings.iter().cloned());
        // Whether an experiment finds a promise broken can be tried: `BREAK=ATELIER_FAIL_TTL=1ms,RED=9`.
        let broken = std::env::var("BREAK").unwrap_or_default();
        let broken = broken.split(',').filter_map(|setting| setting.split_once('='));
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str())).chain(broken);
        let settings: Vec<_> = settings.collect();
        Node::launch(SERVER, &settings)
    }

    /// Where the nodes are.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Has every node hold every known key.
    pub(crate) fn warm(&self) {
        thread::scope(|scope| {
            for address in self.addresses() {
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    for known in &self.catalogue.known {
                        wait_until("a key is held", PATIENCE, || {
                            let answer = client.try_request("GET", &known.target, &[], b"");
                            let held = answer.is_ok_and(|answer| answer.status == 200);
                            if !held {
                                client = Client::connect(address);
                            }
                            held.then_some(())
                        });
                    }
                });
            }
        });
    }

    /// The usual mixture of requests to all nodes.
    pub(crate) fn mix(&self) -> Mix {
        let to = self.nginx.as_ref().map_or_else(|| self.addresses(), |nginx| vec![nginx.address]);
        let (next_cold, catalogue) = (Arc::clone(&self.next_cold), Arc::clone(&self.catalogue));
        Mix { to, cold: 50, votes: 0, one_shot: false, next_cold, catalogue }
    }

    /// Begins to ask.
    pub(crate) fn load(&self, rate: u32, mix: Mix) -> Load {
        let (history, catalogue) = (Arc::clone(&self.history), Arc::clone(&self.catalogue));
        self.load_judged(rate, mix, Arc::new(move |ask, answer| history.judge(&catalogue, ask, answer)))
    }

    /// The same, with a judge of one's own.
    pub(crate) fn load_judged(&self, rate: u32, mix: Mix, judge: Arc<atelier_rig::load::Judge>) -> Load {
        Load::start(rate, LATE, mix.requests(), judge)
    }

    /// Begins to write slogans with SQL.
    pub(crate) fn writer(&self, rig: &Rig) -> Writer {
        Writer::start(Arc::clone(&self.history), rig.postgres.writer(&self.database))
    }

    /// The most statements that fetched on one node's connections at once, since they were counted anew.
    pub(crate) fn fetches_at_once(&self) -> u64 {
        self.to_postgres.iter().map(|proxy| proxy.flow(READERS).most).max().unwrap_or(0)
    }

    /// How many statements fetched, of each node, since they were counted anew.
    pub(crate) fn fetches(&self) -> Vec<u64> {
        self.to_postgres.iter().map(|proxy| proxy.flow(READERS).asked).collect()
    }

    /// Counts fetches anew.
    pub(crate) fn count_anew(&self) {
        self.to_postgres.iter().for_each(Proxy::count_anew);
    }

    /// The next product that nobody has asked for.
    pub(crate) fn cold_product(&self) -> u64 {
        self.next_cold.fetch_add(1, Ordering::Relaxed)
    }

    /// The sum of a metric over all nodes.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let of_node = |node: &Node| {
            let text = node.admin_get("/metrics");
            let lines = text.text().lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
        };
        self.nodes.iter().map(of_node).sum()
    }

    /// Waits until every node asks Redis again.
    pub(crate) fn wait_for_redis(&self) {
        wait_until("Redis is asked again", PATIENCE, || {
            (self.metric("atelier_breaker_open{dependency=\"redis\"}") == 0).then_some(())
        });
    }

    /// The resident memory of each node, in bytes. From now on [`Self::grown`] looks for its peak.
    pub(crate) fn memory(&mut self) -> Vec<u64> {
        let of_node = |node: &mut Node| {
            let pid = node.process().pid();
            // 5 makes the kernel forget the peak of before.
            std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
            status(pid, "VmRSS:")
        };
        self.nodes.iter_mut().map(of_node).collect()
    }

    /// By how much a node has grown at most since then, if only for a moment.
    pub(crate) fn grown(&mut self, before: &[u64]) -> u64 {
        let peaks = self.nodes.iter_mut().map(|node| status(node.process().pid(), "VmHWM:"));
        peaks.zip(before).map(|(peak, before)| peak.saturating_sub(*before)).max().unwrap_or(0)
    }
}

/// A number of bytes in the status of a process.
pub(crate) fn status(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Waits until a node is ready.
pub(crate) fn wait_ready(node: &Node) {
    wait_until("the node is ready", PATIENCE, || (node.admin_get("/readyz").status == 200).then_some(()));
}

/// Lets the load go on for so long; it is the experiment that lasts, nothing is waited for.
pub(crate) fn last(long: Duration) {
    thread::sleep(long);
}

/// How long after `from` the last answer came that had failed or was labelled.
pub(crate) fn recovery(samples: &Samples, from: Instant) -> Duration {
    let bad = samples.last(|sample| sample.due >= from && (sample.failed() || sample.label.is_some()));
    bad.map_or(Duration::ZERO, |bad| bad.saturating_duration_since(from))
}
