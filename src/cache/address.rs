//! Where a Redis is, how to say so without saying the password, and whether a network lies between.

use std::fmt;
use std::str::FromStr;

use atelier_connect::place::is_loopback;
use atelier_connect::{Roots, Secret};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsCertificates};

/// The address of a Redis, from a `redis://` or `rediss://` URL.
#[derive(Clone)]
pub struct Address {
    info: ConnectionInfo,
    roots: Option<Roots>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.has_password();
        write!(f, "Address({self}, user: {:?}, password: {password}, ", self.info.redis_settings().username())?;
        write!(f, "roots: {:?})", self.roots)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The library's message might quote the text, which may hold a password.
        let wrong = |_| "is not an address such as rediss://user:password@host:6379/0".to_owned();
        let info = text.into_connection_info().map_err(wrong)?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
            return Err("ends in #insecure: a server is verified here, or asked in plain text".to_owned());
        }
        Ok(Self { info, roots: None })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.info.addr() {
            ConnectionAddr::TcpTls { .. } => "rediss",
            ConnectionAddr::Unix(_) => "redis+unix",
            ConnectionAddr::Tcp(..) | _ => "redis",
        };
        write!(f, "{scheme}://{}/{}", self.info.addr(), self.info.redis_settings().db())
    }
}

impl Address {
    /// Whether connections are encrypted and the server verified.
    pub fn is_verified(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Whether the server is on this machine.
    pub fn is_within(&self) -> bool {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => is_loopback(host),
            ConnectionAddr::Unix(_) => true,
            _ => false,
        }
    }

    /// Whether the address brought a password.
    pub fn has_password(&self) -> bool {
        self.info.redis_settings().password().is_some()
    }

    /// The same address with a password.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        let settings = self.info.redis_settings().clone().set_password(password.expose());
        self.info = self.info.set_redis_settings(settings);
        self
    }

    /// The same address, where these are believed.
    ///
    /// # Errors
    /// When no client can be made that believes them.
    pub fn with_roots(mut self, roots: Roots) -> Result<Self, String> {
        roots.client().map_err(|error| format!("TLS cannot be used: {error}"))?;
        self.roots = Some(roots);
        Ok(self)
    }

    /// A client for it. Nothing is connected to.
    pub(super) fn client(self, settings: impl FnOnce(ConnectionInfo) -> ConnectionInfo) -> RedisResult<Client> {
        let info = settings(self.info);
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Client::open(info);
        }
        // Left to itself the library reads the system's files anew, on the thread that serves, for every connection; and it
        // believes them besides. So it is always told whom to believe, and without roots that is nobody.
        let roots = self.roots.unwrap_or_else(Roots::none);
        Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(roots.pem()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_password_is_never_shown() {
        for (given, shown) in [
            ("redis://u:secret@h/1", "redis://h:6379/1"),
            ("rediss://:secret@h:7/", "rediss://h:7/0"),
            ("redis+unix:///run/redis.sock?pass=secret", "redis+unix:///run/redis.sock/0"),
        ] {
            let address = address(given);
            assert_eq!(address.to_string(), shown);
            assert!(address.has_password() && !format!("{address:?}").contains("secret"), "{address:?}");
        }
        for wrong in
            ["", "http://:secret@h", "redis://u:secret@h:port", "rediss://:secret@h/#insecure", "rediss://h/#x"]
        {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_crosses_a_network_in_plain_text_is_known() {
        for (text, verified, within) in [
            ("redis://127.0.0.1", false, true),
            ("redis://localhost:7/1", false, true),
            ("redis://[::1]", false, true),
            ("unix:///run/redis.sock", false, true),
            ("redis://cache", false, false),
            ("redis://10.0.0.1", false, false),
            ("rediss://cache", true, false),
            ("rediss://localhost", true, true),
            ("valkeys://cache", true, false),
            ("valkey://cache", false, false),
        ] {
            assert_eq!((address(text).is_verified(), address(text).is_within()), (verified, within), "{text}");
        }
    }
}
