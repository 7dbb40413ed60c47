//! The tests that share one program, because linking one for each file costs minutes: those that
//! need nothing of their process for themselves. tests/README.md lists the others.

#[path = "../support/mod.rs"]
mod support;

mod birth;
mod broker;
mod broker_trouble;
mod bundle;
mod commands;
mod config;
mod corpus;
mod daemon;
mod fleet;
mod health;
mod install;
mod layers;
mod metrics;
mod models;
mod mqtt_page;
mod pictures;
mod record;
mod reload;
mod replay;
mod schemas;
mod simulate;
mod streams;
mod vision_pillow;
