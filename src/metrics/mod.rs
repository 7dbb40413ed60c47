//! The numbers of `health` for Prometheus: a text file that node_exporter's textfile collector
//! reads. A file needs no open port, and no program here answers requests.

mod catalogue;
mod config;
mod exposition;
mod textfile;

pub use config::Config;
pub(crate) use textfile::probe;
pub use textfile::{Error, Textfile};
