//! Damaged bundles, cards, heads and ONNX files. Damage comes with and without checksums that fit,
//! so that the checks behind them are reached, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use goldcrest::engine::{
    self, Card, Class, Classifier, Engine, Error, Head, HexDigest, Known, Prepared, Quality, Rule,
    Taught, bundle, pack, read_head, write_head,
};
use goldcrest::meter::heap;
use prost::Message;
use sha2::{Digest, Sha256};
use tract_onnx::pb::{GraphProto, ModelProto};

use crate::sample::{Shape, model};
use crate::support::{Cases, Ended, Random, alone, settles};
use crate::whole::remade;

/// Cases of the runs that are part of all tests.
const CARDS: u64 = 6_000;
const HEADS: u64 = 6_000;
const MANIFESTS: u64 = 4_000;
const BUNDLES: u64 = 3_000;
const GRAPHS: u64 = 3_000;

/// The most heap of a case, whatever the file claims. A card is parsed as a table of TOML, a
/// manifest of at most 256 KiB too; a head is read whole and held; a bundle that is accepted is
/// run, and tract plans it; a graph of at most 64 MiB is decoded, of files that here have 60 KiB.
const CARD_HEAP: i64 = 1 << 20;
const HEAD_HEAP: i64 = 1 << 20;
const BUNDLE_HEAP: i64 = 4 << 20;
const GRAPH_HEAP: i64 = 16 << 20;

/// The smallest network that has all kinds of layers.
fn small() -> Shape {
    Shape {
        side: 16,
        depths: vec![1, 1],
        widths: vec![5, 16],
        classes: 3,
    }
}

/// A network of that shape in a folder of its own, with its card and its bundle.
struct Bench {
    folder: tempfile::TempDir,
    onnx: PathBuf,
    network: ModelProto,
    card: Vec<u8>,
    labels: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let onnx = folder.path().join("small.onnx");
        let network = model(&small());
        fs::write(&onnx, network.encode_to_vec()).unwrap();
        let sha256 = engine::sha256(&onnx).unwrap();
        let card = format!(
            "v = 1\nname = \"small\"\nsha256 = \"{sha256}\"\n[input]\nwidth = 16\nheight = 16\nmean = [0.5, 0.5, 0.5]\n\
             std = [0.25, 0.25, 0.25]\nresize = \"squash\"\n[calibration]\ntemperature = 1.0\n"
        );
        let bench = Self {
            card: card.into(),
            labels: b"one\ntwo\nthree\n".to_vec(),
            folder,
            onnx,
            network,
        };
        bench.restore();
        pack::pack(&bench.onnx, &bench.file(bundle::NAME)).unwrap();
        bench
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn restore(&self) {
        fs::write(self.file("model.toml"), &self.card).unwrap();
        fs::write(self.file("labels.txt"), &self.labels).unwrap();
    }
}

/// Does one kind of damage to any bytes.
fn damage(random: &mut Random, data: &mut Vec<u8>) {
    if data.is_empty() {
        data.push(random.byte());
    }
    let at = random.below(data.len());
    match random.below(8) {
        0 => data[at] ^= 1 << random.below(8),
        1 => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', 0x1b, b'"'][random.below(8)],
        2 => data.truncate(at),
        3 => drop(data.drain(random.part(data))),
        4 => {
            let part = data[random.part(data)].to_vec();
            data.splice(at..at, part);
        }
        5 => {
            let part = random.part(data);
            data[part].fill([0, 0xff, random.byte()][random.below(3)]);
        }
        6 => {
            let length = 4.min(data.len() - at);
            let number = random.next() as u32 >> random.below(32);
            data[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
        }
        _ => drop(data.splice(
            at..at,
            std::iter::repeat_n(random.byte(), random.below(300)),
        )),
    }
}

/// Numbers that sizes, offsets and scales go wrong with.
const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "3",
    "15",
    "16",
    "17",
    "63",
    "64",
    "4096",
    "65535",
    "65536",
    "65537",
    "16777216",
    "67108865",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "nan",
    "inf",
    "-inf",
    "1e-45",
    "0.0",
];

