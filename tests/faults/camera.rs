//! A camera over HTTP that gets into trouble when it is told to, and counts what it sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

use crate::random::Random;
use crate::support::program::root;
use crate::support::web::{Conn, STREAM, Server, part};

/// The longest silence that the daemon allows a stream, in seconds.
pub const TIMEOUT: f64 = 2.0;
/// How long a hung camera waits at most for the daemon to give up.
const GIVE_UP: Duration = Duration::from_secs(60);

/// What happens to a stream.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// The stream ends between two pictures.
    End,
    /// The stream ends within a picture.
    Cut,
    /// Nothing comes for a while, shorter than the time-out.
    Pause(Duration),
    /// Nothing comes any more.
    Hang,
    /// The same, in the middle of a picture.
    HangWithin,
    /// Pictures come as fast as they are taken.
    Burst(u64),
    /// Pictures that are none.
    Damaged(Damage, u64),
    /// Bytes between two pictures that belong to none.
    Junk,
    /// Dark pictures.
    Dark(u64),
    /// The same picture, bit for bit.
    Same(u64),
}

/// What is wrong with a picture.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    /// Half of it is missing.
    Half,
    /// Its header claims a size of 0.
    Header,
    /// It is larger than was computed for.
    Large,
    /// It comes in several scans.
    Progressive,
}

/// How the camera refuses a connection.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// With this status.
    Status(&'static str),
    /// By closing it.
    Closed,
    /// By silence.
    Silence,
    /// With a page instead of pictures.
    Page,
}

/// What was sent since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Whole pictures.
    pub whole: u64,
    /// Damaged ones.
    pub damaged: u64,
    /// Pictures of which nobody can know whether the daemon got them, because it closed the
    /// connection when nothing was wrong.
    pub unsure: u64,
    /// Connections.
    pub connections: u64,
}

/// A scene is two pictures that differ too little for the gate.
type Scene = [Vec<u8>; 2];

struct Orders {
    trouble: Option<Trouble>,
    refusal: Option<(Instant, Refusal)>,
    sent: Sent,
    random: Random,
    scenes: Vec<Scene>,
    dark: Scene,
    damaged: [Vec<u8>; 4],
}

/// The camera.
pub struct Camera {
    server: Server,
    orders: Arc<Mutex<Orders>>,
}

impl Camera {
    /// A camera whose scenes `seed` decides.
    pub fn start(seed: u64) -> Self {
        let orders = Arc::new(Mutex::new(Orders {
            trouble: None,
            refusal: None,
            sent: Sent::default(),
            random: Random::new(seed),
            scenes: scenes(),
            dark: [2, 3].map(|level| jpeg(&RgbImage::from_pixel(640, 360, Rgb([level; 3])), 80)),
            damaged: damaged(),
        }));
        let of_server = Arc::clone(&orders);
        let way = move |conn: &mut Conn| serve(conn, &of_server);
        Self {
            server: Server::start(Arc::new(way)),
            orders,
        }
    }

    pub fn url(&self) -> String {
        self.server.url("/video")
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// Gets into trouble at the next picture. Trouble that has not begun is forgotten.
    pub fn meets(&self, trouble: Trouble) {
        lock(&self.orders).trouble = Some(trouble);
    }

    /// Ends the stream, and refuses others for so long.
    pub fn refuses(&self, time: Duration, refusal: Refusal) {
        let mut orders = lock(&self.orders);
        orders.refusal = Some((Instant::now() + time, refusal));
        orders.trouble = Some(Trouble::End);
    }

    pub fn sent(&self) -> Sent {
        lock(&self.orders).sent
    }
}

fn lock(orders: &Mutex<Orders>) -> std::sync::MutexGuard<'_, Orders> {
    orders.lock().unwrap_or_else(PoisonError::into_inner)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut data = Vec::new();
    JpegEncoder::new_with_quality(&mut data, quality)
        .encode_image(picture)
        .expect("a picture can be encoded");
    data
}

/// Ten bottles and four plain walls.
fn scenes() -> Vec<Scene> {
    let bottles = (20..30).map(|n| {
        let path = root().join(format!("tests/recordings/bottles/bottles-{n}.jpg"));
        image::open(path).expect("a picture").into_rgb8()
    });
    let walls = (0..4).map(|n| RgbImage::from_pixel(640, 360, Rgb([90 + 30 * n; 3])));
    let twice = |picture: RgbImage| [80, 82].map(|quality| jpeg(&picture, quality));
    let mut all: Vec<Scene> = bottles.chain(walls).map(twice).collect();
    for scene in &mut all {
        // A picture of one colour may be the same in both qualities.
        if scene[0] == scene[1] {
            let picture = image::load_from_memory(&scene[0]).expect("a picture");
            let mut picture = picture.into_rgb8();
            picture.put_pixel(0, 0, Rgb([0; 3]));
            scene[1] = jpeg(&picture, 82);
        }
    }
    all
}

