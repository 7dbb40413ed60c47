//! TLS over a connection: the files it needs, and the handshake.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::publish::tls::TlsConfig;
use crate::secrets::Places;
use crate::tls::{self, FileError, Handshake};

/// Why TLS cannot be used as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key is not that of the certificate.
    #[error(
        "mqtt.tls.key_file does not belong to the certificate in mqtt.tls.cert_file; name the two that were made together"
    )]
    OtherKey,
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
        const CA: &str = "mqtt.tls.ca_file";
        let roots = match &config.ca_file {
            Some(name) => {
                let (certificates, path) = tls::certificates(CA, name, places)?;
                tls::roots(CA, &path, &certificates)?
            }
            None => tls::system_roots(CA)?,
        };
        let builder = tls::builder().with_root_certificates(roots);
        let made = match (&config.cert_file, &config.key_file) {
            (Some(certificate), Some(key)) => {
                let (chain, chain_path) =
                    tls::certificates("mqtt.tls.cert_file", certificate, places)?;
                let (key, key_path) = private_key(key, places)?;
                let made = builder.with_client_auth_cert(chain, key);
                made.map_err(|e| match e {
                    rustls::Error::InconsistentKeys(_) => TlsError::OtherKey,
                    rustls::Error::InvalidCertificate(_) => {
                        let cause = "a certificate in it is damaged";
                        FileError::unusable("mqtt.tls.cert_file", &chain_path, cause).into()
                    }
                    // Its words are about the key's kind, never about its content.
                    e => FileError::unusable("mqtt.tls.key_file", &key_path, &e.to_string()).into(),
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        let name = config.server_name.clone().map(|name| {
            let checked = ServerName::try_from(name.clone());
            checked.map_err(|_| TlsError::Name(name))
        });
        Ok(Self {
            config: tls::finished(made),
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

fn private_key(
    name: &str,
    places: &Places,
) -> Result<(PrivateKeyDer<'static>, PathBuf), FileError> {
    const KEY: &str = "mqtt.tls.key_file";
    let (bytes, path) = tls::read(KEY, name, places)?;
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
            Err(FileError::NotPem {
                key: KEY,
                what: "private key",
                path,
                advice,
            })
        }
    }
}
