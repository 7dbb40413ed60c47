//! The section `[metrics]`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::misfit::Misfit;

/// Numbers for Prometheus, section `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The file to write at each health interval; none writes no metrics.
    pub(crate) textfile: Option<PathBuf>,
}

impl Config {
    /// Checks the path, without looking at the disk.
    ///
    /// # Errors
    /// A path that is relative, or that node_exporter would not read.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        let Some(path) = &self.textfile else {
            return Ok(());
        };
        if path.is_absolute() && path.extension().is_some_and(|end| end == "prom") {
            return Ok(());
        }
        Err(Misfit::new(
            "textfile",
            "must be an absolute path that ends in .prom, as node_exporter reads it",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_node_exporter_reads_is_taken() {
        let check = |text: &str| toml::from_str::<Config>(text).unwrap().check();
        assert_eq!(check(""), Ok(()));
        assert_eq!(
            check("textfile = '/var/lib/node_exporter/goldcrest.prom'"),
            Ok(())
        );
        for path in ["goldcrest.prom", "/var/lib/goldcrest.txt", "/", ""] {
            let misfit = check(&format!("textfile = '{path}'")).unwrap_err();
            assert_eq!(misfit.key, "textfile", "{path}");
        }
    }
}
