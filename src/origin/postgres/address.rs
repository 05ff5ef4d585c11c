//! Where a database is, and how to say so without saying the password.

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The address of a database, from a `postgres://` URL or a `key=value` string.
#[derive(Clone, Debug)]
pub struct Address(pub(super) Config);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The library's message quotes the text, which may hold a password.
        let config: Config = text
            .parse()
            .map_err(|_| "is not an address such as postgres://user:password@host:5432/database".to_owned())?;
        if config.get_hosts().is_empty() {
            return Err("names no host".to_owned());
        }
        Ok(Self(config))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.0.get_user() {
            let password = if self.0.get_password().is_some() { ":…" } else { "" };
            write!(f, "{user}{password}@")?;
        }
        for (place, host) in self.0.get_hosts().iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let port = self.0.get_ports().get(place).or(self.0.get_ports().last()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(f, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_password_is_never_shown() {
        let table = [
            ("postgres://u:secret@h/d", "postgres://u:…@h:5432/d"),
            ("host=h user=u password=secret dbname=d port=6000", "postgres://u:…@h:6000/d"),
            ("postgres://u@h1:1,h2:2/d?connect_timeout=3", "postgres://u@h1:1,h2:2/d"),
            ("postgres:///d?host=/run/pg", "postgres:///run/pg:5432/d"),
        ];
        for (given, shown) in table {
            assert_eq!(given.parse::<Address>().unwrap().to_string(), shown);
        }
        for wrong in ["", "mysql://h/d", "postgres://u:secret@h:port/d", "dbname=d"] {
            let error = wrong.parse::<Address>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
