//! Where a database is, how to say so without saying the password, and how connections to it are made.
//!
//! `sslmode` in the address decides, in the words of libpq. Without it a connection within this machine is plain, and any other is
//! `verify-full`. `require` is `verify-full` too: here nothing encrypts without verifying. The modes that would send a password to
//! whoever answers (`allow`, `prefer`) or to any certificate of an authority (`verify-ca`) are refused with what to say instead.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use rustls::ClientConfig;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::place::{is_loopback, is_loopback_address};
use crate::{Roots, Secret};

/// The task's half of a connection.
pub type Line = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The address of a database, from a `postgres://` URL or a `key=value` string.
#[derive(Clone)]
pub struct Address {
    /// Its mode is either `disable` or `require`.
    config: Config,
    roots: Roots,
    tls: MakeRustlsConnect,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The library leaves the password out.
        f.debug_struct("Address").field("config", &self.config).field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parameters = Parameters::of(text);
        if let Some(name) =
            ["sslrootcert", "sslcert", "sslkey"].into_iter().find(|name| parameters.value(name).is_some())
        {
            return Err(format!("has {name}, which is not read here: ATELIER_DB_CA_FILE names a file of certificates"));
        }
        let mode = match parameters.value("sslmode") {
            None => None,
            Some("disable") => Some(SslMode::Disable),
            Some("require" | "verify-full") => Some(SslMode::Require),
            // The text is not repeated: in an address that is written wrongly it may be a part of the password.
            Some(_) => {
                return Err(
                    "has an sslmode that is neither `verify-full` nor `disable`: here a server is either verified \
                            or asked in plain text"
                        .to_owned(),
                );
            }
        };
        // The library's message quotes the text, which may hold a password.
        let wrong = |_| "is not an address such as postgres://user:password@host:5432/database".to_owned();
        let mut config: Config = parameters.without("sslmode").parse().map_err(wrong)?;
        if config.get_hosts().is_empty() {
            return Err("names no host".to_owned());
        }
        let is_unix = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let is_within = is_within(&config);
        // What is left of a mode was spelt so that only the library knows it.
        let mode = mode.or(Some(config.get_ssl_mode()).filter(|mode| *mode != SslMode::Prefer));
        config.ssl_mode(match mode {
            _ if is_unix => SslMode::Disable,
            Some(mode) => mode,
            None if is_within => SslMode::Disable,
            None => SslMode::Require,
        });
        // Until it is said who is believed, nobody is.
        let roots = Roots::none();
        Ok(Self { config, tls: MakeRustlsConnect::new(client(&roots)?), roots })
    }
}

fn client(roots: &Roots) -> Result<ClientConfig, String> {
    roots.client().map_err(|error| format!("cannot be connected to with TLS: {error}"))
}

/// Whether every host of an address is this machine.
fn is_within(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    config.get_hosts().iter().enumerate().all(|(place, host)| match (host, addresses.get(place)) {
        // It is this that is connected to; the name is only what its certificate has to bear.
        (_, Some(address)) => is_loopback_address(*address),
        (Host::Tcp(name), None) => is_loopback(name),
        (Host::Unix(_), None) => true,
    })
}

impl Address {
    /// Whether connections are encrypted and the server verified.
    pub fn is_verified(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }

    /// Whether the address brought a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same address with a password.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        self.config.password(password.expose());
        self
    }

    /// The same address, where these are believed.
    ///
    /// # Errors
    /// When no client can be made that believes them.
    pub fn with_roots(mut self, roots: Roots) -> Result<Self, String> {
        let client = client(&roots)?;
        (self.roots, self.tls) = (roots, MakeRustlsConnect::new(client));
        Ok(self)
    }

    /// What is to be said to the server, for settings of one connection.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Connects with `config`, which was made from [`Address::config`].
    ///
    /// # Errors
    /// When the server cannot be reached, is not the one that is meant, or refuses.
    pub async fn connect(&self, config: &Config) -> Result<(Client, Line), Error> {
        let mut config = config.clone();
        config.ssl_mode(self.config.get_ssl_mode());
        config.connect(self.tls.clone()).await
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            let password = if self.has_password() { ":…" } else { "" };
            write!(f, "{user}{password}@")?;
        }
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let port = self.config.get_ports().get(place).or(self.config.get_ports().last()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(f, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())?;
        // What can be meant without saying so is not said.
        match (self.is_verified(), is_within(&self.config)) {
            (true, true) => f.write_str("?sslmode=verify-full"),
            (false, false) => f.write_str("?sslmode=disable"),
            (true, false) | (false, true) => Ok(()),
        }
    }
}

