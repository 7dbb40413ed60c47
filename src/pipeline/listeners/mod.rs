//! The listeners that commands share.

mod json;
mod log;
mod publishing;
mod reviewing;
mod totals;

pub(crate) use json::JsonLines;
pub(crate) use log::LogLines;
pub(crate) use publishing::Publishing;
pub(crate) use reviewing::Reviewing;
pub(crate) use totals::Totals;
