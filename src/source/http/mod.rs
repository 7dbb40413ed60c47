//! A camera that is asked over HTTP: MJPEG as a stream, or a JPEG picture each time.

mod address;
mod apart;
mod asked;
mod body;
mod config;
mod exchange;
mod failure;
mod head;
mod hold;
mod login;
mod secure;
mod socket;
mod source;
mod wire;

pub(super) use address::shown;
pub use apart::take_apart;
pub(super) use asked::Asked;
pub use config::{Config, Url};
pub use source::Http;
pub(crate) use source::attempt;