/// Puts another number, or another text, in the place of one in a file of TOML.
fn retype(random: &mut Random, text: &mut String) {
    let places: Vec<usize> = text.match_indices("= ").map(|(at, _)| at + 2).collect();
    let Some(&from) = places.get(random.below(places.len())) else {
        return;
    };
    let line = text[from..].find('\n').map_or(text.len(), |n| from + n);
    let value = match random.below(8) {
        0 => format!("[{}, {}]", number(random), number(random)),
        1 => format!("\"{}\"", "a\\u001b\\n../".repeat(random.below(60))),
        2 => {
            // One of a list.
            let old = text[from..line].to_string();
            old.replacen(|c: char| c.is_ascii_digit(), number(random), 1)
        }
        3 => "[".repeat(random.below(2000)),
        _ => number(random).into(),
    };
    text.replace_range(from..line, &value);
}

fn number(random: &mut Random) -> &'static str {
    NUMBERS[random.below(NUMBERS.len())]
}

/// How an error ends a case. One that is not told in a line, or with a character that a terminal
/// obeys, is a finding.
fn refused(error: &Error) -> &'static str {
    let text = error.to_string();
    assert!(
        !text.chars().any(char::is_control) && text.len() < 2000,
        "no line: {text:?}"
    );
    match error {
        Error::Io { .. } => "unreadable",
        Error::Model { .. } => "another model",
        Error::Bundle { .. } => "no bundle",
        Error::Head(_) => "no head",
        Error::Setup(_) => panic!("{text}"),
        Error::Run(_) => "does not run",
        _ => "refused",
    }
}

fn cards(cases: &Cases) {
    let _alone = alone();
    let bench = Bench::new();
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let (mut card, mut labels) = (bench.card.clone(), bench.labels.clone());
        for _ in 0..=random.below(3) {
            match random.below(3) {
                0 => damage(random, &mut labels),
                1 => damage(random, &mut card),
                _ => {
                    let mut text = String::from_utf8_lossy(&card).into_owned();
                    retype(random, &mut text);
                    card = text.into();
                }
            }
        }
        fs::write(bench.file("model.toml"), card).unwrap();
        fs::write(bench.file("labels.txt"), labels).unwrap();
        let outcome = match Card::read(&bench.onnx) {
            Ok(card) => {
                assert!(card.labels.iter().all(|l| !l.chars().any(char::is_control)));
                let folder = bundle::cache_folder(&card.sha256);
                assert!(folder.is_none_or(|f| f.ends_with(&*card.sha256)));
                "read"
            }
            Err(error) => refused(&error),
        };
        Ended {
            outcome,
            most: CARD_HEAP,
        }
    });
    settles(before + 4096);
}

/// Gives a head sums that fit.
fn seal_head(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len().saturating_sub(32));
    let sum = Sha256::digest(&bytes[..]);
    bytes.extend(sum);
}

fn taught() -> Taught {
    let class = |label: &str| Class {
        label: label.into(),
        examples: 4,
        bursts: 2,
        accuracy: Some(0.75),
        confused_with: Some("two".into()),
    };
    let known = Known {
        centre: vec![0.5; 16],
        kinds: vec![0.25; 32],
        far: -0.5,
        near: 0.5,
    };
    Taught {
        labels: vec!["one".into(), "two".into()],
        head: Head::taught(vec![0.5; 32], vec![0.0; 2], known).unwrap(),
        temperature: 1.0,
        rule: Rule {
            threshold: 0.5,
            release: 0.25,
            margin: 0.05,
        },
        quality: Quality {
            accuracy: Some(0.75),
            interval: [0.5, 0.9],
            classes: ["one", "two"].map(class).into(),
            warnings: vec!["add pictures of another day".into()],
        },
        scene: vec![7; 40],
        backbone: HexDigest::of(b"backbone"),
        made: UNIX_EPOCH + Duration::from_secs(1_735_732_800),
    }
}

fn heads(cases: &Cases) {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("porch.head");
    write_head(&path, &taught()).unwrap();
    let good = fs::read(&path).unwrap();
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            damage(random, &mut bytes);
        }
        if random.below(8) > 0 {
            seal_head(&mut bytes);
        }
        fs::write(&path, bytes).unwrap();
        let outcome = match read_head(&path) {
            Ok((mut taught, _)) => {
                taught.check().unwrap();
                let features = vec![0.5; taught.head.inputs()];
                taught.head.run(&features);
                "read"
            }
            Err(error) => refused(&error),
        };
        Ended {
            outcome,
            most: HEAD_HEAP,
        }
    });
    settles(before + 4096);
}

