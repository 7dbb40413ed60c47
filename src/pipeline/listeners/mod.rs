//! The listeners that commands share.

mod json;
mod log;
mod publishing;
mod reporting;
mod reviewing;
mod totals;
mod watching;

pub(crate) use json::JsonLines;
pub(crate) use log::LogLines;
pub(crate) use publishing::Publishing;
pub(crate) use reporting::Reporting;
pub(crate) use reviewing::Reviewing;
pub(crate) use totals::Totals;
pub use watching::Watching;
