use super::*;

fn lists(lists: &[&[&str]]) -> Subscriptions {
    let list = |list: &&[&str]| list.iter().map(|filter| filter.to_string()).collect();
    Subscriptions::new(&lists.iter().map(list).collect::<Vec<_>>())
}

fn all(subscriptions: &mut Subscriptions, now: Instant) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(filters) = subscriptions.next(now) {
        found.extend(filters.into_iter().map(String::from));
    }
    found
}

#[test]
fn each_group_is_asked_once_a_connection_in_parts_of_eight() {
    let now = Instant::now();
    let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let mut subscriptions = Subscriptions::new(&[vec!["a".into()], vec![], many]);
    let mut sizes = Vec::new();
    while let Some(filters) = subscriptions.next(now) {
        sizes.push(filters.len());
    }
    assert_eq!(sizes, [1, 8, 8, 4]);
    for _ in 0..4 {
        assert!(subscriptions.answered(&[true], now).is_empty());
    }
    assert!(subscriptions.ended(now).0.is_empty());
    assert_eq!(all(&mut subscriptions, now).len(), 21);
}

#[test]
fn only_what_was_asked_for_and_not_refused_is_covered() {
    let now = Instant::now();
    let mut subscriptions = lists(&[&["a/command/+"], &["b", "c"]]);
    assert!(!subscriptions.cover("a/command/pause"));
    all(&mut subscriptions, now);
    for (topic, covered) in [
        ("a/command/pause", true),
        ("a/command/", true),
        ("a/command", false),
        ("a/command/pause/now", false),
        ("b", true),
        ("c", true),
        ("b/c", false),
        ("", false),
        ("+", false),
    ] {
        assert_eq!(subscriptions.cover(topic), covered, "{topic}");
    }
    subscriptions.answered(&[true], now);
    subscriptions.answered(&[true, false], now);
    assert!(subscriptions.cover("b") && !subscriptions.cover("c"));
    // Asked for again, it may come before the answer.
    all(&mut subscriptions, now + AGAIN);
    assert!(subscriptions.cover("c"));
    subscriptions.ended(now);
    assert!(!subscriptions.cover("b") && !subscriptions.cover("a/command/pause"));
}

#[test]
fn a_subscription_without_an_answer_is_overdue() {
    let now = Instant::now();
    let mut subscriptions = lists(&[&["a"], &["b"]]);
    assert_eq!(subscriptions.overdue_at(), None);
    all(&mut subscriptions, now);
    assert_eq!(subscriptions.overdue_at(), Some(now + PATIENCE));
    subscriptions.answered(&[true], now);
    subscriptions.answered(&[true], now);
    assert_eq!(subscriptions.overdue_at(), None);
}

#[test]
fn a_refused_group_is_named_once_and_asked_again() {
    let now = Instant::now();
    let mut subscriptions = lists(&[&["a"], &["b"]]);
    assert_eq!(all(&mut subscriptions, now), ["a", "b"]);
    assert!(subscriptions.answered(&[true], now).is_empty());
    assert_eq!(subscriptions.answered(&[false], now), ["b"]);
    assert!(all(&mut subscriptions, now).is_empty());
    assert_eq!(subscriptions.due_at(), Some(now + AGAIN));
    assert_eq!(all(&mut subscriptions, now + AGAIN), ["b"]);
    assert_eq!(subscriptions.due_at(), None);
    assert!(subscriptions.answered(&[false], now).is_empty());
    assert_eq!(all(&mut subscriptions, now + AGAIN), ["b"]);
    subscriptions.answered(&[true], now);
    subscriptions.ended(now);
    all(&mut subscriptions, now);
    subscriptions.answered(&[true], now);
    assert_eq!(subscriptions.answered(&[false], now), ["b"]);
}

#[test]
fn a_group_that_costs_the_connection_twice_rests_alone() {
    let now = Instant::now();
    let mut subscriptions = lists(&[&["a"], &["b"], &["c"]]);
    all(&mut subscriptions, now);
    assert!(subscriptions.ended(now).0.is_empty());
    // One at a time from now on: the broker accepts the first and closes at the second.
    assert_eq!(all(&mut subscriptions, now), ["a"]);
    subscriptions.answered(&[true], now);
    assert_eq!(all(&mut subscriptions, now), ["b"]);
    assert_eq!(subscriptions.ended(now), (vec!["b".into()], AGAIN));
    assert_eq!(all(&mut subscriptions, now), ["a"]);
    subscriptions.answered(&[true], now);
    assert_eq!(all(&mut subscriptions, now), ["c"]);
    subscriptions.answered(&[true], now);
    assert!(all(&mut subscriptions, now).is_empty());
    // After its rest one more failure is enough for a longer one.
    assert_eq!(subscriptions.due_at(), Some(now + AGAIN));
    assert_eq!(all(&mut subscriptions, now + AGAIN), ["b"]);
    assert_eq!(subscriptions.ended(now + AGAIN), (vec!["b".into()], REST));
    // The broker had broken down, and accepts it now.
    let later = now + AGAIN + REST;
    assert_eq!(all(&mut subscriptions, later), ["a"]);
    subscriptions.answered(&[true], later);
    assert_eq!(all(&mut subscriptions, later), ["b"]);
    subscriptions.answered(&[true], later);
    assert_eq!(all(&mut subscriptions, later), ["c"]);
    subscriptions.ended(later);
    all(&mut subscriptions, later);
    assert_eq!(subscriptions.ended(later).1, AGAIN);
}

#[test]
fn a_message_that_is_too_large_silences_the_least_trusted() {
    let now = Instant::now();
    let mut subscriptions = lists(&[&["a"], &["b"]]);
    all(&mut subscriptions, now);
    subscriptions.answered(&[true], now);
    subscriptions.answered(&[true], now);
    assert_eq!(subscriptions.too_large(now), ["b"]);
    subscriptions.ended(now);
    assert_eq!(all(&mut subscriptions, now), ["a"]);
    subscriptions.answered(&[true], now);
    // It was the first one.
    assert_eq!(subscriptions.too_large(now), ["a"]);
    subscriptions.ended(now);
    assert!(all(&mut subscriptions, now).is_empty());
    assert_eq!(all(&mut subscriptions, now + REST), ["a", "b"]);
}
