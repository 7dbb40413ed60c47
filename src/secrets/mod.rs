//! Secrets, and the files that hold a password, a key or certificates.

mod file;
mod secret;

pub use file::PasswordError;
pub(crate) use file::{CREDENTIAL, Places, read, read_password};
pub use secret::Secret;
