//! Faults of model, head and memory.

use std::fs;

use super::bench::{Bench, Outcome};
use super::{Case, compare};
use crate::support::cgroup::Group;
use crate::support::head;
use crate::support::program::{command, output, packed_model};

pub(super) const CASES: [Case; 8] = [
    Case {
        row: "…: no such model, looked for as …; set model.path or make one with model/tools",
        cause: |bench| bench.check_quietly("[model]\npath = \"/nowhere/model.onnx\"\n"),
    },
    Case {
        row: "…: no bundle stands beside it; make one with `goldcrest pack …`",
        cause: |bench| {
            let model = model(bench);
            fs::remove_file(bench.at("model/model.bundle")).unwrap();
            bench.check_quietly(&model)
        },
    },
    Case {
        row: "…: it is damaged: its checksum is wrong; pack the model again with `goldcrest pack …`",
        cause: |bench| {
            let model = model(bench);
            let path = bench.at("model/model.bundle");
            let mut bundle = fs::read(&path).unwrap();
            let middle = bundle.len() / 2;
            bundle[middle] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bundle).unwrap();
            bench.check_quietly(&model)
        },
    },
    Case {
        row: "…: no such head; name one that is there (model.head, or head of a region), or teach one with `goldcrest teach`",
        cause: |bench| bench.check_quietly(&format!("{}head = \"gone.head\"\n", model(bench))),
    },
    Case {
        row: "…: it is damaged or cut short: its checksum does not fit; copy it anew, or teach it again with `goldcrest teach`",
        cause: |bench| {
            let model = model(bench);
            head::write(&bench.at("model"), "cut.head", ["open", "closed"]);
            let path = bench.at("model/cut.head");
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            bench.check_quietly(&format!("{model}head = \"model/cut.head\"\n"))
        },
    },
    Case {
        row: "…: the head was taught on the model …, and the model here is …; teach it again with this model, or set model.path to that one",
        cause: |bench| {
            let model = model(bench);
            head::write_foreign(&bench.at("model"), "other.head");
            bench.check_quietly(&format!("{model}head = \"model/other.head\"\n"))
        },
    },
    Case {
        row: "memory.budget_mb: … MiB are needed and … are allowed; set memory.budget_mb to … or more",
        cause: |bench| bench.check_quietly(&format!("[memory]\nbudget_mb = 20\n{}", model(bench))),
    },
    Case {
        row: "the system allows this process … MiB and … cannot be dropped: it would be killed; raise MemoryMax= of the service to … MiB or more",
        cause: |bench| {
            let model = model(bench);
            let Ok(group) = Group::new("troubleshooting", Some(3 << 20)) else {
                return Outcome::Skipped("needs root and a memory controller");
            };
            drop(bench.checking(&model));
            let mut inside = std::process::Command::new("sh");
            let run = command(&["run", "--config", &bench.text("config.toml")]);
            inside
                .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
                .arg(group.processes())
                .arg(run.get_program())
                .args(run.get_args())
                .env_remove("JOURNAL_STREAM");
            output(&mut inside).into()
        },
    },
];

/// Puts the shipped model, packed, into a folder of its own, and returns the section that names it.
fn model(bench: &Bench) -> String {
    let folder = bench.at("model");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir(&folder).unwrap();
    format!("[model]\npath = {:?}\n", packed_model(&folder))
}

#[test]
fn each_fault_of_model_and_memory_is_on_the_page() {
    compare(&CASES);
}
