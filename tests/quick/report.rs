//! `replay --report`: the page as a file that a browser opens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::replay::{BLUE, GREY, RED, SURE, classifier_of_colours, paint};
use crate::support::program::{IN_THE_RECORDING, Ran, command, goldcrest, signal};

const GREEN: [u8; 3] = [0, 255, 0];

/// The data of the page at `path`.
fn data(page: &str) -> Value {
    let mark = "<script type=\"application/json\" id=\"goldcrest-data\">";
    let (_, data) = page.split_once(mark).expect("the page has its data");
    let (data, _) = data.split_once("</script>").unwrap();
    serde_json::from_str(data).expect("it is JSON")
}

/// Fails unless each element of `page` that needs an end has it, in the right place.
fn is_balanced(page: &str) {
    const VOID: [&str; 4] = ["meta", "img", "br", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (tag, after) = rest[at + 1..].split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {open:?}");
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap();
        if VOID.contains(&name) {
            continue;
        }
        // Without what stands between quotes.
        let names: String = tag.split('"').step_by(2).collect();
        let handler = names.split(' ').find(|name| name.starts_with("on"));
        assert_eq!(handler, None, "{tag}");
        open.push(name);
        // Text that is no HTML.
        if ["script", "style"].contains(&name) {
            let end = rest.find(&format!("</{name}>")).expect("it ends");
            rest = &rest[end..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Fails if `page` could load or run anything that is not in it.
fn is_by_itself(page: &str) {
    for wrong in ["http://", "https://", "@import", "javascript:"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    let (head, _) = page.split_once("</style>").unwrap();
    assert!(!head.contains("url("));
    for part in page.split(" src=\"").skip(1) {
        assert!(part.starts_with("data:image/jpeg;base64,"));
    }
    assert!(page.contains("default-src 'none'; img-src data:; style-src 'sha256-"));
    assert!(!page.contains("unsafe-inline"));
}

/// A folder with a toy classifier and `report.html` in it.
struct Bench {
    folder: tempfile::TempDir,
    config: [String; 2],
}

impl Bench {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = classifier_of_colours(folder.path(), more);
        Self { folder, config }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paint(&self, name: &str, colour: [u8; 3]) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        paint(path, colour);
    }

    fn arguments(&self, recording: &str, page: &str, more: &[&str]) -> Vec<String> {
        let (recording, page) = (self.at(recording), self.at(page));
        let mut arguments: Vec<String> = vec!["replay".into()];
        arguments.extend(self.config.clone());
        arguments.extend([
            recording.to_str().unwrap().into(),
            "--report".into(),
            page.to_str().unwrap().into(),
        ]);
        arguments.extend(more.iter().map(|more| more.to_string()));
        arguments
    }

    fn run(&self, recording: &str, page: &str, more: &[&str]) -> Ran {
        let arguments = self.arguments(recording, page, more);
        goldcrest(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Writes a page and reads it.
    fn page(&self, recording: &str, page: &str, more: &[&str]) -> String {
        let ran = self.run(recording, page, more);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let page = fs::read_to_string(self.at(page)).unwrap();
        is_balanced(&page);
        is_by_itself(&page);
        page
    }
}

#[test]
fn the_data_of_the_page_is_what_json_prints() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bottles.html");
    let out = out.to_str().unwrap();
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--json",
        "--report",
        out,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("\nreport    "), "{}", ran.stderr);
    let page = fs::read_to_string(out).unwrap();
    is_balanced(&page);
    is_by_itself(&page);
    assert!(page.len() < 1_000_000, "{}", page.len());
    let data = data(&page);
    let printed: Vec<Value> = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(data["frames"], Value::from(printed));
    assert_eq!(data["frames_form"], "full");
    let verdict = data["verdict"].as_str().unwrap();
    assert!(
        verdict.starts_with(&format!("{IN_THE_RECORDING} for ")),
        "{verdict}"
    );
    // Sixty frames are less than the strip has room for.
    assert_eq!(
        page.matches("<div class=\"run ").count(),
        data["runs"].as_array().unwrap().len()
    );
    assert!(page.matches("<img ").count() >= 60);
    let mode = fs::metadata(out).unwrap().permissions().mode();
    assert_eq!(mode & 0o133, 0, "{mode:o}");
}

#[test]
fn two_pages_of_a_recording_have_the_same_frames() {
    let bench = Bench::new(SURE);
    for (name, colour) in [("1", RED), ("2", BLUE), ("3", GREY), ("4", GREEN)] {
        bench.paint(&format!("film/{name}.png"), colour);
    }
    let [first, second] =
        ["a.html", "b.html"].map(|page| data(&bench.page("film", page, &["--fps", "2"])));
    for key in ["frames", "runs", "labels", "verdict", "model", "rule"] {
        assert_eq!(first[key], second[key], "{key}");
    }
}

#[test]
fn folders_of_labels_make_a_table_of_right_and_wrong() {
    let bench = Bench::new(SURE);
    for n in 0..5 {
        bench.paint(&format!("sorted/red/{n}.png"), RED);
        bench.paint(&format!("sorted/none/{n}.png"), GREY);
    }
    bench.paint("sorted/blue/monday/1.png", BLUE);
    bench.paint("sorted/blue/2.png", GREEN);
    bench.paint("sorted/mauve/1.png", RED);
    let page = bench.page("sorted", "a.html", &[]);
    let data = data(&page);
    let accuracy = &data["accuracy"];
    assert_eq!(
        (&accuracy["right"], &accuracy["of"]),
        (&11.into(), &13.into())
    );
    // R: binom.test(11, 13)$conf.int is 0.5455 to 0.9808.
    let interval = accuracy["interval"].as_array().unwrap();
    assert!(
        (interval[0].as_f64().unwrap() - 0.5455).abs() < 1e-3,
        "{interval:?}"
    );
    assert!(
        (interval[1].as_f64().unwrap() - 0.9808).abs() < 1e-3,
        "{interval:?}"
    );
    assert_eq!(
        data["verdict"],
        "11 of 13 pictures right (85 %, 95 % interval 55–98 %)."
    );
    assert!(page.contains("has the label mauve: no picture there can be right"));
    assert!(page.contains("blue, seen as green") && page.contains("mauve, seen as red"));
    assert!(page.contains("<td class=\"n right\">5</td>"), "{page}");
    let paths: Vec<&str> = data["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["path"].as_str().unwrap())
        .collect();
    assert!(paths[0].ends_with("sorted/blue/2.png"), "{paths:?}");
    let seqs = data["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["seq"].as_u64().unwrap());
    assert!(seqs.eq(0..13));
}

#[test]
fn pictures_in_folders_of_labels_have_no_pace() {
    let bench = Bench::new(SURE);
    bench.paint("sorted/red/1.png", RED);
    let ran = bench.run("sorted", "a.html", &["--fps", "5"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (64, ""));
    assert!(
        ran.stderr.contains("leave out --realtime and --fps"),
        "{}",
        ran.stderr
    );
}

#[test]
fn names_that_are_html_are_shown_as_text() {
    let bench = Bench::new(SURE);
    let evil = "<script>alert(1)<img src=x onerror=alert(2)>";
    bench.paint(&format!("{evil}/{evil}/1 {evil}.png"), RED);
    bench.paint(&format!("{evil}/red/\u{202e}gnp.png"), BLUE);
    let page = bench.page(evil, "a.html", &[]);
    assert_eq!(page.matches("<script").count(), 2);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains('\u{202e}'));
    assert_eq!(data(&page)["name"], evil);
}

#[test]
fn what_changed_since_an_earlier_page_is_shown() {
    let bench = Bench::new(SURE);
    for (n, colour) in [RED, RED, BLUE, GREY].into_iter().enumerate() {
        bench.paint(&format!("pictures/{n}.png"), colour);
    }
    bench.page("pictures", "a.html", &[]);
    let config = fs::read_to_string(bench.at("config.toml")).unwrap();
    fs::write(bench.at("config.toml"), config.replace("0.5", "0.9")).unwrap();
    let earlier = bench.at("a.html");
    let compare = ["--compare", earlier.to_str().unwrap()];
    let page = bench.page("pictures", "b.html", &compare);
    assert!(page.contains("3 pictures had another label then"), "{page}");
    assert!(page.contains("red → unknown") && page.contains("blue → unknown"));
    assert!(
        page.contains("<th scope=\"row\">model</th>") && page.contains("<td class=\"n\">same</td>")
    );
    // A page may take the place of the one that it is compared with.
    let page = bench.page("pictures", "a.html", &compare);
    assert!(page.contains("red → unknown"));
    let page = bench.page("pictures", "a.html", &compare);
    assert!(page.contains("was published under the same label"));

    bench.paint("others/1.png", RED);
    let page = bench.page("others", "c.html", &compare);
    assert!(page.contains("of another recording, pictures"));
}

#[test]
fn what_is_no_earlier_page_is_refused_in_one_line() {
    let bench = Bench::new(SURE);
    bench.paint("pictures/1.png", RED);
    let good = bench.page("pictures", "good.html", &[]);
    let write = |name: &str, text: &str| fs::write(bench.at(name), text).unwrap();
    write("foreign.html", "<!DOCTYPE html><p>hello");
    write("cut.html", &good.replacen("{\"v\":1", "{\"v\":1,", 1));
    write("large.html", &" ".repeat((16 << 20) + 1));
    fs::write(bench.at("bytes.html"), [0xff, 0xfe]).unwrap();
    write("open.html", &good);
    fs::set_permissions(bench.at("open.html"), fs::Permissions::from_mode(0o666)).unwrap();
    for (name, code, says) in [
        ("foreign.html", 65, "no page that"),
        ("cut.html", 65, "damaged"),
        ("large.html", 65, "larger than"),
        ("bytes.html", 65, "not UTF-8"),
        ("missing.html", 66, "No such file"),
        ("open.html", 78, "open.html"),
    ] {
        let earlier = bench.at(name);
        let ran = bench.run(
            "pictures",
            "out.html",
            &["--compare", earlier.to_str().unwrap()],
        );
        assert_eq!(ran.code, code, "{name}: {}", ran.stderr);
        let last = ran.stderr.lines().last().unwrap();
        assert!(
            last.starts_with("goldcrest: --compare ") && last.contains(says),
            "{name}: {last}"
        );
        assert!(!bench.at("out.html").exists(), "{name}");
    }
    let ran = goldcrest(&["replay", "x", "--compare", "y.html"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
}

#[test]
fn a_page_replaces_a_page_and_nothing_else() {
    let bench = Bench::new(SURE);
    bench.paint("pictures/1.png", RED);
    bench.page("pictures", "a.html", &[]);
    bench.page("pictures", "a.html", &[]);
    fs::write(bench.at("notes.txt"), "mine").unwrap();
    for (place, code) in [("notes.txt", 64), ("pictures", 64), ("nowhere/a.html", 74)] {
        let ran = bench.run("pictures", place, &[]);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (code, ""),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(bench.at("notes.txt")).unwrap(), "mine");
    let beside: Vec<_> = fs::read_dir(bench.folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 7, "{beside:?}");
}

#[test]
fn masks_are_black_in_the_pictures_of_the_page() {
    let bench = Bench::new(&format!("{SURE}[vision]\nmasks = [[0.0, 0.0, 0.5, 1.0]]\n"));
    bench.paint("pictures/1.png", [250, 250, 250]);
    let page = bench.page("pictures", "a.html", &[]);
    let pictures = page.split("data:image/jpeg;base64,").skip(1);
    let mut seen = 0;
    for picture in pictures {
        let (picture, _) = picture.split_once('"').unwrap();
        let picture = STANDARD.decode(picture).unwrap();
        let picture = image::load_from_memory(&picture).unwrap().into_rgb8();
        let (width, height) = picture.dimensions();
        assert!(
            picture
                .get_pixel(width / 4, height / 2)
                .0
                .iter()
                .all(|c| *c < 20)
        );
        assert!(
            picture
                .get_pixel(3 * width / 4, height / 2)
                .0
                .iter()
                .all(|c| *c > 200)
        );
        seen += 1;
    }
    // In the strip, and among the uncertain ones.
    assert_eq!(seen, 2);
}

#[test]
fn frames_that_cannot_be_read_are_counted_on_the_page() {
    let bench = Bench::new(SURE);
    bench.paint("pictures/1.png", RED);
    fs::write(bench.at("pictures/2.jpg"), "no picture").unwrap();
    let page = bench.page("pictures", "a.html", &[]);
    assert!(page.contains("1 passed over"), "{page}");
    fs::create_dir(bench.at("broken")).unwrap();
    fs::write(bench.at("broken/1.jpg"), "no picture").unwrap();
    let ran = bench.run("broken", "b.html", &[]);
    assert_eq!(ran.code, 65, "{}", ran.stderr);
    let page = fs::read_to_string(bench.at("b.html")).unwrap();
    is_balanced(&page);
    assert!(page.contains("No picture could be read."));
}

#[test]
fn a_replay_that_is_interrupted_leaves_its_page() {
    let bench = Bench::new(SURE);
    for n in 0..100 {
        bench.paint(&format!("film/{n}.png"), RED);
    }
    let arguments = bench.arguments("film", "a.html", &["--fps", "5", "--realtime"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut run = command(&arguments);
    let mut child = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    // The label is known after a few frames.
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    assert!(line.contains("red"), "{line}");
    signal(child.id(), "INT");
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130));
    let page = fs::read_to_string(bench.at("a.html")).unwrap();
    is_balanced(&page);
    assert!(page.contains("Interrupted before the end of the recording."));
    assert!(data(&page)["frames_seen"].as_u64().unwrap() < 100);
}

#[test]
fn one_picture_has_a_page() {
    let bench = Bench::new(SURE);
    bench.paint("1.png", RED);
    let page = bench.page("1.png", "a.html", &[]);
    assert_eq!(data(&page)["name"], "1.png");
    assert_eq!(
        data(&page)["verdict"],
        "red in 1 of 1 picture; never unknown."
    );
}
