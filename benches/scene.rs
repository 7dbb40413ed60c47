//! How well a taught scene tells a camera that was moved from all else.
//!
//! ```text
//! cargo bench --bench scene -- FOLDER     pictures of as many places, one of each, 240 pixels high or more
//! ```
//!
//! Of each picture the middle, 70 % of both sides, is the camera's view, so that there is something
//! beside it. The scene is learnt from six frames in different light, three of which show another
//! picture in a fifth of the view: a door that is open. Then the view is compared under what must not
//! raise an alarm, and after moves that must. The bound is chosen on every second place, and the
//! table shows the others, with the bound that Goldcrest has.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::vision::{self, MOVED, Preparer, Scene};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};

#[path = "support/scenery.rs"]
mod scenery;

use scenery::{Chance, Pose, View};

/// What is done to a view of a place.
type Change = fn(&mut View, &[&RgbImage; 2], &mut Chance);

/// What must not raise an alarm.
const SAME: [(&str, Change); 16] = [
    ("nothing", |_, _, _| {}),
    ("light x 0.3", |v, _, r| v.light(0.3, 0.0).noise(5.0, r)),
    ("light x 0.15, noise 8", |v, _, r| v.light(0.15, 0.0).noise(8.0, r)),
    ("light x 0.08, noise 8", |v, _, r| v.light(0.08, 0.0).noise(8.0, r)),
    ("light x 1.5, clipped", |v, _, _| v.light(1.5, 20.0)),
    ("infrared grey", |v, _, _| v.infrared()),
    ("infrared, dark, noise 8", |v, _, r| {
        v.infrared();
        v.light(0.3, 5.0).noise(8.0, r);
    }),
    ("rain", |v, _, r| v.rain(r)),
    ("person, 25 % of the view", |v, others, r| v.person(others[1], r)),
    ("person, infrared", |v, others, r| {
        v.person(others[1], r);
        v.infrared();
    }),
    ("headlights at night", |v, _, r| v.headlights(r)),
    ("shadow over half", |v, _, r| v.shadow(r)),
    ("snow on the ground", |v, _, _| v.snow()),
    ("door open", |v, others, _| v.door(others[0])),
    ("wind, 2 % of the width", |v, _, r| v.pose(Pose::shifted(0.02, r.angle()))),
    ("JPEG of quality 40", |v, _, _| v.jpeg(40)),
];

/// What must.
const MOVES: [(&str, Change); 17] = [
    ("8 % across", |v, _, r| v.pose(Pose::across(0.08 * r.sign()))),
    ("8 % down", |v, _, r| v.pose(Pose::down(0.08 * r.sign()))),
    ("12 % across", |v, _, r| v.pose(Pose::across(0.12 * r.sign()))),
    ("20 %, any way", |v, _, r| v.pose(Pose::shifted(0.2, r.angle()))),
    ("turned by 5 degrees", |v, _, r| v.pose(Pose::turned(5.0 * r.sign()))),
    ("turned by 8 degrees", |v, _, r| v.pose(Pose::turned(8.0 * r.sign()))),
    ("turned by 15 degrees", |v, _, r| v.pose(Pose::turned(15.0 * r.sign()))),
    ("zoom x 1.15", |v, _, _| v.pose(Pose::zoomed(1.15))),
    ("zoom / 1.15", |v, _, _| v.pose(Pose::zoomed(1.0 / 1.15))),
    ("zoom x 1.3", |v, _, _| v.pose(Pose::zoomed(1.3))),
    ("zoom / 1.3", |v, _, _| v.pose(Pose::zoomed(1.0 / 1.3))),
    ("8 % and 5 degrees", |v, _, r| {
        v.pose(Pose {
            degrees: 5.0 * r.sign(),
            ..Pose::across(0.08 * r.sign())
        });
    }),
    ("another place", |v, others, _| v.instead(others[1])),
    ("12 %, infrared", |v, _, r| {
        v.pose(Pose::across(0.12 * r.sign()));
        v.infrared();
    }),
    ("12 %, light x 0.15", |v, _, r| {
        v.pose(Pose::across(0.12 * r.sign()));
        v.light(0.15, 0.0).noise(8.0, r);
    }),
    ("12 %, person", |v, others, r| {
        v.pose(Pose::across(0.12 * r.sign()));
        v.person(others[1], r);
    }),
    ("12 %, JPEG of quality 40", |v, _, r| {
        v.pose(Pose::across(0.12 * r.sign()));
        v.jpeg(40);
    }),
];

fn main() {
    let folders = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let mut paths: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| Some(scaled(&image::open(path).ok()?.to_rgb8()));
    let places: Vec<RgbImage> = paths.iter().filter_map(read).collect();
    if places.len() < 8 {
        eprintln!("scene: name a folder of at least eight pictures, one of each place");
        return;
    }
    let mut bench = Bench::new();
    let mut fits = [Vec::new(), Vec::new()];
    for (number, place) in places.iter().enumerate() {
        let other = |step: usize| &places[(number + step) % places.len()];
        let others = [other(places.len() / 3 + 1), other(places.len() / 2 + 2)];
        for (kind, of) in [&SAME[..], &MOVES[..]].iter().zip(&mut fits) {
            of.push(bench.fits(number, place, &others, kind));
        }
    }
    report(&fits);
    let looks = places.len() * (SAME.len() + MOVES.len());
    let each = bench.spent.as_secs_f64() * 1e3 / looks as f64;
    println!("\n{} places; one comparison takes {each:.2} ms", places.len());
    println!("a scene takes {} bytes in a head", Scene::new().to_bytes().len());
}

