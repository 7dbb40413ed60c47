//! The tests that share one program, because linking one for each file costs minutes: those that
//! need nothing of their process for themselves. tests/README.md lists the others.

#[path = "../support/mod.rs"]
mod support;

mod birth;
mod broker;
mod broker_grants;
mod broker_tls;
mod broker_trouble;
mod broker_unasked;
mod bundle;
mod commands;
mod config;
mod corpus;
mod daemon;
mod dependencies;
mod fleet;
mod folders;
mod heads;
mod health;
mod homeassistant;
mod http;
mod install;
mod install_page;
mod layers;
mod lessons;
mod metrics;
mod models;
mod moved;
mod mqtt_page;
mod outbox;
mod pick;
mod pictures;
mod process;
mod record;
mod regions;
mod reload;
mod replay;
mod report;
mod review;
mod schemas;
mod secrets;
mod security_page;
mod setup;
mod simulate;
mod snapshot;
mod streams;
mod teach;
mod teach_page;
mod terminal;
mod threads;
mod troubleshooting;
mod unit;
mod vision_pillow;
mod watch;