/// Opens what stands beside the model, and runs what opens.
fn try_bundle(path: &Path, card: &Card, input: &[f32]) -> &'static str {
    let prepared = match Prepared::read(path, card, 1) {
        Ok(prepared) => prepared,
        Err(error) => return refused(&error),
    };
    let memory = prepared.memory();
    if memory.arena + memory.maps > BUNDLE_HEAP as usize / 2 {
        return "over a budget";
    }
    let mut engine: Classifier = match prepared.open() {
        Ok(engine) => engine,
        Err(error) => return refused(&error),
    };
    assert_eq!(engine.describe().memory, Some(memory));
    engine.infer(input).unwrap();
    match engine.self_test() {
        Ok(()) => "runs",
        Err(error) => refused(&error),
    }
}

/// Bundles that `change` makes of a good one.
fn bundles(cases: &Cases, change: impl Fn(&mut Random, &Bench) -> Vec<u8>) {
    let _alone = alone();
    let bench = Bench::new();
    let card = Card::read(&bench.onnx).unwrap();
    let input = vec![0.5; 3 * 16 * 16];
    let path = bench.file("changed.bundle");
    let before = heap::now().live;
    cases.run(3, |_, random| {
        fs::write(&path, change(random, &bench)).unwrap();
        Ended {
            outcome: try_bundle(&path, &card, &input),
            most: BUNDLE_HEAP,
        }
    });
    settles(before + 64 * 1024);
}

/// Sums fit what the manifest says: only its own checks are between it and the kernels.
fn other_manifest(random: &mut Random, bench: &Bench) -> Vec<u8> {
    remade(bench.folder.path(), |_, manifest| {
        for _ in 0..=random.below(3) {
            if random.below(6) == 0 {
                let mut bytes = std::mem::take(manifest).into_bytes();
                damage(random, &mut bytes);
                *manifest = String::from_utf8_lossy(&bytes).into_owned();
            } else {
                retype(random, manifest);
            }
        }
    })
}

/// Damage anywhere, half of the time with sums that fit.
fn damaged_bundle(random: &mut Random, bench: &Bench) -> Vec<u8> {
    if random.below(2) == 0 {
        return remade(bench.folder.path(), |arrays, _| {
            let mut page = arrays.drain(..4096).collect::<Vec<u8>>();
            let length = arrays.len();
            damage(random, arrays);
            arrays.resize(length, 0);
            page.append(arrays);
            *arrays = page;
        });
    }
    let mut bytes = fs::read(bench.file(bundle::NAME)).unwrap();
    match random.below(3) {
        // The header, whose own sum fits.
        0 => {
            let at = 8 + random.below(56);
            bytes[at] = random.byte();
            crate::whole::seal(&mut bytes);
        }
        1 => {
            let at = random.below(4096);
            bytes[at] ^= 1 << random.below(8);
        }
        _ => damage(random, &mut bytes),
    }
    bytes
}

/// Damages a graph as its parts go: names, extents, types, order.
fn bend(random: &mut Random, graph: &mut GraphProto) {
    let (nodes, constants) = (graph.node.len(), graph.initializer.len());
    let (at, other) = (random.below(nodes), random.below(nodes));
    match random.below(10) {
        0 => graph.node.swap(at, other),
        1 => drop(graph.node.remove(at)),
        2 => {
            let copy = graph.node[other].clone();
            graph.node.insert(at, copy);
        }
        3 => {
            let name = graph.node[other].output[0].clone();
            let inputs = graph.node[at].input.len();
            graph.node[at].input[random.below(inputs)] = name;
        }
        4 => {
            let name = graph.node[other].output[0].clone();
            graph.node[at].output[0] = name;
        }
        5 => drop(graph.initializer.remove(random.below(constants))),
        6 => {
            let dims = &mut graph.initializer[random.below(constants)].dims;
            let value = [0, -1, 1, 16, i64::MAX, 1 << 32][random.below(6)];
            match random.below(3) {
                0 => dims.clear(),
                1 => dims.push(value),
                _ => dims.iter_mut().take(1).for_each(|d| *d = value),
            }
        }
        7 => {
            let tensor = &mut graph.initializer[random.below(constants)];
            damage(random, &mut tensor.raw_data);
        }
        8 => {
            // No columns or channels at all.
            let tensor = &mut graph.initializer[random.below(constants)];
            tensor.raw_data.clear();
            tensor.dims.iter_mut().for_each(|d| *d = 0);
        }
        _ => {
            let node = &mut graph.node[at];
            let count = node.attribute.len();
            if let Some(attribute) = node.attribute.get_mut(random.below(count)) {
                attribute.i = random.next() as i64;
                attribute.ints.iter_mut().for_each(|i| *i = *i * 2 - 1);
            }
        }
    }
}