/// The picture at 480 pixels of width at most.
fn scaled(picture: &RgbImage) -> RgbImage {
    let width = picture.width().min(480);
    let height = picture.height() * width / picture.width();
    imageops::resize(picture, width, height, FilterType::Triangle)
}

/// What each kind's fits are, for each place.
type Fits = Vec<Vec<Option<f32>>>;

struct Bench {
    preparer: Preparer,
    input: Input,
    spent: Duration,
}

impl Bench {
    fn new() -> Self {
        let input = Input {
            width: 128,
            height: 128,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            resize: Resize::Squash,
        };
        Self {
            preparer: Preparer::new(&vision::Config::default(), &input),
            input,
            spent: Duration::ZERO,
        }
    }

    /// The fit of the view of `place` after each change.
    fn fits(
        &mut self,
        number: usize,
        place: &RgbImage,
        others: &[&RgbImage; 2],
        changes: &[(&str, Change)],
    ) -> Vec<Option<f32>> {
        let mut chance = Chance::new(number as u64);
        let door = chance.door();
        let mut scene = Scene::new();
        for frame in 0..6 {
            let mut view = View::new(place, door);
            if frame % 2 == 1 {
                view.door(others[0]);
            }
            view.light(0.7 + 0.1 * frame as f32, 0.0).noise(3.0, &mut chance);
            let picture = self.prepare(&view);
            scene.learn(&picture, &self.input);
        }
        // As it comes out of a head.
        let scene = Scene::from_bytes(&scene.to_bytes()).expect("its own form");
        let mut present = Scene::new();
        let mut fits = Vec::new();
        for (_, change) in changes {
            let mut view = View::new(place, door);
            change(&mut view, others, &mut chance);
            view.noise(3.0, &mut chance);
            let picture = self.prepare(&view);
            let start = Instant::now();
            present.see(&picture, &self.input);
            fits.push(scene.fit(&present));
            self.spent += start.elapsed();
        }
        fits
    }

    /// The model's input of a view, as the daemon makes it.
    fn prepare(&mut self, view: &View) -> Vec<f32> {
        let picture = view.picture();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut frame = Frame::empty();
        frame.format = PixelFormat::Rgb24;
        (frame.width, frame.height, frame.stride) = (width, height, 3 * width);
        frame.data = picture.into_raw().into();
        if let Some(quality) = view.quality {
            let mut jpeg = Vec::new();
            let rgb = image::ExtendedColorType::Rgb8;
            JpegEncoder::new_with_quality(&mut jpeg, quality)
                .encode(&frame.data, width as u32, height as u32, rgb)
                .expect("memory for a JPEG");
            (frame.format, frame.stride) = (PixelFormat::Jpeg, 0);
            frame.data = jpeg.into();
        }
        let input = self.preparer.prepare(frame.view());
        input.expect("a picture").to_vec()
    }
}

/// Prints the bound that every second place would choose, and the rates of the others.
fn report([same, moves]: &[Fits; 2]) {
    let half = |fits: &Fits, odd: usize| -> Vec<f32> {
        let places = fits.iter().skip(odd).step_by(2);
        let mut all: Vec<f32> = places.flatten().copied().flatten().collect();
        all.sort_by(f32::total_cmp);
        all
    };
    let (still, moved) = (half(same, 0), half(moves, 0));
    let wrong = |bound: f32| {
        let alarms = still.partition_point(|&fit| fit < bound) as f32 / still.len() as f32;
        let missed = 1.0 - moved.partition_point(|&fit| fit < bound) as f32 / moved.len() as f32;
        alarms + missed
    };
    let bounds = (30..60).map(|hundredths| hundredths as f32 / 100.0);
    let best: Vec<f32> = bounds.clone().filter(|&b| bounds.clone().all(|c| wrong(b) <= wrong(c))).collect();
    println!("bounds that part the first half best: {best:?}; Goldcrest has {MOVED}\n");
    println!("{:<28} {:>8} {:>9} {:>22}", "the other half", "moved", "no word", "fit: least, median, most");
    for (kinds, fits) in [(&SAME[..], same), (&MOVES[..], moves)] {
        for (kind, (name, _)) in kinds.iter().enumerate() {
            let places: Vec<_> = fits.iter().skip(1).step_by(2).map(|fits| fits[kind]).collect();
            let mut told: Vec<f32> = places.iter().copied().flatten().collect();
            told.sort_by(f32::total_cmp);
            let share = |count: usize| 100.0 * count as f32 / places.len() as f32;
            let moved = told.partition_point(|&fit| fit < MOVED);
            let at = |index: usize| told.get(index).copied().unwrap_or(f32::NAN);
            println!(
                "{name:<28} {:>6.1} % {:>7.1} % {:>10.2} {:>5.2} {:>5.2}",
                share(moved),
                share(places.len() - told.len()),
                at(0),
                at(told.len() / 2),
                at(told.len().saturating_sub(1)),
            );
        }
        println!();
    }
}
