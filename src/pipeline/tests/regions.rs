//! Several regions of one picture.

use super::*;
use crate::pipeline::outcome::Passed;
use crate::region;

/// A photometer that notes which head it was told to run at each inference.
struct Chosen {
    photometer: Photometer,
    place: usize,
    ran: Arc<std::sync::Mutex<Vec<usize>>>,
}

impl Engine for Chosen {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], engine::Error> {
        self.ran.lock().unwrap().push(self.place);
        self.photometer.infer(input)
    }

    fn describe(&self) -> &Description {
        self.photometer.describe()
    }

    fn choose(&mut self, place: usize) {
        self.place = place;
    }
}

/// The left and the right half of the picture, each looked at in one of `every` frames.
fn halves(every: u32) -> Vec<region::Config> {
    let half = |name: &str, left| region::Config {
        name: name.into(),
        crop: [left, 0.0, 0.5, 1.0],
        every,
        ..region::Config::default()
    };
    vec![half("left", 0.0), half("right", 0.5)]
}

/// A pipeline that looks at these regions, and the places at which its engine ran.
fn looking(
    regions: &[region::Config],
    gate: Option<GateConfig>,
) -> (Pipeline, Arc<std::sync::Mutex<Vec<usize>>>) {
    let card = card();
    let ran = Arc::default();
    let engine = Chosen {
        photometer: Photometer {
            logits: [0.0; 2],
            described: Description::default(),
            asked: Arc::default(),
        },
        place: usize::MAX,
        ran: Arc::clone(&ran),
    };
    let observe = observe::Config {
        heartbeat: 1.0,
        smoothing: 1.0,
        ..observe::Config::default()
    };
    let parts = Part::all(&vision::Config::default(), regions, Vec::new());
    let pipeline = Pipeline::of(parts, &observe, &card, Box::new(engine));
    let pipeline = match gate {
        Some(gate) => pipeline.gated_each(&gate),
        None => pipeline,
    };
    (pipeline, ran)
}

/// A picture of two halves of these levels.
fn two(seq: u64, left: u8, right: u8) -> Frame {
    let mut frame = frame(seq);
    let row = [vec![left; 32], vec![right; 32]].concat();
    frame.data = row.repeat(64).into();
    frame
}

/// What each look at a frame led to.
#[derive(Default)]
struct Heard {
    looks: Vec<(u64, String, usize)>,
    scores: Vec<Vec<f32>>,
    labels: Vec<(String, String)>,
    passed: Vec<Passed>,
    bad: u64,
}

impl Listener for Heard {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        let region = outcome.hashes.region.unwrap_or("whole").to_string();
        if outcome.classified() {
            self.looks
                .push((outcome.frame.seq, region.clone(), outcome.place));
            self.scores.push(outcome.scores.to_vec());
        }
        if let Some(observe::Update::Change { statement, .. }) = &outcome.update {
            self.labels.push((region, statement.label.to_string()));
        }
        Ok(())
    }

    fn passed(&mut self, _: &Frame, passed: Passed) {
        self.passed.push(passed);
    }

    fn bad_frame(&mut self, _: &Frame, _: &'static str, _: &dyn Display) -> io::Result<()> {
        self.bad += 1;
        Ok(())
    }
}

/// Takes these frames through `pipeline`.
fn hear(pipeline: &mut Pipeline, frames: impl IntoIterator<Item = Frame>) -> Heard {
    let mut heard = Heard::default();
    for mut frame in frames {
        pipeline.process(&mut frame, &mut [&mut heard]).unwrap();
    }
    heard
}

const CLASSIFIED: Passed = Passed::Classified { filled_in: false };

#[test]
fn two_regions_cost_two_inferences_and_have_each_its_label() {
    let (mut pipeline, ran) = looking(&halves(1), None);
    let heard = hear(&mut pipeline, (0..10).map(|seq| two(seq, 200, 60)));
    assert_eq!(*ran.lock().unwrap(), [0, 1].repeat(10));
    assert_eq!(
        heard.labels,
        [
            ("left".into(), "bright".into()),
            ("right".into(), "dim".into())
        ]
    );
    assert_eq!(heard.passed, [CLASSIFIED; 10]);
    let costs: Vec<_> = pipeline.looks().filter_map(|look| look.cost).collect();
    let counts = costs
        .iter()
        .map(|c| (c.inferences, c.still, c.passed, c.times.count()));
    assert_eq!(counts.collect::<Vec<_>>(), [(10, 0, 0, 10); 2]);
}

#[test]
fn a_region_gives_the_same_scores_as_its_crop_alone() {
    let regions = halves(1);
    let frames = || (0..6).map(|seq| two(seq, 200 - 20 * seq as u8, 60 + 9 * seq as u8));
    let (mut both, _) = looking(&regions, None);
    let both = hear(&mut both, frames());
    for (place, region) in regions.iter().enumerate() {
        let vision = region.seen(&vision::Config::default());
        let (mut alone, _) = pipeline(None);
        alone.set_view(
            &[(vision, 1)],
            &GateConfig {
                enabled: false,
                ..GateConfig::default()
            },
            &card().input,
        );
        let alone = hear(&mut alone, frames());
        let of_both: Vec<_> = both.scores.iter().skip(place).step_by(2).collect();
        assert_eq!(of_both, alone.scores.iter().collect::<Vec<_>>());
    }
}

