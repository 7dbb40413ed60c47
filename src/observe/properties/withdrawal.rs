//! A state that is taken back, and one that goes on with other settings.

use super::*;

#[test]
fn a_withdrawn_label_returns_after_as_many_frames_as_at_first() {
    let mut observer = Observer::new(&unsmoothed(2), &names(2));
    let scene = [A, A];
    assert_eq!(
        updates(&mut observer, &scene)[1].as_deref(),
        Some("label 0!")
    );
    observer.withdraw();
    observer.withdraw();
    assert_eq!(observer.current(), None);
    assert_eq!(observer.step(A, 2, at(9.0)), None);
    let Some(Update::Return(statement)) = observer.step(A, 3, at(10.0)) else {
        panic!("the same label is no change");
    };
    assert_eq!((statement.label, statement.since), ("label 0", at(9.0)));
}

#[test]
fn another_label_after_a_withdrawal_tells_what_was_before() {
    let mut observer = Observer::new(&unsmoothed(1), &names(2));
    observer.step(A, 0, at(0.0));
    observer.withdraw();
    let update = observer.step(B, 1, at(0.1)).expect("one frame is enough");
    assert!(
        matches!(
            update,
            Update::Change {
                previous: Some("label 0"),
                ..
            }
        ),
        "{update:?}"
    );
}

#[test]
fn smoothing_starts_over_after_a_withdrawal() {
    let config = Config {
        smoothing: 60.0,
        ..unsmoothed(1)
    };
    let mut observer = Observer::new(&config, &names(2));
    observer.step(A, 0, at(0.0));
    observer.withdraw();
    observer.step(B, 1, at(0.1));
    assert_eq!(observer.current().and_then(|s| s.score), Some(0.9));
}

#[test]
fn other_settings_keep_the_state_and_publish_it_again() {
    let config = unsmoothed(1);
    let mut observer = Observer::new(&config, &names(2));
    observer.step(A, 0, at(0.0));
    let rule = config.rule(&Rule::default());
    observer.configure(&config, rule);
    assert_eq!(observer.step(A, 1, at(1.0)), None);
    observer.configure(&Config { top: 1, ..config }, rule);
    let Some(Update::Heartbeat(statement)) = observer.step(A, 2, at(2.0)) else {
        panic!("the settings are other ones");
    };
    assert_eq!((statement.top.len(), statement.since), (1, at(0.0)));
    assert_eq!(observer.step(A, 3, at(3.0)), None);
    let strict = Rule {
        threshold: 0.95,
        release: 0.95,
        ..rule
    };
    observer.configure(&unsmoothed(1), strict);
    let Some(Update::Change { statement, .. }) = observer.step(A, 4, at(4.0)) else {
        panic!("the label lost its support");
    };
    assert_eq!(statement.index, None);
}
