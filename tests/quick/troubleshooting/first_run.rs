//! What stops `goldcrest setup`.

use std::net::TcpStream;
use std::process::Command;

use super::bench::{Bench, Outcome, as_nobody, is_root};
use super::{Case, compare};
use crate::support::free_port;
use crate::support::program::{command, output};

pub(super) const CASES: [Case; 6] = [
    Case {
        row: "there is no terminal to ask at; name the camera with --camera, --stream, --process or --synthetic",
        cause: |bench| output(&mut setup(bench, &[])).into(),
    },
    Case {
        row: "there is no terminal to ask at, and no broker answers on this machine; name one with --broker",
        cause: |bench| match TcpStream::connect("127.0.0.1:1883") {
            Ok(_) => Outcome::Skipped("a broker answers on this machine"),
            Err(_) => output(&mut setup(bench, &["--synthetic"])).into(),
        },
    },
    Case {
        row: "… is there already; --yes replaces it and keeps it as …",
        cause: |bench| {
            let mine = bench.file("mine.toml", "id = \"mine\"\n");
            let flags = [
                "setup",
                "--synthetic",
                "--broker",
                "127.0.0.1",
                "--out",
                &mine,
            ];
            output(&mut command(&flags)).into()
        },
    },
    Case {
        row: "…; run it with sudo, or name another file with --out",
        cause: |_| {
            // Nothing is installed on this machine, whatever comes of it.
            let nobody = format!("127.0.0.1:{}", free_port());
            let setup = command(&["setup", "--synthetic", "--broker", &nobody, "--no-service"]);
            match is_root() {
                true => as_nobody(&setup),
                false => output(&mut { setup }).into(),
            }
        },
    },
    Case {
        row: "check: … of … failed: …; nothing was written",
        cause: |bench| {
            let nobody = format!("127.0.0.1:{}", free_port());
            output(&mut setup(bench, &["--synthetic", "--broker", &nobody])).into()
        },
    },
    Case {
        row: "…: the service does not see this folder; copy the file into /etc/goldcrest and name it there",
        cause: |bench| {
            let ca = bench.file("ca.crt", "");
            let nobody = format!("127.0.0.1:{}", free_port());
            let flags = [
                "setup",
                "--synthetic",
                "--broker",
                &nobody,
                "--ca-file",
                &ca,
            ];
            match is_root() {
                true => output(&mut command(&flags)).into(),
                false => Outcome::Skipped("only root may install"),
            }
        },
    },
];

/// `setup` that writes into the bench's folder.
fn setup(bench: &Bench, flags: &[&str]) -> Command {
    let out = bench.text("porch.toml");
    let mut setup = command(&["setup", "--no-service", "--out", &out]);
    setup.args(flags).env("TMPDIR", bench.at(""));
    setup
}

#[test]
fn each_thing_that_stops_setup_is_on_the_page() {
    compare(&CASES);
}
