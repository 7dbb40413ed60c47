//! The section `[mqtt.tls]`.

use rustls::pki_types::ServerName;
use serde::Deserialize;

use crate::misfit::Misfit;

/// Whom to trust and as whom to connect over TLS, section `[mqtt.tls]`. The section turns TLS on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a section [mqtt.tls], which may be empty"
)]
pub struct TlsConfig {
    /// The authorities that may sign the broker's certificate, in PEM form. The default is those
    /// of the system.
    pub ca_file: Option<String>,
    /// The certificate that the client shows, in PEM form, with those between it and its
    /// authority.
    pub cert_file: Option<String>,
    /// The key of `cert_file`, in PEM form, not encrypted.
    pub key_file: Option<String>,
    /// The name that the broker's certificate must have. The default is the host.
    pub server_name: Option<String>,
}

impl TlsConfig {
    /// Checks the section without reading files.
    ///
    /// # Errors
    /// The first key that cannot be used.
    pub(super) fn check(&self) -> Result<(), Misfit> {
        for (key, value) in [
            ("tls.ca_file", &self.ca_file),
            ("tls.cert_file", &self.cert_file),
            ("tls.key_file", &self.key_file),
        ] {
            if value.as_deref() == Some("") {
                let message = "must be a path; leave the key out instead of an empty one";
                return Err(Misfit::new(key, message));
            }
        }
        match (&self.cert_file, &self.key_file) {
            (Some(_), None) => {
                let message = "needs mqtt.tls.key_file beside it";
                return Err(Misfit::new("tls.cert_file", message));
            }
            (None, Some(_)) => {
                let message = "needs mqtt.tls.cert_file beside it";
                return Err(Misfit::new("tls.key_file", message));
            }
            _ => {}
        }
        if let Some(name) = &self.server_name
            && ServerName::try_from(name.as_str()).is_err()
        {
            let message = "must be a name or an address as it stands in the broker's certificate";
            return Err(Misfit::new("tls.server_name", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn a_key_that_cannot_be_used_is_named() {
        expect_misfits(
            TlsConfig::check,
            &[
                ("ca_file = ''", "tls.ca_file", "leave the key out"),
                (
                    "cert_file = 'a'",
                    "tls.cert_file",
                    "needs mqtt.tls.key_file",
                ),
                ("key_file = 'a'", "tls.key_file", "needs mqtt.tls.cert_file"),
                ("server_name = 'a b'", "tls.server_name", "must be a name"),
                ("server_name = ''", "tls.server_name", "must be a name"),
            ],
        );
        let all = "ca_file = 'a'\ncert_file = 'b'\nkey_file = 'c'\nserver_name = 'mqtt.lan'";
        let config: TlsConfig = toml::from_str(all).unwrap();
        assert_eq!(config.check(), Ok(()));
    }
}