fn graphs(cases: &Cases) {
    let _alone = alone();
    let bench = Bench::new();
    let whole = bench.network.encode_to_vec();
    let (path, out) = (bench.file("changed.onnx"), bench.file("out.bundle"));
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let mut bytes = if random.below(3) == 0 {
            whole.clone()
        } else {
            let mut network = bench.network.clone();
            let graph = network.graph.as_mut().unwrap();
            for _ in 0..=random.below(3) {
                bend(random, graph);
            }
            network.encode_to_vec()
        };
        if random.below(3) == 0 || bytes == whole {
            damage(random, &mut bytes);
        }
        fs::write(&path, bytes).unwrap();
        let outcome = match pack::pack(&path, &out) {
            Ok(_) => "packed",
            Err(Error::Run(why)) => panic!("it was packed and does not run: {why}"),
            Err(error) => match error.to_string() {
                text if text.contains("no ONNX model") || text.contains("not an ONNX") => "foreign",
                _ => refused(&error),
            },
        };
        Ended {
            outcome,
            most: GRAPH_HEAP,
        }
    });
    settles(before + 64 * 1024);
}

#[test]
fn damaged_cards_never_panic_or_take_memory() {
    cards(&Cases::few(CARDS));
}

#[test]
fn damaged_heads_never_panic_or_take_memory() {
    heads(&Cases::few(HEADS));
}

#[test]
fn other_manifests_never_panic_or_take_memory() {
    bundles(&Cases::few(MANIFESTS), other_manifest);
}

#[test]
fn damaged_bundles_never_panic_or_take_memory() {
    bundles(&Cases::few(BUNDLES), damaged_bundle);
}

#[test]
fn damaged_onnx_files_never_panic_or_take_memory() {
    graphs(&Cases::few(GRAPHS));
}

/// The input of 2048 pixels squared needs gigabytes of maps, and nothing was taken for it.
#[test]
fn a_bundle_that_claims_much_is_seen_through_for_little() {
    let _alone = alone();
    let bench = Bench::new();
    let large = remade(bench.folder.path(), |_, manifest| {
        *manifest = manifest
            .replace("height = 16\n", "height = 2048\n")
            .replace("width = 16\n", "width = 2048\n")
            .replace("height = 4\n", "height = 512\n")
            .replace("width = 4\n", "width = 512\n")
            .replace("height = 2\n", "height = 256\n")
            .replace("width = 2\n", "width = 256\n");
    });
    let path = bench.file("large.bundle");
    fs::write(&path, large).unwrap();
    let mut card = Card::read(&bench.onnx).unwrap();
    (card.input.width, card.input.height) = (2048, 2048);
    let before = heap::now().live;
    heap::forget_peak();
    let memory = Prepared::read(&path, &card, 4).unwrap().memory();
    let peak = heap::peak() - before;
    println!("{memory:?} for {peak} bytes of heap");
    assert!(memory.arena + memory.maps > 64 << 20, "{memory:?}");
    assert!(peak < 128 << 10, "{peak}");
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_cards() {
    cards(&Cases::many());
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_heads() {
    heads(&Cases::many());
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_other_manifests() {
    bundles(&Cases::many(), other_manifest);
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_bundles() {
    bundles(&Cases::many(), damaged_bundle);
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_onnx_files() {
    graphs(&Cases::many());
}
