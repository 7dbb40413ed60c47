//! How well heads are taught from few pictures, and how fast.
//!
//! `cargo bench --bench teach -- FOLDER [--episodes N] [--tests OTHER...]`
//! `cargo bench --bench teach -- --fit EXAMPLES LABELS TIMES`
//!
//! FOLDER has a file a kind, KIND.jsonl, as `goldcrest replay PICTURES --json --features` prints it.
//! An episode draws kinds to be the labels, and of each the given number of pictures as examples. The
//! other pictures of these kinds are the questions, and those of all other kinds are strangers. Each
//! OTHER is a folder of the same pictures under another condition, as `episodes/conditions.py` makes
//! them; a head that was taught on those of FOLDER is asked the pictures that it was not taught.
//! Tables are Markdown; shares are in percent.
//!
//! `--fit` needs no pictures: it fits a head to features that are made up, so many times, for
//! `benches/arm`, which counts what a processor does meanwhile.

mod episodes;
mod support;

use std::path::PathBuf;

use episodes::{Fault, Kind, Random, episode, kinds, known, options, told};
use goldcrest::teach::{Compact, Examples, Moment, fit};
use support::{Arguments, on_cpu};

fn main() -> Result<(), Fault> {
    let arguments = Arguments::new();
    if arguments.has("--fit") {
        let number = |n| -> Result<usize, Fault> {
            let word = arguments.after("--fit", n);
            Ok(word.ok_or("--fit needs three numbers")?.parse()?)
        };
        return fits(number(1)?, number(2)?, number(3)?);
    }
    let Some(folder) = arguments.path() else {
        println!(
            "give a folder of features: cargo bench --bench teach -- FOLDER [--episodes N] [--tests OTHER...]"
        );
        return Ok(());
    };
    let kinds = kinds(&folder)?;
    let episodes = arguments.number("--episodes", 100)?;
    println!("{} kinds, {episodes} episodes\n", kinds.len());
    accuracy(&kinds, episodes)?;
    strangers(&kinds, episodes)?;
    uneven(&kinds, episodes)?;
    bytes(&kinds, episodes)?;
    let others = (1..).map_while(|n| arguments.after("--tests", n).map(PathBuf::from));
    conditions(&kinds, &others.collect::<Vec<_>>(), episodes)?;
    times(&kinds)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

const SHOTS: [usize; 5] = [1, 5, 10, 20, 50];

fn accuracy(kinds: &[Kind], episodes: usize) -> Result<(), Fault> {
    println!(
        "| labels | examples | left out | other pictures | apart, each | interval holds | its width |"
    );
    println!("|---|---|---|---|---|---|---|");
    for labels in [2, 5, 10] {
        for shots in SHOTS {
            let mut random = Random(7 + shots as u64);
            let (mut left, mut others, mut apart) = (Vec::new(), Vec::new(), Vec::new());
            let (mut held, mut width) = (Vec::new(), Vec::new());
            for _ in 0..episodes {
                let mut episode =
                    episode(kinds, &vec![shots; labels], &mut random, <[f32]>::to_vec)?;
                let [right, ..] = known(&mut episode, kinds);
                let quality = &episode.taught.quality;
                let [low, high] = quality.interval.map(f64::from);
                // Shares of a few pictures are compared, with the rounding of f32.
                held.push(f64::from(u8::from(
                    low - 1e-6 <= right && right <= high + 1e-6,
                )));
                width.push(high - low);
                others.push(right);
                if let Some(accuracy) = quality.accuracy {
                    left.push(f64::from(accuracy));
                    apart.push((f64::from(accuracy) - right).abs());
                }
            }
            let or_none = |values: &[f64]| match values {
                [] => "-".into(),
                values => format!("{:.1}", 100.0 * mean(values)),
            };
            println!(
                "| {labels} | {shots} | {} | {:.1} | {} | {:.0} | {:.0} |",
                or_none(&left),
                100.0 * mean(&others),
                or_none(&apart),
                100.0 * mean(&held),
                100.0 * mean(&width)
            );
        }
    }
    Ok(())
}

/// Known pictures and strangers that the fitted rule claims, on all kinds and on each half of them,
/// which shows how much depends on the kinds.
fn strangers(kinds: &[Kind], episodes: usize) -> Result<(), Fault> {
    println!(
        "\n| kinds | labels | examples | known claimed | claimed and right | strangers claimed |"
    );
    println!("|---|---|---|---|---|---|");
    let half = |odd: usize| -> Vec<Kind> {
        let of = kinds.iter().skip(odd).step_by(2);
        of.map(|k| Kind {
            name: k.name.clone(),
            rows: k.rows.clone(),
        })
        .collect()
    };
    let halves = [half(0), half(1)];
    for (name, kinds) in [("all", kinds), ("even", &halves[0]), ("odd", &halves[1])] {
        for labels in [1, 2, 5, 10] {
            if labels + 2 > kinds.len() {
                continue;
            }
            for shots in SHOTS {
                let mut random = Random(11 + shots as u64);
                let (mut own, mut right, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
                for _ in 0..episodes.div_ceil(2) {
                    let mut episode =
                        episode(kinds, &vec![shots; labels], &mut random, <[f32]>::to_vec)?;
                    let [_, claimed, claimed_right] = known(&mut episode, kinds);
                    own.push(claimed);
                    right.push(claimed_right);
                    let strangers = (0..kinds.len()).filter(|k| !episode.drawn.contains(k));
                    let rows = strangers.flat_map(|k| &kinds[k].rows).step_by(5);
                    let hits: Vec<f64> = rows
                        .map(|row| f64::from(u8::from(told(&mut episode.taught, row).1)))
                        .collect();
                    foreign.push(mean(&hits));
                }
                println!(
                    "| {name} | {labels} | {shots} | {:.1} | {:.1} | {:.1} |",
                    100.0 * mean(&own),
                    100.0 * mean(&right),
                    100.0 * mean(&foreign)
                );
            }
        }
    }
    Ok(())
}

fn uneven(kinds: &[Kind], episodes: usize) -> Result<(), Fault> {
    println!("\n| examples of each label | balanced accuracy on other pictures | left out |");
    println!("|---|---|---|");
    for shots in [
        &[40, 4][..],
        &[22, 22],
        &[4, 4],
        &[40, 4, 4, 4, 4],
        &[40, 40, 40, 40, 4],
        &[12, 12, 12, 12, 12],
        &[33, 33, 33, 33, 33],
    ] {
        let mut random = Random(13);
        let (mut others, mut left) = (Vec::new(), Vec::new());
        for _ in 0..episodes {
            let mut episode = episode(kinds, shots, &mut random, <[f32]>::to_vec)?;
            others.push(known(&mut episode, kinds)[0]);
            left.push(f64::from(
                episode.taught.quality.accuracy.unwrap_or(f32::NAN),
            ));
        }
        let shots: Vec<String> = shots.iter().map(usize::to_string).collect();
        println!(
            "| {} | {:.1} | {:.1} |",
            shots.join(":"),
            100.0 * mean(&others),
            100.0 * mean(&left)
        );
    }
    Ok(())
}

/// Teaching from features that are kept as a byte each.
fn bytes(kinds: &[Kind], episodes: usize) -> Result<(), Fault> {
    println!("\n| 5 labels, examples | features in f32 | in a byte each |");
    println!("|---|---|---|");
    for shots in SHOTS {
        let of = |change: &dyn Fn(&[f32]) -> Vec<f32>| -> Result<f64, Fault> {
            let mut random = Random(17);
            let mut all = Vec::new();
            for _ in 0..episodes {
                let mut episode = episode(kinds, &[shots; 5], &mut random, change)?;
                all.push(known(&mut episode, kinds)[0]);
            }
            Ok(100.0 * mean(&all))
        };
        let compact = |row: &[f32]| {
            let mut out = vec![0.0; row.len()];
            Compact::of(row).expand(&mut out);
            out
        };
        let (full, small) = (of(&<[f32]>::to_vec)?, of(&compact)?);
        println!("| {shots} | {full:.2} | {small:.2} |");
    }
    Ok(())
}

/// Heads of pictures as they are, asked pictures of the same kinds under another condition.
fn conditions(kinds: &[Kind], folders: &[PathBuf], episodes: usize) -> Result<(), Fault> {
    if folders.is_empty() {
        return Ok(());
    }
    println!(
        "\n| condition, 5 labels | 5 examples: right | claimed | 20 examples: right | claimed |"
    );
    println!("|---|---|---|---|---|");
    for folder in folders {
        let asked = episodes::kinds(folder)?;
        let mut cells = Vec::new();
        for shots in [5, 20] {
            let mut random = Random(19);
            let (mut right, mut claimed) = (Vec::new(), Vec::new());
            for _ in 0..episodes {
                let mut episode = episode(kinds, &[shots; 5], &mut random, <[f32]>::to_vec)?;
                let [mut hits, mut claims, mut count] = [0.0; 3];
                for (label, (&k, others)) in episode.drawn.iter().zip(&episode.others).enumerate() {
                    let kind = asked.iter().find(|other| {
                        (&other.name, other.rows.len()) == (&kinds[k].name, kinds[k].rows.len())
                    });
                    let kind = kind.ok_or(format!("{} has other pictures", folder.display()))?;
                    for &i in others {
                        let (best, claim) = told(&mut episode.taught, &kind.rows[i]);
                        hits += f64::from(u8::from(best == label));
                        claims += f64::from(u8::from(claim));
                        count += 1.0;
                    }
                }
                right.push(hits / count);
                claimed.push(claims / count);
            }
            cells.push(format!(
                "{:.1} | {:.1}",
                100.0 * mean(&right),
                100.0 * mean(&claimed)
            ));
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// Fits `times` heads to features that are made up: each label has a direction of its own, and each
/// example much that is not its label's.
fn fits(count: usize, labels: usize, times: usize) -> Result<(), Fault> {
    let mut random = Random(29);
    let mut row = |spread: f32| -> Vec<f32> {
        let number = |random: &mut Random| spread * (random.below(2001) as f32 / 1000.0 - 1.0);
        (0..768).map(|_| number(&mut random)).collect()
    };
    let kinds: Vec<Vec<f32>> = (0..labels).map(|_| row(1.0)).collect();
    let mut examples = Examples::new((0..labels).map(|l| format!("label {l}")).collect(), 768)?;
    for i in 0..count {
        let noise = row(0.7);
        let pairs = kinds[i % labels].iter().zip(&noise);
        let features: Vec<f32> = pairs.map(|(kind, noise)| kind + noise).collect();
        let moment = Moment {
            group: i as u32,
            seconds: 0.0,
        };
        examples.push(i % labels, &features, moment)?;
    }
    for _ in 0..times {
        let taught = fit(&examples, &options())?;
        std::hint::black_box(&taught);
    }
    Ok(())
}

/// Times of a fit, of the processor alone.
fn times(kinds: &[Kind]) -> Result<(), Fault> {
    println!("\n| examples | labels | fit, ms | predicted memory, KiB |");
    println!("|---|---|---|---|");
    let width = kinds[0].rows[0].len();
    for (count, labels) in [
        (25, 5),
        (100, 5),
        (128, 5),
        (500, 2),
        (500, 10),
        (500, 50),
        (1000, 2),
        (1000, 10),
        (1000, 50),
        (2000, 10),
    ] {
        let names = (0..labels).map(|l| format!("label {l}")).collect();
        let mut examples = Examples::new(names, width)?;
        let mut random = Random(23);
        for i in 0..count {
            // More than there are pictures: real ones with noise, of which none is a copy.
            let rows = &kinds[i % labels % kinds.len()].rows;
            let row = &rows[random.below(rows.len())];
            let mut noisy = || random.below(2001) as f32 / 2000.0 - 0.5;
            let row: Vec<f32> = row.iter().map(|v| v + noisy()).collect();
            let moment = Moment {
                group: i as u32,
                seconds: 0.0,
            };
            examples.push(i % labels, &row, moment)?;
        }
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let begun = on_cpu();
            fit(&examples, &options())?;
            best = best.min(on_cpu() - begun);
        }
        let bytes = goldcrest::teach::memory(count, labels, width);
        println!("| {count} | {labels} | {best:.0} | {} |", bytes >> 10);
    }
    Ok(())
}
