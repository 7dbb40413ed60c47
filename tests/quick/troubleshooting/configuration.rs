//! Faults of the configuration's file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{Case, compare};
use crate::support::program::output;

pub(super) const CASES: [Case; 7] = [
    Case {
        row: "…: mqtt.…: unknown key; the nearest known key is `…`",
        cause: |bench| bench.check("[mqtt]\nhots = \"hub\"\n"),
    },
    Case {
        row: "…: mqtt: unknown key in this line; known here are …",
        cause: |bench| bench.check("[mqtt]\ncolour = \"red\"\n"),
    },
    Case {
        row: "…: not TOML: …",
        cause: |bench| bench.check("id = front\n"),
    },
    Case {
        row: "…: must be … to …, and is …",
        cause: |bench| bench.check("[observe]\nthreshold = 60\n"),
    },
    Case {
        row: "…: camera.format: must be one of …",
        cause: |bench| bench.check("[camera]\nformat = \"h264\"\n"),
    },
    Case {
        row: "…: is not read: not trusted, because it can be written by every user; run `chmod go-w …`",
        cause: |bench| {
            let mut check = bench.checking("");
            fs::set_permissions(bench.at("config.toml"), Permissions::from_mode(0o666)).unwrap();
            output(&mut check).into()
        },
    },
    Case {
        row: "…: cannot be read: No such file or directory (os error 2); name another file with --config",
        cause: |bench| {
            let mut check = bench.checking("");
            fs::remove_file(bench.at("config.toml")).unwrap();
            output(&mut check).into()
        },
    },
];

#[test]
fn each_fault_of_a_configuration_is_on_the_page() {
    compare(&CASES);
}
