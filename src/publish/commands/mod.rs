//! Commands over MQTT: what a message on `command/<name>` asks for, and how it is answered.

mod answer;
mod command;
mod config;
mod content;
mod object;
mod parse;
mod queue;
mod teach;

pub(crate) use answer::{Asker, Outcome};
pub(crate) use command::{Command, Lesson, NAMES, Request};
pub use config::Config;
pub(crate) use parse::parse;
pub(crate) use queue::CommandQueue;
