//! TLS over a connection: the files it needs, and the handshake.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::distrust::Handshake;
use super::secret_file::{self, PasswordError, Places};
use crate::publish::tls::TlsConfig;

/// The most bytes that a file of certificates or a key may have.
const LONGEST: u64 = 1 << 20;

/// Why TLS cannot be used as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{key} {error}")]
    File {
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
    /// The key is not that of the certificate.
    #[error(
        "mqtt.tls.key_file does not belong to the certificate in mqtt.tls.cert_file; name the two that were made together"
    )]
    OtherKey,
    /// The system has no authorities.
    #[error(
        "this system has no certificate authorities; install ca-certificates, or set mqtt.tls.ca_file"
    )]
    NoAuthorities,
    /// The host cannot be the name of a certificate.
    #[error("{0:?} cannot be the name in a certificate; set mqtt.tls.server_name")]
    Name(String),
}

/// What a handshake needs. Debug output hides the key.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    /// The name in the broker's certificate, if it is not the host.
    name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files of `config`.
    ///
    /// # Errors
    /// Each names the key, the file, the problem and the remedy in one line.
    pub(crate) fn load(config: &TlsConfig, places: &Places) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        match &config.ca_file {
            Some(name) => {
                const KEY: &str = "mqtt.tls.ca_file";
                let (certificates, path) = certificates(KEY, name, places)?;
                for certificate in certificates {
                    let added = roots.add(certificate);
                    added.map_err(|_| unusable(KEY, &path, "a certificate in it is damaged"))?;
                }
            }
            None => {
                // A single bad one among those of the system must not stop the others.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TlsError::NoAuthorities);
                }
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let mut made = match (&config.cert_file, &config.key_file) {
            (Some(certificate), Some(key)) => {
                let (chain, chain_path) = certificates("mqtt.tls.cert_file", certificate, places)?;
                let (key, key_path) = private_key(key, places)?;
                let made = builder.with_client_auth_cert(chain, key);
                made.map_err(|e| match e {
                    rustls::Error::InconsistentKeys(_) => TlsError::OtherKey,
                    rustls::Error::InvalidCertificate(_) => {
                        let cause = "a certificate in it is damaged";
                        unusable("mqtt.tls.cert_file", &chain_path, cause)
                    }
                    // Its words are about the key's kind, never about its content.
                    e => unusable("mqtt.tls.key_file", &key_path, &e.to_string()),
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        // Sessions that wait to be resumed would take memory for what happens once a day.
        made.resumption = Resumption::disabled();
        let name = config.server_name.clone().map(|name| {
            let checked = ServerName::try_from(name.clone());
            checked.map_err(|_| TlsError::Name(name))
        });
        Ok(Self {
            config: Arc::new(made),
            name: name.transpose()?,
        })
    }

    /// Agrees on TLS with the broker that was reached as `host`.
    ///
    /// # Errors
    /// Each is a [`Handshake`].
    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| io::Error::other(TlsError::Name(host.into())))?,
        };
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let agreed = connector.connect(name, stream).await;
        agreed.map_err(|e| io::Error::new(e.kind(), Handshake(e)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The bytes of the file that `name` stands for, and its path.
fn read(key: &'static str, name: &str, places: &Places) -> Result<(Vec<u8>, PathBuf), TlsError> {
    let (bytes, path) = secret_file::read(name, places, LONGEST + 1)
        .map_err(|error| TlsError::File { key, error })?;
    if bytes.len() as u64 > LONGEST {
        let cause = format!("it has more than {LONGEST} bytes");
        return Err(unusable(key, &path, &cause));
    }
    Ok((bytes, path))
}

fn certificates(
    key: &'static str,
    name: &str,
    places: &Places,
) -> Result<(Vec<CertificateDer<'static>>, PathBuf), TlsError> {
    let (bytes, path) = read(key, name, places)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok((found, path)),
        // The words of the parser may show what the file holds, and that may be a key.
        _ => Err(TlsError::NotPem {
            key,
            what: "certificate",
            path,
            advice: "convert one in DER form with `openssl x509 -inform der`",
        }),
    }
}

fn private_key(name: &str, places: &Places) -> Result<(PrivateKeyDer<'static>, PathBuf), TlsError> {
    const KEY: &str = "mqtt.tls.key_file";
    let (bytes, path) = read(KEY, name, places)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok((key, path)),
        Err(e) => {
            let encrypted = b"ENCRYPTED";
            let is_encrypted = bytes.windows(encrypted.len()).any(|part| part == encrypted);
            let advice = match e {
                PemError::NoItemsFound if is_encrypted => {
                    "it is encrypted; decrypt it with `openssl pkey`, and let nobody else read it"
                }
                _ => "convert one in DER form with `openssl pkey -inform der`",
            };
            Err(TlsError::NotPem {
                key: KEY,
                what: "private key",
                path,
                advice,
            })
        }
    }
}

fn unusable(key: &'static str, path: &std::path::Path, cause: &str) -> TlsError {
    TlsError::Unusable {
        key,
        path: path.into(),
        cause: cause.into(),
    }
}
