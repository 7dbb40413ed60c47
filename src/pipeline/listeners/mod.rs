//! The listeners that commands share.

mod json;
mod log;
mod publishing;
mod totals;

pub use json::JsonLines;
pub use log::LogLines;
pub use publishing::Publishing;
pub use totals::Totals;