/// The parameters of an address, where they stand in its text. The library knows fewer modes than libpq, and does not tell one that
/// was given from its default, so this one parameter is read before it.
struct Parameters<'a> {
    text: &'a str,
    found: Vec<Parameter<'a>>,
}

struct Parameter<'a> {
    name: &'a str,
    value: String,
    /// From its name to the end of its value.
    place: Range<usize>,
}

impl<'a> Parameters<'a> {
    fn of(text: &'a str) -> Self {
        let mut found = Vec::new();
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        let mut at = 0;
        if is_url {
            // As the library does it: the first @ ends what may hold anything, then the first ? begins the parameters.
            let host = text.find('@').map_or(0, |at| at + 1);
            at = text[host..].find('?').map_or(text.len(), |question| host + question + 1);
        }
        let next = if is_url { in_url } else { in_words };
        while let Some(parameter) = next(text, at) {
            at = parameter.place.end + usize::from(is_url);
            found.push(parameter);
        }
        Self { text, found }
    }

    /// The last value of a parameter.
    fn value(&self, name: &str) -> Option<&str> {
        self.found.iter().rfind(|parameter| parameter.name == name).map(|parameter| parameter.value.as_str())
    }

    /// The text without a parameter.
    fn without(&self, name: &str) -> String {
        let mut text = self.text.to_owned();
        for parameter in self.found.iter().rev().filter(|parameter| parameter.name == name) {
            // The & behind it goes along; a space is left.
            let behind = usize::from(text[parameter.place.end..].starts_with('&'));
            text.replace_range(parameter.place.start..parameter.place.end + behind, "");
        }
        text
    }
}

/// The parameter of a URL that begins at `at`.
fn in_url(text: &str, at: usize) -> Option<Parameter<'_>> {
    let rest = text.get(at..)?;
    let (name, behind) = rest.split_once('=')?;
    let value = behind.split('&').next().unwrap_or_default();
    Some(Parameter { name, value: value.to_owned(), place: at..at + name.len() + 1 + value.len() })
}

