//! Sockets that systemd listens on for this process (`atelier-edge.socket`), by their names. They outlive it, so connections that
//! come between two processes wait for the second one.

use std::net::TcpListener;

use listenfd::ListenFd;
use rustix::net::sockopt;

/// What `FileDescriptorName=` may be: the listener of that name in our logs.
const NAMES: [&str; 2] = ["public", "admin"];

/// What was handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    /// The public listener.
    pub public: Option<TcpListener>,
    /// The admin listener.
    pub admin: Option<TcpListener>,
}

impl Inherited {
    /// Takes what was handed over, once: it is not in the environment any more afterwards. So this comes before any other thread
    /// is there.
    ///
    /// # Errors
    /// With what is wrong with a socket, in words.
    pub fn take() -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").ok();
        let mut descriptors = ListenFd::from_env();
        let [public, admin] = places(names.as_deref(), descriptors.len())?;
        let mut take = |name: &str, place: Option<usize>| {
            let Some(place) = place else { return Ok(None) };
            let taken = descriptors.take_tcp_listener(place);
            let socket = taken.map_err(|error| format!("systemd's socket `{name}` cannot be used: {error}"))?;
            match &socket {
                Some(socket) if !sockopt::socket_acceptconn(socket).unwrap_or(false) => Err(format!(
                    "systemd's socket `{name}` does not listen: the unit needs ListenStream= and Accept=no"
                )),
                _ => Ok(socket),
            }
        };
        Ok(Self { public: take(NAMES[0], public)?, admin: take(NAMES[1], admin)? })
    }
}

/// Which descriptor has which of the names.
fn places(names: Option<&str>, count: usize) -> Result<[Option<usize>; 2], String> {
    let mut places = [None; 2];
    let mut names = names.unwrap_or_default().split(':');
    for descriptor in 0..count {
        let name = names.next().unwrap_or_default();
        let Some(place) = NAMES.iter().position(|known| *known == name) else {
            return Err(format!(
                "systemd handed over a socket named {name:?}: FileDescriptorName= of its unit has to be `public` or `admin`"
            ));
        };
        if places[place].replace(descriptor).is_some() {
            return Err(format!(
                "systemd handed over two sockets named `{name}`, and one is served: a unit has one ListenStream= (of which \
                 [::]:PORT takes IPv4, too)"
            ));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_found_by_their_names_in_any_order() {
        assert_eq!(places(None, 0), Ok([None, None]));
        assert_eq!(places(Some("public"), 1), Ok([Some(0), None]));
        assert_eq!(places(Some("admin:public"), 2), Ok([Some(1), Some(0)]));
        // Of another process, perhaps: nothing was handed over to this one.
        assert_eq!(places(Some("public"), 0), Ok([None, None]));
    }

    #[test]
    fn other_names_and_a_name_twice_are_refused_and_what_to_do_is_said() {
        for (names, count, said) in [
            (Some("atelier-edge.socket"), 1, "FileDescriptorName="),
            (Some("connection"), 1, "FileDescriptorName="),
            (None, 1, "named \"\""),
            (Some("public"), 2, "named \"\""),
            (Some("public:public"), 2, "[::]:PORT"),
        ] {
            let why = places(names, count).unwrap_err();
            assert!(why.contains(said), "{names:?}: {why}");
        }
    }
}
