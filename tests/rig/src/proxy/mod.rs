//! A TCP proxy that does what networks do: it cuts, refuses, keeps silent, is slow, loses, garbles and mixes up what is said.
//!
//! It stands before PostgreSQL or Redis, whose clients both speak first, and knows the connections of PostgreSQL by their
//! `application_name`, so that a fault can be for some of them only.

mod fault;
mod flow;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::process::wait_until;

pub use self::fault::Fault;
pub use self::flow::Flow;
use self::flow::{ANSWERS, ASKS, Flows, Messages};

/// How long the listener may take to come and go.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running proxy on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever the rules change or the proxy ends.
    changed: Condvar,
    ended: AtomicBool,
    /// How often a fault that waits for certain bytes, or garbles some, has done so.
    found: AtomicU64,
    random: AtomicU64,
    /// The reply that the next client gets.
    parked: Mutex<Option<Vec<u8>>>,
    flows: Flows,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    /// Where the connections of one application go instead.
    routes: Vec<(String, SocketAddr)>,
    /// Faults, for one application or for all.
    rules: Vec<(Option<String>, Fault)>,
    links: Vec<Arc<Link>>,
}

impl State {
    fn refuses(&self) -> bool {
        self.rules.contains(&(None, Fault::Refuse))
    }
}

/// One connection through the proxy.
#[derive(Debug)]
struct Link {
    application: Option<String>,
    client: TcpStream,
    server: TcpStream,
    /// The client is gone, and what the server still says is for nobody.
    deaf: AtomicBool,
    /// Whatever is sent either way is lost.
    lost: AtomicBool,
    /// It ends by a reset.
    reset: AtomicBool,
    /// How many statements are under way on it.
    open: AtomicU64,
}

impl Link {
    fn close(&self) {
        let how = if self.reset.load(Ordering::Acquire) {
            // The reset goes out when the last handle is closed; this only wakes those who read.
            let _ = rustix::net::sockopt::set_socket_linger(&self.client, Some(Duration::ZERO));
            Shutdown::Read
        } else {
            Shutdown::Both
        };
        let _ = self.client.shutdown(how);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl Proxy {
    /// Starts one before `target`.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State { target, routes: Vec::new(), rules: Vec::new(), links: Vec::new() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
            found: AtomicU64::new(0),
            random: AtomicU64::new(u64::from(address.port()) | 1),
            parked: Mutex::new(None),
            flows: Flows::default(),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || own.accept(listener, address));
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this happens to the connections of `application`, or to all.
    pub fn set(&self, application: Option<&str>, fault: Fault) {
        let mut state = self.shared.lock();
        state.rules.retain(|(other, _)| other.as_deref() != application);
        for link in
            state.links.iter().filter(|link| application.is_none() || link.application.as_deref() == application)
        {
            match fault {
                Fault::Reset => link.reset.store(true, Ordering::Release),
                Fault::BlackHole => link.lost.store(true, Ordering::Release),
                Fault::HalfClose => drop(link.client.shutdown(Shutdown::Write)),
                _ => {}
            }
        }
        let ends = fault.ends();
        state.rules.push((application.map(str::to_owned), fault));
        let refuses = state.refuses();
        drop(state);
        self.shared.parked.lock().expect("no thread panics with the lock").take();
        self.shared.changed.notify_all();
        if ends {
            self.cut(application);
        }
        // Each attempt wakes the thread that accepts, until it has seen the rule.
        wait_until("the proxy listens or not", PATIENCE, || {
            (TcpStream::connect(self.address).is_err() == refuses).then_some(())
        });
    }

    /// Ends the fault of `application`, or the one of all.
    pub fn heal(&self, application: Option<&str>) {
        self.shared.lock().rules.retain(|(other, _)| other.as_deref() != application);
        self.listen_again();
    }

    fn listen_again(&self) {
        self.shared.changed.notify_all();
        wait_until("the proxy listens", PATIENCE, || TcpStream::connect(self.address).ok());
    }

    /// Ends all faults and routes.
    pub fn heal_all(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        let routed: Vec<_> = state.routes.drain(..).collect();
        drop(state);
        self.listen_again();
        for (application, _) in routed {
            self.cut(Some(&application));
        }
    }

    /// Closes the open connections of `application`, or all.
    pub fn cut(&self, application: Option<&str>) {
        let state = self.shared.lock();
        for link in &state.links {
            if application.is_none() || link.application.as_deref() == application {
                link.close();
            }
        }
    }

    /// Sends the connections of `application` elsewhere; open ones are cut.
    pub fn route(&self, application: &str, target: SocketAddr) {
        self.shared.lock().routes.push((application.to_owned(), target));
        self.cut(Some(application));
    }

    /// Sends all further connections to another server; open ones go on.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.lock().target = target;
    }