/// The parameter of a `key=value` string that begins at `at` or behind white space.
fn in_words(text: &str, at: usize) -> Option<Parameter<'_>> {
    let skip = |at: usize| text[at..].find(|c: char| !c.is_whitespace()).map(|blanks| at + blanks);
    let start = skip(at)?;
    let name = text[start..].split(|c: char| c == '=' || c.is_whitespace()).next().unwrap_or_default();
    let equals = skip(start + name.len()).filter(|equals| text[*equals..].starts_with('='))?;
    let begin = skip(equals + 1)?;
    let quoted = text[begin..].starts_with('\'');
    let mut value = String::new();
    let mut characters = text[begin..].char_indices().skip(usize::from(quoted));
    let end = loop {
        match characters.next() {
            Some((_, '\\')) => value.extend(characters.next().map(|(_, meant)| meant)),
            Some((place, '\'')) if quoted => break begin + place + 1,
            Some((place, blank)) if !quoted && blank.is_whitespace() => break begin + place,
            Some((_, plain)) => value.push(plain),
            None => break text.len(),
        }
    };
    Some(Parameter { name, value, place: start..end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_password_is_never_shown() {
        let table = [
            ("postgres://u:secret@127.0.0.1/d", "postgres://u:…@127.0.0.1:5432/d"),
            ("host=h user=u password=secret dbname=d port=6000", "postgres://u:…@h:6000/d"),
            ("postgres://u@h1:1,h2:2/d?connect_timeout=3", "postgres://u@h1:1,h2:2/d"),
            ("postgres:///d?host=/run/pg", "postgres:///run/pg:5432/d"),
            ("postgres://u:secret@h/d?sslmode=disable", "postgres://u:…@h:5432/d?sslmode=disable"),
            ("postgres://u:secret@h/d?sslmode=verify-full", "postgres://u:…@h:5432/d"),
            ("postgres://u@localhost/d?sslmode=verify-full", "postgres://u@localhost:5432/d?sslmode=verify-full"),
        ];
        for (given, shown) in table {
            assert_eq!(address(given).to_string(), shown);
            assert!(!format!("{:?}", address(given)).contains("secret"), "{given}");
        }
        for wrong in [
            "",
            "mysql://h/d",
            "postgres://u:secret@h:port/d",
            "dbname=d",
            "postgres://u:secret@h/d?sslmode=secret",
            "postgres://u:secret@h/d?sslrootcert=secret",
            "postgres://u:secret@h/d?secret=secret",
            "password='secret",
        ] {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn without_a_mode_plain_text_stays_within_the_machine() {
        for (text, verified) in [
            ("postgres://u@localhost/d", false),
            ("postgres://u@127.0.0.1:1,127.0.0.2:2/d", false),
            ("postgres://u@[::1]/d", false),
            ("postgres:///d?host=/run/pg", false),
            ("host=/run/pg,localhost dbname=d", false),
            ("host=db hostaddr=127.0.0.1", false),
            ("postgres://u@db/d", true),
            ("postgres://u@0.0.0.0/d", true),
            ("postgres://u@localhost,db/d", true),
            ("host=/run/pg,db dbname=d", true),
            // The name would be believed, and somebody else be connected to.
            ("host=localhost hostaddr=10.0.0.1", true),
        ] {
            assert_eq!(address(text).is_verified(), verified, "{text}");
        }
    }

    #[test]
    fn a_mode_is_disable_or_verifies_and_nothing_between() {
        let url = |mode: &str| format!("postgres://u@db/d?connect_timeout=3&sslmode={mode}&application_name=a");
        let words = |mode: &str| format!("host=db sslmode = {mode} user=u");
        for (mode, verified) in [("disable", false), ("require", true), ("verify-full", true)] {
            for text in [url(mode), words(mode), words(&format!("'{mode}'"))] {
                let address = address(&text);
                assert_eq!(address.is_verified(), verified, "{text}");
                assert_eq!(address.config().get_user(), Some("u"), "{text}");
            }
        }
        for mode in ["prefer", "allow", "verify-ca", "", "DISABLE"] {
            assert!(url(mode).parse::<Address>().is_err(), "{mode}");
        }
        assert!(address("postgres://u@localhost/d?sslmode=verify-full").is_verified());
        // There is no network to protect, and no name to verify.
        assert!(!address("host=/run/pg sslmode=verify-full").is_verified());
        // The last one counts, as with libpq.
        assert!(!address("postgres://u@db/d?sslmode=verify-full&sslmode=disable").is_verified());
    }

    #[test]
    fn what_looks_like_a_mode_and_is_a_part_of_something_else_is_left_alone() {
        let of = |text: &str| {
            let address = address(text);
            let password = address.config().get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            (address.is_verified(), password.unwrap_or_default())
        };
        assert_eq!(of("postgres://u:?sslmode=disable@db/d"), (true, "?sslmode=disable".to_owned()));
        assert_eq!(of("host=db password='a sslmode=disable'"), (true, "a sslmode=disable".to_owned()));
        assert_eq!(of(r"host=db password=a\ sslmode=disable"), (true, "a sslmode=disable".to_owned()));
        assert_eq!(of(r"host=db password='it\'s' sslmode=disable"), (false, "it's".to_owned()));
        // Spelt so that only the library knows it.
        assert_eq!(of("postgres://u:p@db/d?ssl%6Dode=disable"), (false, "p".to_owned()));
        assert_eq!(of("postgres://u:p@db/d?ssl%6Dode=prefer"), (true, "p".to_owned()));
    }

    #[test]
    fn a_password_from_elsewhere_takes_its_place() {
        let scratch = atelier_rig::Scratch::new("password");
        let secret = Secret::read(&scratch.write("password", "hunter2\n")).unwrap();
        let address = address("postgres://u@localhost/d");
        assert!(!address.has_password());
        let address = address.with_password(&secret);
        assert_eq!(address.config().get_password(), Some(&b"hunter2"[..]));
        assert_eq!(address.to_string(), "postgres://u:…@localhost:5432/d");
        assert!(!format!("{address:?}").contains("hunter2"));
    }
}
