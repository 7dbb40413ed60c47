//! TLS to a camera: whose certificates are believed, and the handshake.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use super::socket::Socket;
use crate::secrets::Places;
use crate::tls::{self, FileError, Handshake};

/// The key that names certificates.
const KEY: &str = "http.ca_file";

/// Whom to believe.
#[derive(Clone)]
pub(super) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Believes the authorities and certificates in `file`, or the system's authorities.
    ///
    /// # Errors
    /// The file cannot be used, or the system has no authorities.
    pub fn load(file: Option<&str>, places: &Places) -> Result<Self, FileError> {
        let Some(file) = file else {
            let roots = tls::system_roots(KEY)?;
            return Ok(Self(tls::anonymous(
                tls::builder().with_root_certificates(roots),
            )));
        };
        let (certificates, path) = tls::certificates(KEY, file, places)?;
        let verifier = Pinned::new(certificates, &path)?;
        let builder = tls::builder().dangerous();
        Ok(Self(tls::anonymous(
            builder.with_custom_certificate_verifier(Arc::new(verifier)),
        )))
    }

    /// Agrees on TLS with the camera that was reached as `host`.
    ///
    /// # Errors
    /// Each is a [`Handshake`].
    pub fn agree(
        &self,
        host: &str,
        mut socket: Socket,
    ) -> io::Result<StreamOwned<ClientConnection, Socket>> {
        let failed = |e: io::Error| io::Error::new(e.kind(), Handshake(e));
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name);
        let mut connection = connection.map_err(|e| failed(io::Error::other(e)))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(failed)?;
        }
        Ok(StreamOwned::new(connection, socket))
    }
}

/// Believes certificates of a file themselves, whatever name and time stand in them, and those that
/// they signed as usual. A camera has a certificate that it signed itself, for any name.
#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    usual: Arc<WebPkiServerVerifier>,
}

impl Pinned {
    fn new(certificates: Vec<CertificateDer<'static>>, path: &Path) -> Result<Self, FileError> {
        let roots = Arc::new(tls::roots(KEY, path, &certificates)?);
        let usual = WebPkiServerVerifier::builder_with_provider(roots, tls::provider()).build();
        let usual = usual.map_err(|e| FileError::unusable(KEY, path, &e.to_string()))?;
        Ok(Self {
            certificates,
            usual,
        })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.usual
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    // That the camera has the key of its certificate is proved in any case.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
