//! docs/troubleshooting.md: each line that it explains is printed by the program, which is run on
//! the fault here. What no test of this program can cause is held by the tests in [`ELSEWHERE`].

mod bench;
mod broker;
mod camera;
mod configuration;
mod first_run;
mod model;
mod page;
mod service;
mod stream;

use self::bench::{Bench, Outcome};
use self::page::{rows, shows};

/// A fault, and the row of the page that explains what the program then prints.
struct Case {
    /// The line on the page, with `…` for what differs.
    row: &'static str,
    /// Runs the program on the fault.
    cause: fn(&Bench) -> Outcome,
}

/// Rows whose fault another test causes, because it takes a camera, a hanging thread, a lack of
/// memory or a service manager; each with the name of that test.
const ELSEWHERE: [(&str, &str); 10] = [
    (
        "MQTT broker …: it sent what nobody asked for: …; see the broker's log, and whether it is the broker that you mean",
        "packets_that_nobody_asked_for_end_the_connection",
    ),
    (
        "… is busy: … uses it; stop that first",
        "each_fault_of_a_driver_is_on_the_page",
    ),
    (
        "…: the USB bus has no bandwidth left for it (…): use another port, a smaller size, a lower rate or format = \"mjpg\"",
        "each_fault_of_a_driver_is_on_the_page",
    ),
    (
        "… (…) offers …; the format asked for is not among them",
        "each_fault_of_a_driver_is_on_the_page",
    ),
    (
        "… sent no frame for … s",
        "each_fault_of_a_driver_is_on_the_page",
    ),
    (
        "memory: … MiB are resident, … of them anonymous, and memory.budget_mb is …",
        "trouble_is_noticed_and_its_end_too",
    ),
    (
        "memory: the system killed … process(es) of this control group for want of memory",
        "trouble_is_noticed_and_its_end_too",
    ),
    (
        "the … thread makes no progress for …: publishing `offline` until it does",
        "each_thread_that_hangs_is_noticed_and_so_is_its_return",
    ),
    (
        "the thread … is gone; this is a bug: please report it",
        "any_thread_that_dies_ends_the_process_within_a_second",
    ),
    (
        "systemd was not told, because it does not run here or you are not root; start it with: …",
        "the_unit_is_enabled_and_its_first_label_told",
    ),
];

fn all() -> impl Iterator<Item = &'static Case> {
    let tables: [&[Case]; 6] = [
        &camera::CASES,
        &stream::CASES,
        &broker::CASES,
        &configuration::CASES,
        &model::CASES,
        &first_run::CASES,
    ];
    tables.into_iter().flatten()
}

/// Runs the program on each fault of `cases` and looks for the row's line in what it prints.
fn compare(cases: &[Case]) {
    let bench = Bench::new();
    let (mut wrong, mut skipped) = (Vec::new(), 0);
    for case in cases {
        match (case.cause)(&bench) {
            Outcome::Printed(text) if text.lines().any(|line| shows(case.row, line)) => {}
            Outcome::Printed(text) => {
                wrong.push(format!("no line is {:?}:\n{text}", case.row));
            }
            Outcome::Skipped(why) => {
                println!("SKIPPED {:?}: {why}", case.row);
                skipped += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(skipped < cases.len(), "nothing was compared");
}

#[test]
fn each_row_of_the_page_has_a_fault_that_leads_to_it() {
    let systemd = service::LINES.iter().map(|(row, _)| *row);
    let elsewhere = ELSEWHERE.iter().map(|(row, _)| *row);
    let mut known: Vec<&str> = all().map(|case| case.row).collect();
    known.extend(systemd.chain(elsewhere));
    let rows = rows();
    for row in &rows {
        assert!(known.contains(&row.as_str()), "no test causes {row:?}");
    }
    for row in known {
        assert!(rows.iter().any(|r| r == row), "the page lacks {row:?}");
    }
}

#[test]
fn rows_that_are_held_elsewhere_are_lines_of_the_program() {
    let sources = page::sources();
    for (row, test) in ELSEWHERE {
        assert!(sources.contains(&format!("fn {test}(")), "no test {test}");
        let parts = row
            .split('…')
            .map(|part| part.trim_matches([' ', ':', ';']));
        for part in parts.filter(|part| part.len() > 3) {
            assert!(sources.contains(part), "{row}: no {part:?} in the sources");
        }
    }
}