    /// How often a fault that waits for certain bytes, or garbles some, has done so.
    pub fn found(&self) -> u64 {
        self.shared.found.load(Ordering::Acquire)
    }

    /// What is under way on the connections of an application of PostgreSQL, and was since [`Self::count_anew`].
    pub fn flow(&self, application: &str) -> Flow {
        self.shared.flows.of(application)
    }

    /// Begins to count anew what is asked.
    pub fn count_anew(&self) {
        self.shared.flows.reset();
    }

    /// The applications of the open connections.
    pub fn applications(&self) -> Vec<Option<String>> {
        self.shared.lock().links.iter().map(|link| link.application.clone()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.changed.notify_all();
        self.cut(None);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    /// What happens to this application's bytes now; waits while that is silence.
    fn fault(&self, application: Option<&str>) -> Option<Fault> {
        let mut state = self.lock();
        loop {
            if self.ended.load(Ordering::Acquire) {
                return Some(Fault::Cut);
            }
            let own = state.rules.iter().find(|(other, _)| other.is_some() && other.as_deref() == application);
            let fault = own.or_else(|| state.rules.iter().find(|(other, _)| other.is_none()));
            match fault {
                Some((_, Fault::Silent)) => {}
                Some((_, fault)) => return Some(fault.clone()),
                None => return None,
            }
            // A connection that is closed meanwhile is noticed when its bytes are sent on.
            state = self.changed.wait(state).expect("no thread panics with the lock");
        }
    }

    fn accept(self: Arc<Self>, mut listener: TcpListener, address: SocketAddr) {
        loop {
            let client = listener.accept();
            let mut state = self.lock();
            if state.refuses() {
                drop(listener);
                drop(client);
                while state.refuses() && !self.ended.load(Ordering::Acquire) {
                    state = self.changed.wait(state).expect("no thread panics with the lock");
                }
                drop(state);
                if self.ended.load(Ordering::Acquire) {
                    return;
                }
                // An outgoing connection may have been given the port meanwhile.
                listener = wait_until("the proxy's port is free again", PATIENCE, || TcpListener::bind(address).ok());
                continue;
            }
            drop(state);
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            let Ok((client, _)) = client else { continue };
            let own = Arc::clone(&self);
            thread::spawn(move || own.serve(client));
        }
    }

    fn serve(self: Arc<Self>, mut client: TcpStream) {
        let mut first = vec![0; 8 << 10];
        let Ok(mut length) = client.read(&mut first) else { return };
        if asks_for_encryption(&first[..length]) {
            let again = client.write_all(b"N").and_then(|()| client.read(&mut first));
            let Ok(read) = again else { return };
            length = read;
        }
        first.truncate(length);
        if length == 0 {
            return;
        }
        let application = application(&first);
        let fault = self.fault(application.as_deref());
        if fault == Some(Fault::Reset) {
            let _ = rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO));
        }
        if fault.as_ref().is_some_and(Fault::ends) {
            return;
        }
        let target = {
            let state = self.lock();
            let route = state.routes.iter().find(|(other, _)| Some(other) == application.as_ref());
            route.map_or(state.target, |(_, target)| *target)
        };
        let Ok(server) = TcpStream::connect_timeout(&target, Duration::from_secs(2)) else { return };
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let (Ok(to_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { return };
        let link = Arc::new(Link {
            application,
            client: to_client,
            server: to_server,
            deaf: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            open: AtomicU64::new(0),
        });
        self.lock().links.push(Arc::clone(&link));
        // A fault that came before the connection was known has done nothing to it.
        match self.fault(link.application.as_deref()) {
            Some(fault) if fault.ends() => {
                link.reset.store(fault == Fault::Reset, Ordering::Release);
                link.close();
            }
            Some(Fault::BlackHole) => link.lost.store(true, Ordering::Release),
            Some(Fault::HalfClose) => drop(client.shutdown(Shutdown::Write)),
            _ => {}
        }
        let (Ok(from_server), Ok(into_client)) = (server.try_clone(), client.try_clone()) else { return };
        let (own, its) = (Arc::clone(&self), Arc::clone(&link));
        let back = thread::spawn(move || own.pump(&its, Way::ToClient, Vec::new(), from_server, into_client));
        self.pump(&link, Way::ToServer, first, client, server);
        let _ = back.join();
        if let Some(application) = &link.application {
            self.flows.change(application, 0, link.open.load(Ordering::Acquire));
        }
        self.lock().links.retain(|other| !Arc::ptr_eq(other, &link));
    }

    /// Sends on what was read already, and then what comes.
    fn pump(&self, link: &Link, way: Way, first: Vec<u8>, mut from: TcpStream, mut to: TcpStream) {
        let (mut length, mut buffer) = (first.len(), first);
        buffer.resize(64 << 10, 0);
        // The first message of a client has another form.
        let (mut messages, mut greeting) = (Messages::default(), way == Way::ToServer);
        loop {
            if length == 0 {
                length = from.read(&mut buffer).unwrap_or(0);
            }
            if length == 0 || way == Way::ToClient && link.deaf.load(Ordering::Acquire) {
                break;
            }
            match (&link.application, way) {
                (Some(application), Way::ToServer) if !greeting => {
                    let asked = messages.count(&buffer[..length], ASKS);
                    link.open.fetch_add(asked, Ordering::AcqRel);
                    self.flows.change(application, asked, 0);
                }
                (Some(application), Way::ToClient) => {
                    // Some answers are to what is not counted.
                    let answered = messages.count(&buffer[..length], ANSWERS).min(link.open.load(Ordering::Acquire));
                    link.open.fetch_sub(answered, Ordering::AcqRel);
                    self.flows.change(application, 0, answered);
                }
                _ => {}
            }
            greeting = false;
            let fault = self.fault(link.application.as_deref());
            if !link.lost.load(Ordering::Acquire)
                && self.send(link, way, fault, &mut buffer[..length], &mut to).is_none()
            {
                break;
            }
            length = 0;
        }
        if !link.deaf.load(Ordering::Acquire) || way == Way::ToClient {
            link.close();
        }
    }

    /// Sends one piece on, or what a fault makes of it; `None` if the connection is to end.
    fn send(&self, link: &Link, way: Way, fault: Option<Fault>, piece: &mut [u8], to: &mut TcpStream) -> Option<()> {
        let found = || self.found.fetch_add(1, Ordering::AcqRel);
        match (fault, way) {
            (Some(Fault::Cut | Fault::Refuse | Fault::Reset), _) => return None,
            (Some(Fault::BlackHole), _) | (Some(Fault::HalfClose), Way::ToClient) => return Some(()),
            (Some(Fault::Slow(least, most)), _) => thread::sleep(self.between(least, most)),
            (Some(Fault::Drip(bytes, rest)), Way::ToClient) => {
                for slice in piece.chunks(bytes) {
                    to.write_all(slice).ok()?;
                    thread::sleep(rest);
                    if self.ended.load(Ordering::Acquire) {
                        return None;
                    }
                }
                return Some(());
            }
            (Some(Fault::CutAfter(bytes)), Way::ToClient) if piece.len() > bytes => {
                found();
                let _ = to.write_all(&piece[..bytes]);
                return None;
            }
            (Some(Fault::Corrupt(behind)), Way::ToClient) if piece.len() > behind => {
                found();
                let place = behind + self.random() as usize % (piece.len() - behind);
                piece[place] ^= 1 << (self.random() % 8);
            }
            (Some(Fault::Swap), Way::ToClient) => {
                found();
                let mut parked = self.parked.lock().expect("no thread panics with the lock");
                let other = parked.replace(piece.to_vec());
                drop(parked);
                return other.map_or(Some(()), |other| to.write_all(&other).ok());
            }
            (Some(Fault::CutBehindRequest(bytes)), Way::ToServer) if find(piece, &bytes).is_some() => {
                found();
                link.deaf.store(true, Ordering::Release);
                let _ = link.client.shutdown(Shutdown::Both);
                let _ = to.write_all(piece);
                let _ = to.shutdown(Shutdown::Write);
                return None;
            }
            (Some(Fault::CutBehindReply(bytes)), Way::ToClient) => {
                if let Some(place) = find(piece, &bytes) {
                    found();
                    let _ = to.write_all(&piece[..place + bytes.len()]);
                    return None;
                }
            }
            (Some(Fault::Replace(bytes, by)), Way::ToServer) => {
                if let Some(place) = find(piece, &bytes) {
                    found();
                    piece[place..place + by.len()].copy_from_slice(&by);
                }
            }
            _ => {}
        }
        to.write_all(piece).ok()
    }

    fn random(&self) -> u64 {
        // xorshift64; that two threads may take the same step does not matter.
        let mut random = self.random.load(Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.store(random, Ordering::Relaxed);
        random
    }

    /// A random time between two.
    fn between(&self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64((self.random() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// Whether a client of PostgreSQL first asks if the connection can be encrypted.
fn asks_for_encryption(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f | 0x30])
}

/// The `application_name` in the first message of a client of PostgreSQL.
fn application(bytes: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"application_name\0";
    let value = bytes.get(find(bytes, NAME)? + NAME.len()..)?;
    let value = value.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests;
