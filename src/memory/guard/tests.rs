//! What the guard warns of, admits and refuses while the daemon runs.

use super::*;

const MEMORY: Memory = Memory {
    mapped: 28 << 20,
    arena: 1 << 20,
    maps: 1 << 20,
    head: 0,
};

fn guard() -> Guard {
    let facts = Facts {
        engine: EngineMemory::Mapped(MEMORY),
        code: 6 << 20,
        data: 0,
        anonymous: 3 << 20,
        device: 0,
        frame: 0,
        source: 0,
        sized: super::super::facts::SizedBy::Camera,
        vision: 0,
        regions: super::super::facts::Regions::default(),
        mqtt: 0,
        snapshots: 0,
        reviews: 0,
        lessons: 0,
        threads: 1,
    };
    let mut guard = Guard::new(&Config::default(), facts, Vec::new());
    guard.cgroup = None;
    guard.last.pressure = None;
    guard
}

#[test]
fn only_a_limit_below_what_cannot_be_dropped_is_refused() {
    let mut guard = guard();
    assert_eq!(guard.admit(), Ok(()));
    let limited = |mib: u64| {
        Some(Pressure {
            limit: Some(mib << 20),
            ..Pressure::default()
        })
    };
    guard.last.pressure = limited(24);
    assert_eq!(guard.admit(), Ok(()));
    guard.last.pressure = limited(4);
    let message = guard.admit().unwrap_err();
    let message = message.to_string();
    assert!(message.contains("MemoryMax="), "{message}");
    assert!(message.contains("allows this process 4.0 MiB"), "{message}");
}

#[test]
fn a_larger_model_is_allowed_only_within_the_budget() {
    let mut guard = guard();
    let larger = |mib: usize| Memory {
        mapped: mib << 20,
        ..MEMORY
    };
    assert_eq!(guard.allows(MEMORY), Ok(()));
    assert_eq!(guard.allows(larger(30)), Ok(()));
    assert!(guard.allows(larger(60)).is_err());
    let before = guard.need().total();
    guard.changed(larger(30));
    assert_eq!(guard.need().total() - before, 2 << 20);
    guard.changed(MEMORY);
    assert_eq!(guard.need().total(), before);
}

#[test]
fn trouble_is_noticed_and_its_end_too() {
    let mut guard = guard();
    let seen = |rss_mb, stalled| Reading {
        budget_mb: 48,
        resident: Resident {
            rss_mb,
            ..Resident::default()
        },
        pressure: Some(Pressure {
            stalled: Some(stalled),
            ..Pressure::default()
        }),
    };
    guard.judge(seen(40.0, 0.0));
    assert!(!guard.over && !guard.pressed);
    guard.judge(seen(50.0, 20.0));
    assert!(guard.over && guard.pressed);
    guard.judge(seen(40.0, 7.0));
    assert!(!guard.over && guard.pressed);
    guard.judge(seen(40.0, 1.0));
    assert!(!guard.pressed);
}
