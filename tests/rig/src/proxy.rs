//! A TCP proxy that does what networks do: it cuts, keeps silent, is slow, and loses the reply to one certain message.
//!
//! It stands before PostgreSQL or Redis, whose clients both speak first, and knows the connections of PostgreSQL by their
//! `application_name`, so that a fault can be for some of them only.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What happens to the bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Connections are closed, new ones at once.
    Cut,
    /// Nothing comes through until the fault is healed; then what waited does.
    Silent,
    /// Every piece waits for a random time between these.
    Slow(Duration, Duration),
    /// A piece with these bytes reaches the server; then the connection is cut, and the reply is lost.
    CutBehindRequest(Vec<u8>),
    /// The reply up to and including these bytes reaches the client; then the connection is cut.
    CutBehindReply(Vec<u8>),
    /// These bytes of the client become those, of the same length.
    Replace(Vec<u8>, Vec<u8>),
}

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
    /// How often a fault that waits for certain bytes has found them.
    found: AtomicU64,
    random: AtomicU64,
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

/// One connection through the proxy.
#[derive(Debug)]
struct Link {
    application: Option<String>,
    client: TcpStream,
    server: TcpStream,
    /// The client is gone, and what the server still says is for nobody.
    deaf: AtomicBool,
}

impl Link {
    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
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
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if own.ended.load(Ordering::Acquire) {
                    return;
                }
                let Ok(client) = client else { continue };
                let own = Arc::clone(&own);
                thread::spawn(move || own.serve(client));
            }
        });
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
        let cut = fault == Fault::Cut;
        state.rules.push((application.map(str::to_owned), fault));
        drop(state);
        self.shared.changed.notify_all();
        if cut {
            self.cut(application);
        }
    }

    /// Ends the fault of `application`, or the one of all.
    pub fn heal(&self, application: Option<&str>) {
        self.shared.lock().rules.retain(|(other, _)| other.as_deref() != application);
        self.shared.changed.notify_all();
    }

    /// Ends all faults and routes.
    pub fn heal_all(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        let routed: Vec<_> = state.routes.drain(..).collect();
        drop(state);
        self.shared.changed.notify_all();
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

    /// How often a fault that waits for certain bytes has found them.
    pub fn found(&self) -> u64 {
        self.shared.found.load(Ordering::Acquire)
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

    fn serve(self: Arc<Self>, mut client: TcpStream) {
        let mut first = vec![0; 8 << 10];
        let Ok(mut length) = client.read(&mut first) else { return };
        if asks_for_encryption(&first[..length]) {
            let again = client.write_all(b"N").and_then(|()| client.read(&mut first));
            let Ok(read) = again else { return };
            length = read;
        }
        first.truncate(length);
        let application = application(&first);
        if length == 0 || self.fault(application.as_deref()) == Some(Fault::Cut) {
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
        let link = Arc::new(Link { application, client: to_client, server: to_server, deaf: AtomicBool::new(false) });
        self.lock().links.push(Arc::clone(&link));
        // A cut that came before the connection was known has not closed it.
        if self.fault(link.application.as_deref()) == Some(Fault::Cut) {
            link.close();
        }
        let (Ok(from_server), Ok(into_client)) = (server.try_clone(), client.try_clone()) else { return };
        let (own, its) = (Arc::clone(&self), Arc::clone(&link));
        let back = thread::spawn(move || own.pump(&its, Way::ToClient, Vec::new(), from_server, into_client));
        self.pump(&link, Way::ToServer, first, client, server);
        let _ = back.join();
        self.lock().links.retain(|other| !Arc::ptr_eq(other, &link));
    }

    /// Sends on what was read already, and then what comes.
    fn pump(&self, link: &Link, way: Way, first: Vec<u8>, mut from: TcpStream, mut to: TcpStream) {
        let (mut length, mut buffer) = (first.len(), first);
        buffer.resize(64 << 10, 0);
        loop {
            if length == 0 {
                length = from.read(&mut buffer).unwrap_or(0);
            }
            if length == 0 || way == Way::ToClient && link.deaf.load(Ordering::Acquire) {
                break;
            }
            let piece = &mut buffer[..length];
            match self.fault(link.application.as_deref()) {
                None | Some(Fault::Silent) => {}
                Some(Fault::Cut) => break,
                Some(Fault::Slow(least, most)) => thread::sleep(self.between(least, most)),
                Some(Fault::CutBehindRequest(bytes)) => {
                    if way == Way::ToServer && find(piece, &bytes).is_some() {
                        self.found.fetch_add(1, Ordering::AcqRel);
                        link.deaf.store(true, Ordering::Release);
                        let _ = link.client.shutdown(Shutdown::Both);
                        let _ = to.write_all(piece);
                        let _ = to.shutdown(Shutdown::Write);
                        return;
                    }
                }
                Some(Fault::CutBehindReply(bytes)) => {
                    if way == Way::ToClient
                        && let Some(place) = find(piece, &bytes)
                    {
                        self.found.fetch_add(1, Ordering::AcqRel);
                        let _ = to.write_all(&piece[..place + bytes.len()]);
                        break;
                    }
                }
                Some(Fault::Replace(bytes, by)) => {
                    if way == Way::ToServer
                        && let Some(place) = find(piece, &bytes)
                    {
                        self.found.fetch_add(1, Ordering::AcqRel);
                        piece[place..place + by.len()].copy_from_slice(&by);
                    }
                }
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
            length = 0;
        }
        link.close();
    }

    /// A random time between two.
    fn between(&self, least: Duration, most: Duration) -> Duration {
        // xorshift64; that two threads may take the same step does not matter.
        let mut random = self.random.load(Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.store(random, Ordering::Relaxed);
        least + most.saturating_sub(least).mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
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
mod tests {
    use super::*;

    /// A server that answers every piece with `<` and the piece, and a connection to it.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; 1024];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        let _ = stream.write_all(&[b"<", &buffer[..length]].concat());
                    }
                });
            }
        });
        address
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends a piece and reads what comes, nothing if the connection is closed.
    fn ask(stream: &mut TcpStream, piece: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 1024];
        if stream.write_all(piece).is_err() {
            return Vec::new();
        }
        let length = stream.read(&mut buffer).unwrap_or(0);
        buffer[..length].to_vec()
    }

    #[test]
    fn what_is_sent_comes_through_until_the_line_is_cut_and_again_when_it_is_healed() {
        let proxy = Proxy::start(echo());
        let mut first = client(&proxy);
        assert_eq!(ask(&mut first, b"one"), b"<one");
        proxy.set(None, Fault::Cut);
        assert_eq!(ask(&mut first, b"two"), b"");
        assert_eq!(ask(&mut client(&proxy), b"two"), b"");
        proxy.heal(None);
        assert_eq!(ask(&mut client(&proxy), b"three"), b"<three");
    }

    #[test]
    fn a_silent_line_gives_what_it_held_when_it_is_healed() {
        let proxy = Proxy::start(echo());
        let mut held = client(&proxy);
        assert_eq!(ask(&mut held, b"one"), b"<one");
        proxy.set(None, Fault::Silent);
        held.write_all(b"two").unwrap();
        held.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(held.read(&mut [0; 8]).is_err());
        held.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        proxy.heal_all();
        let mut buffer = [0; 8];
        let length = held.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"<two");
    }

    #[test]
    fn a_reply_can_be_lost_behind_its_request_or_in_its_middle() {
        let proxy = Proxy::start(echo());
        proxy.set(None, Fault::CutBehindRequest(b"COMMIT".to_vec()));
        let mut writer = client(&proxy);
        assert_eq!(ask(&mut writer, b"begin"), b"<begin");
        assert_eq!(ask(&mut writer, b"x COMMIT x"), b"");
        proxy.set(None, Fault::CutBehindReply(b"COMMIT".to_vec()));
        let mut writer = client(&proxy);
        assert_eq!(ask(&mut writer, b"x COMMIT x"), b"<x COMMIT");
        assert_eq!(ask(&mut writer, b"more"), b"");
        assert_eq!(proxy.found(), 2);
        proxy.set(None, Fault::Replace(b"hint".to_vec(), b"hinX".to_vec()));
        assert_eq!(ask(&mut client(&proxy), b"a hint"), b"<a hinX");
    }

    #[test]
    fn a_fault_can_be_for_one_application() {
        let (proxy, other) = (Proxy::start(echo()), echo());
        let named = |name: &str| {
            let mut stream = client(&proxy);
            // Who asks for encryption is told that there is none, and goes on without.
            assert_eq!(ask(&mut stream, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), b"N");
            let greeted = ask(&mut stream, format!("user\0x\0application_name\0{name}\0\0").as_bytes());
            (stream, !greeted.is_empty())
        };
        let (mut poll, mut write) = (named("poll").0, named("write").0);
        assert_eq!(proxy.applications().len(), 2);
        proxy.set(Some("poll"), Fault::Cut);
        assert_eq!((ask(&mut poll, b"a"), ask(&mut write, b"a")), (b"".to_vec(), b"<a".to_vec()));
        assert!(!named("poll").1 && named("write").1 && !named("poll").1);
        proxy.heal(Some("poll"));
        assert!(named("poll").1);
        proxy.route("write", other);
        assert_eq!(ask(&mut write, b"a"), b"");
        assert!(named("write").1);
    }
}
