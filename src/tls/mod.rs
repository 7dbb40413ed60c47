//! What all connections over TLS share: whom to trust, files of certificates, and the words for what
//! a handshake fails of.

mod distrust;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::secrets::{self, PasswordError, Places};

pub(crate) use distrust::{Distrust, Handshake};

/// The most bytes that a file of certificates or a key may have.
const LONGEST: u64 = 1 << 20;

/// Bytes of a TLS session and of the authorities. 0.06 MiB were measured with one authority, 0.35
/// MiB with those of Debian.
pub(crate) const MEMORY: usize = 512 << 10;
/// Code of TLS. 1.1 to 1.3 MiB were measured on x86-64.
pub(crate) const CODE: usize = 3 << 19;

/// Why a file for TLS cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// A file cannot be read.
    #[error("{key} {error}")]
    Unread {
        /// The configuration's key.
        key: &'static str,
        /// What is wrong with the file.
        error: PasswordError,
    },
    /// A file holds nothing of its kind.
    #[error("{key} holds no {what} in PEM form: {}; {advice}", path.display())]
    NotPem {
        /// The configuration's key.
        key: &'static str,
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// A certificate or a key cannot be used.
    #[error("{key} cannot be used: {}: {cause}; replace the file", path.display())]
    Unusable {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The system has no authorities.
    #[error("this system has no certificate authorities; install ca-certificates, or set {0}")]
    NoAuthorities(&'static str),
}

impl FileError {
    /// The file at `path`, which `key` names, cannot be used for this reason.
    pub(crate) fn unusable(key: &'static str, path: &Path, cause: &str) -> Self {
        Self::Unusable {
            key,
            path: path.into(),
            cause: cause.into(),
        }
    }
}

/// The cryptography of all connections.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The beginning of every configuration.
pub(crate) fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
}

/// The end of a configuration whose client shows no certificate.
pub(crate) fn anonymous(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
) -> Arc<ClientConfig> {
    finished(builder.with_no_client_auth())
}

/// `config`, ready to be used.
pub(crate) fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    // Sessions that wait to be resumed would take memory for what happens once a day.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// The authorities of the system; `key` may name others.
///
/// # Errors
/// There are none.
pub(crate) fn system_roots(key: &'static str) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    // A single bad one among those of the system must not stop the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(FileError::NoAuthorities(key));
    }
    Ok(roots)
}

/// `certificates` of the file at `path`, which `key` names, as authorities.
///
/// # Errors
/// One is damaged.
pub(crate) fn roots(
    key: &'static str,
    path: &Path,
    certificates: &[CertificateDer<'static>],
) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let added = roots.add(certificate.clone());
        added.map_err(|_| FileError::unusable(key, path, "a certificate in it is damaged"))?;
    }
    Ok(roots)
}

/// The certificates in the file that `name`, the value of `key`, stands for, and its path.
///
/// # Errors
/// Each names the key, the file, the problem and the remedy in one line.
pub(crate) fn certificates(
    key: &'static str,
    name: &str,
    places: &Places,
) -> Result<(Vec<CertificateDer<'static>>, PathBuf), FileError> {
    let (bytes, path) = read(key, name, places)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok((found, path)),
        // The words of the parser may show what the file holds, and that may be a key.
        _ => Err(FileError::NotPem {
            key,
            what: "certificate",
            path,
            advice: "convert one in DER form with `openssl x509 -inform der`",
        }),
    }
}

/// The bytes of the file that `name`, the value of `key`, stands for, and its path.
///
/// # Errors
/// As of [`certificates`].
pub(crate) fn read(
    key: &'static str,
    name: &str,
    places: &Places,
) -> Result<(Vec<u8>, PathBuf), FileError> {
    let (bytes, path) = secrets::read(name, places, LONGEST + 1)
        .map_err(|error| FileError::Unread { key, error })?;
    if bytes.len() as u64 > LONGEST {
        let cause = format!("it has more than {LONGEST} bytes");
        return Err(FileError::unusable(key, &path, &cause));
    }
    Ok((bytes, path))
}
