use std::collections::HashMap;

use super::*;
use tempfile::TempDir;

fn entry(file: &str, elapsed: u64) -> String {
    format!(
        r#"{{"file":"{file}","seq":0,"elapsed_us":{elapsed},"captured":"2026-01-02T03:04:05Z","format":"JPEG","width":4,"height":3,"bytes":9}}"#
    )
}

#[test]
fn a_line_that_cannot_be_read_costs_that_line_alone() {
    let folder = TempDir::new().unwrap();
    let bad_time = entry("c.jpg", 3).replace("2026-01-02T03:04:05Z", "yesterday");
    let mut data = Vec::new();
    for line in [
        br#"{"v":1,"program":"goldcrest"}"#.as_slice(),
        entry("a.jpg", 10).as_bytes(),
        b"\xff\xfe no text",
        b"{\"file\": 7}",
        bad_time.as_bytes(),
        b"",
        entry("b.jpg", 30).as_bytes(),
        &entry("d.jpg", 50).as_bytes()[..20],
    ] {
        data.extend(line);
        data.extend(b"\r\n");
    }
    std::fs::write(folder.path().join(NAME), data).unwrap();
    let mut times = HashMap::new();
    let there = visit(folder.path(), true, |file, captured| {
        times.insert(file.to_string(), captured);
    });
    assert!(there.unwrap());
    let of = |file: &str| times.get(file).map(|time| time.elapsed.as_micros());
    assert_eq!(
        (of("a.jpg"), of("b.jpg"), times.len()),
        (Some(0), Some(20), 2)
    );
}

#[test]
fn a_folder_without_a_manifest_has_no_times() {
    let folder = TempDir::new().unwrap();
    let there = visit(folder.path(), true, |_, _| panic!("it names a file"));
    assert!(!there.unwrap());
}

/// The times of the files of a manifest, in microseconds.
fn times(manifest: &[u8]) -> HashMap<String, u128> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(NAME), manifest).unwrap();
    let mut times = HashMap::new();
    let there = visit(folder.path(), true, |file, captured| {
        times.insert(file.to_string(), captured.elapsed.as_micros());
    });
    assert!(there.unwrap());
    times
}

#[test]
fn lines_that_are_out_of_order_keep_their_times() {
    let lines = [("b.jpg", 30), ("a.jpg", 10), ("c.jpg", 25)];
    let lines: Vec<String> = lines.map(|(file, time)| entry(file, time)).into();
    let found = times(lines.join("\n").as_bytes());
    let wanted = [("a.jpg", 0), ("b.jpg", 20), ("c.jpg", 15)];
    assert_eq!(found, wanted.map(|(file, time)| (file.into(), time)).into());
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let mut manifest = vec![b' '; 3 << 20];
    let end = format!("{}\n{}\n", entry("a.jpg", 10), entry("b.jpg", 30));
    manifest.extend(end.as_bytes());
    let mut line = Vec::new();
    let mut file = &*manifest;
    let mut whole = Vec::new();
    loop {
        match next_line(&mut file, &mut line).unwrap() {
            Line::End => break,
            Line::Whole => whole.push(line.clone()),
            Line::TooLong => {}
        }
        assert!(
            line.capacity() <= 2 * MAX_LINE as usize,
            "{}",
            line.capacity()
        );
    }
    // What follows on the long line is no line of its own.
    assert_eq!(whole.len(), 1);
    assert_eq!(times(&manifest), [("b.jpg".to_string(), 0)].into());
}