/// A pipeline of both halves behind gates that close at once and open at motion alone, which has
/// seen twenty frames without any.
fn still() -> (Pipeline, Arc<std::sync::Mutex<Vec<usize>>>) {
    let gate = GateConfig {
        glances: 240.0,
        hold: 0.0,
        max_interval: 1000.0,
        ..GateConfig::default()
    };
    let (mut pipeline, ran) = looking(&halves(1), Some(gate));
    hear(&mut pipeline, (0..20).map(|seq| two(seq, 200, 60)));
    (pipeline, ran)
}

#[test]
fn motion_in_one_region_costs_no_inference_of_the_other() {
    let (mut pipeline, ran) = still();
    let before = ran.lock().unwrap().len();
    let heard = hear(
        &mut pipeline,
        (20..40).map(|seq| two(seq, 200 - seq as u8, 60)),
    );
    let ran = ran.lock().unwrap().split_off(before);
    assert!(
        ran.len() >= 2 && ran.iter().all(|place| *place == 0),
        "{ran:?}"
    );
    // A frame is classified if one region of it is.
    assert!(heard.passed.contains(&CLASSIFIED) && heard.passed.contains(&Passed::Still));
    let costs: Vec<_> = pipeline.looks().filter_map(|look| look.cost).collect();
    assert!(costs[0].inferences > costs[1].inferences);
    assert!(costs[1].still > costs[0].still);
}

#[test]
fn regions_in_turn_cost_one_inference_a_frame() {
    let (mut pipeline, ran) = looking(&halves(2), None);
    let heard = hear(&mut pipeline, (0..12).map(|seq| two(seq, 200, 60)));
    assert_eq!(*ran.lock().unwrap(), [0, 1].repeat(6));
    let seqs: Vec<_> = heard.looks.iter().map(|(seq, ..)| *seq).collect();
    assert_eq!(seqs, (0..12).collect::<Vec<_>>());
    assert_eq!(heard.labels.len(), 2);
}

#[test]
fn unrelated_pictures_are_every_regions_turn() {
    let (pipeline, ran) = looking(&halves(2), None);
    let heard = hear(&mut pipeline.stills(), (0..3).map(|seq| two(seq, 200, 60)));
    assert_eq!(*ran.lock().unwrap(), [0, 1].repeat(3));
    assert_eq!(heard.labels.len(), 6);
}

#[test]
fn a_frame_that_is_nobodys_turn_is_counted_and_costs_nothing() {
    let mut one = halves(3);
    one.pop();
    let (mut pipeline, ran) = looking(&one, None);
    let mut totals = Totals::default();
    for seq in 0..9 {
        let mut frame = two(seq, 200, 60);
        pipeline.process(&mut frame, &mut [&mut totals]).unwrap();
    }
    assert_eq!(*ran.lock().unwrap(), [0; 3]);
    assert_eq!(
        (totals.classified, totals.no_turn, totals.seen()),
        (3, 6, 9)
    );
    assert_eq!(pipeline.looks().next().unwrap().cost.unwrap().passed, 6);
}

#[test]
fn a_bad_frame_is_told_once_and_hides_no_motion() {
    let (mut pipeline, ran) = still();
    let before = ran.lock().unwrap().len();
    // The lower rows are missing, which the gate of the left region does not need to open.
    let mut cut = two(20, 100, 160);
    cut.data.own().truncate(60 * 64);
    let heard = hear(&mut pipeline, [cut, two(21, 100, 160)]);
    assert_eq!((heard.bad, heard.passed.len()), (1, 1));
    let ran = ran.lock().unwrap().split_off(before);
    assert_eq!(ran, [0, 1]);
}

#[test]
fn a_blind_pipeline_withdraws_the_label_of_each_region() {
    let (mut pipeline, _) = looking(&halves(1), None);
    let seen = hear(&mut pipeline, (0..5).map(|seq| two(seq, 200, 60)));
    assert_eq!(seen.labels.len(), 2);
    pipeline.set_blind(true);
    assert_eq!(
        hear(&mut pipeline, (5..9).map(|seq| two(seq, 200, 60))).labels,
        []
    );
    pipeline.set_blind(false);
    let mut returned = Collected::default();
    for seq in 9..14 {
        pipeline
            .process(&mut two(seq, 200, 60), &mut [&mut returned])
            .unwrap();
    }
    let labels: Vec<_> = returned.labels.iter().map(|(_, label)| &**label).collect();
    assert_eq!(labels, ["bright", "dim"]);
}

#[test]
fn a_json_line_names_its_region_and_without_regions_none() {
    let line = |pipeline: &mut Pipeline| {
        let mut out = Vec::new();
        let mut lines = JsonLines::new(&mut out, io::sink(), 1, false, false);
        pipeline
            .process(&mut two(0, 200, 60), &mut [&mut lines])
            .unwrap();
        lines.flush().unwrap();
        String::from_utf8(out).unwrap()
    };
    let both = line(&mut looking(&halves(1), None).0);
    let regions: Vec<serde_json::Value> = both
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&regions[0]["region"], &regions[1]["region"]),
        (&"left".into(), &"right".into())
    );
    assert_eq!(
        (&regions[0]["label"], &regions[1]["label"]),
        (&"bright".into(), &"dim".into())
    );
    assert!(!line(&mut pipeline(None).0).contains("region"));
}
