//! Certificates, made with the openssl program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority, and a folder for what it signs.
pub struct Authority {
    folder: TempDir,
}

/// A certificate and its key, both in PEM form.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate's file.
    pub file: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

/// From when until when a certificate is valid, as openssl writes times.
pub type Validity = (&'static str, &'static str);

/// Valid whenever tests run.
pub const ALWAYS: Validity = ("20200101000000Z", "20490101000000Z");
/// Not valid any more.
pub const PAST: Validity = ("20200101000000Z", "20210101000000Z");
/// Not valid yet.
pub const FUTURE: Validity = ("20480101000000Z", "20490101000000Z");

impl Authority {
    /// Makes an authority of this name.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Self { folder };
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -keyout ca.key -out ca.crt",
            &["-subj", &format!("/CN={name}")],
        );
        authority.write("index.txt", "");
        authority.write("serial", "1000\n");
        authority.write(
            "ca.conf",
            "[ca]\ndefault_ca = d\n[d]\nnew_certs_dir = .\ndatabase = index.txt\nserial = serial\n\
             certificate = ca.crt\nprivate_key = ca.key\ndefault_md = sha256\npolicy = p\n\
             unique_subject = no\n[p]\ncommonName = supplied\n",
        );
        authority
    }

    /// The authority's own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Signs a certificate in files called `file`, for `names` such as `DNS:localhost`.
    pub fn sign(&self, file: &str, names: &str, (from, until): Validity) -> Certificate {
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
            &[
                "-subj",
                "/CN=goldcrest-test",
                "-keyout",
                &format!("{file}.key"),
                "-out",
                &format!("{file}.csr"),
            ],
        );
        self.write(
            "extensions",
            &format!("subjectAltName = {names}\nbasicConstraints = CA:FALSE\n"),
        );
        self.openssl(
            "ca -batch -config ca.conf -notext -extfile extensions",
            &[
                "-startdate",
                from,
                "-enddate",
                until,
                "-in",
                &format!("{file}.csr"),
                "-out",
                &format!("{file}.crt"),
            ],
        );
        let path = |end: &str| self.folder.path().join(format!("{file}.{end}"));
        Certificate {
            file: path("crt"),
            key: path("key"),
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file of the authority");
    }

    fn openssl(&self, words: &str, more: &[&str]) {
        let output = Command::new("openssl")
            .args(words.split(' '))
            .args(more)
            .current_dir(self.folder.path())
            .output()
            .expect("this test needs openssl");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {words}: {errors}");
    }
}

/// The path as a configuration has it.
pub fn text(path: &Path) -> Option<String> {
    Some(path.to_str().expect("a path in UTF-8").into())
}
