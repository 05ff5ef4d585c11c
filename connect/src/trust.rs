//! Whom to believe: the certificates that a server's own has to lead to.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::small_file;

/// The most bytes of a file of certificates; all public authorities together take a fifth of it.
const SIZE_MAX: u64 = 1 << 20;

/// Certificates of authorities.
#[derive(Clone, PartialEq, Eq)]
pub struct Roots(Arc<[CertificateDer<'static>]>);

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}

impl Roots {
    /// The authorities in the PEM file at `path`, and no others.
    ///
    /// # Errors
    /// With what is wrong with the file, in words that go on behind its name.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let bytes = small_file::read(path, SIZE_MAX)
            .map_err(|error| format!("cannot be read: {error}"))?
            .ok_or("is larger than 1 MiB")?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let found = found.map_err(|error| format!("is not PEM: {error}"))?;
        if found.is_empty() {
            return Err("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
        }
        // Of one's own file every certificate is meant, so one that cannot be used is a mistake.
        let mut store = RootCertStore::empty();
        for (place, certificate) in found.iter().enumerate() {
            store
                .add(certificate.clone())
                .map_err(|error| format!("holds a certificate, number {}, that cannot be used: {error}", place + 1))?;
        }
        Ok(Self(found.into()))
    }

    /// The authorities that this system trusts, as `curl` or a browser on it does; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_system() -> Result<Self, String> {
        let loaded = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // What somebody else collected may hold what this program cannot use; that is no reason to believe nobody.
        let usable = loaded.certs.into_iter().filter(|certificate| store.add(certificate.clone()).is_ok());
        let usable: Vec<_> = usable.collect();
        if usable.is_empty() {
            let why = loaded.errors.first().map_or_else(String::new, |error| format!(": {error}"));
            return Err(format!("this system has no certificates of authorities (package ca-certificates){why}"));
        }
        Ok(Self(usable.into()))
    }

    /// No authorities: for a connection that is not encrypted, so that nothing will be asked of them.
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// A client that believes these and nobody else.
    ///
    /// # Errors
    /// Never, as long as the library's protocol versions fit its own cryptography.
    pub fn client(&self) -> Result<ClientConfig, rustls::Error> {
        // The Redis client makes its own with whatever the process has for this.
        let _already = CryptoProvider::install_default(ring::default_provider());
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.0.iter().cloned());
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(store).with_no_client_auth())
    }

    /// The same authorities in PEM, for libraries that read nothing else.
    pub fn pem(&self) -> Vec<u8> {
        let mut text = String::new();
        for certificate in self.0.iter() {
            text.push_str("-----BEGIN CERTIFICATE-----\n");
            let encoded = STANDARD.encode(certificate);
            let mut rest = encoded.as_str();
            while !rest.is_empty() {
                let (line, behind) = rest.split_at(rest.len().min(64));
                text.push_str(line);
                text.push('\n');
                rest = behind;
            }
            text.push_str("-----END CERTIFICATE-----\n");
        }
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use atelier_rig::Scratch;
    use atelier_rig::tls::Authority;

    use super::*;

    #[test]
    fn a_file_holds_certificates_and_what_holds_none_is_refused() {
        let scratch = Scratch::new("roots");
        let (one, two) = (Authority::new(), Authority::new());
        let read = |content: &str| Roots::from_file(&scratch.write("ca.pem", content));
        let both = read(&format!("# ours\n{}{}", one.pem(), two.pem())).unwrap();
        assert_eq!(format!("{both:?}"), "Roots(2)");
        assert!(both.client().is_ok());
        assert_eq!(read(std::str::from_utf8(&both.pem()).unwrap()).unwrap(), both);

        let key = std::fs::read_to_string(one.issue(&["DNS:db"]).key).unwrap();
        for (content, why) in [
            ("", "holds no certificate"),
            ("hunter2", "holds no certificate"),
            (&*key, "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nhunter2\n", "is not PEM"),
            ("-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n", "number 1, that cannot be used"),
        ] {
            let said = read(content).unwrap_err();
            assert!(said.contains(why), "{content}: {said}");
        }
        assert!(Roots::from_file(&scratch.path().join("none")).unwrap_err().starts_with("cannot be read"));
        assert!(Roots::from_file(Path::new("/dev/zero")).unwrap_err().contains("1 MiB"));
    }
}