fn damaged() -> [Vec<u8>; 4] {
    let read = |path: &str| std::fs::read(root().join(path)).expect("a picture");
    let whole = read("tests/recordings/bottles/bottles-20.jpg");
    let mut headless = whole.clone();
    let size = whole.windows(2).position(|pair| pair == [0xff, 0xc0]);
    let size = size.expect("a frame's header") + 5;
    headless[size..size + 4].fill(0);
    [
        whole[..whole.len() / 2].to_vec(),
        headless,
        read("tests/corpus/mjpeg/1080p-420.jpg"),
        read("tests/reference/jpeg/progressive.jpg"),
    ]
}

/// Answers one connection.
fn serve(conn: &mut Conn, orders: &Mutex<Orders>) {
    let refusal = {
        let mut orders = lock(orders);
        orders.sent.connections += 1;
        let holds = |(until, _): &(Instant, Refusal)| Instant::now() < *until;
        orders.refusal.filter(holds).map(|(_, refusal)| refusal)
    };
    if let Some(refusal) = refusal {
        refuse(conn, refusal);
        return;
    }
    if !conn.send(STREAM.as_bytes()) {
        return;
    }
    let mut stream = Stream {
        conn,
        orders,
        frames: 0,
    };
    while stream.scene() {}
}

fn refuse(conn: &mut Conn, refusal: Refusal) {
    match refusal {
        Refusal::Status(status) => {
            conn.send(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
        }
        Refusal::Closed => {}
        Refusal::Silence => hang(conn),
        Refusal::Page => {
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Log in first</p>");
        }
    }
}

/// Waits until the daemon gives up.
fn hang(conn: &mut Conn) {
    conn.wait(GIVE_UP);
}

/// A connection that carries pictures.
struct Stream<'a> {
    conn: &'a mut Conn,
    orders: &'a Mutex<Orders>,
    frames: usize,
}

impl Stream<'_> {
    /// Shows a scene for a while. Returns false at the end of the stream.
    fn scene(&mut self) -> bool {
        let (scene, length) = {
            let mut orders = lock(self.orders);
            let orders = &mut *orders;
            let length = orders.random.between(5, 25);
            (orders.random.pick(&orders.scenes).clone(), length)
        };
        for _ in 0..length {
            let trouble = lock(self.orders).trouble.take();
            if !self.picture(&scene) || !trouble.is_none_or(|trouble| self.meet(trouble, &scene)) {
                return false;
            }
        }
        true
    }

    /// Sends the next picture of a scene and waits a tenth of a second.
    fn picture(&mut self, scene: &Scene) -> bool {
        self.send(scene) && self.wait(Duration::from_millis(80))
    }

    fn send(&mut self, scene: &Scene) -> bool {
        self.frames += 1;
        let sent = self.conn.send(&part(&scene[self.frames % 2]));
        let mut orders = lock(self.orders);
        if sent {
            orders.sent.whole += 1;
        } else {
            orders.sent.unsure += 1;
        }
        sent
    }

    fn wait(&mut self, time: Duration) -> bool {
        let there = self.conn.wait(time);
        if !there {
            // What was sent in the time-out before may not have been read.
            lock(self.orders).sent.unsure += 10 * TIMEOUT as u64;
        }
        there
    }

    fn damaged(&mut self, bytes: &[u8]) -> bool {
        let sent = self.conn.send(&part(bytes));
        lock(self.orders).sent.damaged += 1;
        sent
    }

    /// Meets trouble. Returns false if the stream is over with it.
    fn meet(&mut self, trouble: Trouble, scene: &Scene) -> bool {
        let half = |picture: &[u8]| picture[..picture.len() / 2].to_vec();
        match trouble {
            Trouble::End => false,
            Trouble::Cut => {
                self.damaged(&half(&scene[0]));
                false
            }
            Trouble::Pause(time) => self.wait(time),
            Trouble::Hang => {
                hang(self.conn);
                false
            }
            Trouble::HangWithin => {
                self.damaged(&half(&scene[0]));
                hang(self.conn);
                false
            }
            Trouble::Burst(count) => (0..count).all(|_| self.send(scene)),
            Trouble::Damaged(damage, count) => {
                let bytes = lock(self.orders).damaged[damage as usize].clone();
                (0..count).all(|_| self.damaged(&bytes) && self.picture(scene))
            }
            Trouble::Junk => self.conn.send(&[b'x'; 5000]),
            Trouble::Dark(count) => {
                let dark = lock(self.orders).dark.clone();
                (0..count).all(|_| self.picture(&dark))
            }
            Trouble::Same(count) => {
                let same = [scene[0].clone(), scene[0].clone()];
                (0..count).all(|_| self.picture(&same))
            }
        }
    }
}
