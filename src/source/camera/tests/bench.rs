//! A camera on the fake kernel, stepped until it streams or is lost.

use std::sync::Arc;
use std::time::Duration;

use super::fake::Fake;
use crate::frame::Frame;
use crate::source::camera::system::System;
use crate::source::camera::{Camera, Config};
use crate::source::{Cause, FrameCounters, Next, Source, SourceState};

/// A camera on a kernel of its own, and the frame that it fills.
pub struct Bench {
    pub fake: Fake,
    pub camera: Camera,
    pub frame: Frame,
}

impl Bench {
    pub fn new(fake: Fake, config: Config) -> Self {
        let camera = Camera::on(Arc::new(fake.clone()), config);
        Self {
            fake,
            camera,
            frame: Frame::empty(),
        }
    }

    pub fn webcam() -> Self {
        Self::new(Fake::with_webcam(), plain())
    }

    pub fn step(&mut self) -> bool {
        match self.camera.next(&mut self.frame).unwrap() {
            Next::Frame => true,
            Next::Idle => false,
            Next::End => panic!("a camera never ends"),
        }
    }

    pub fn now(&self) -> Duration {
        self.fake.now()
    }

    /// Steps until a frame comes; gives the time that it took.
    pub fn frame_within(&mut self, limit: Duration) -> Duration {
        let begin = self.now();
        while !self.step() {
            let waited = self.now() - begin;
            assert!(waited < limit, "no frame, {:?}", self.camera.status());
        }
        assert_eq!(self.camera.status().state, SourceState::Streaming);
        assert_eq!(self.camera.status().loss, None);
        self.now() - begin
    }

    /// Steps until the camera is lost; gives the cause and the time that it took.
    pub fn lost_within(&mut self, limit: Duration) -> (Cause, Duration) {
        let begin = self.now();
        loop {
            let came = self.step();
            if self.camera.status().state == SourceState::Lost {
                assert!(!came);
                return (self.cause(), self.now() - begin);
            }
            assert!(self.now() - begin < limit, "it still streams");
        }
    }

    pub fn cause(&self) -> Cause {
        self.camera.status().loss.as_ref().unwrap().cause
    }

    pub fn message(&self) -> String {
        self.camera.status().loss.as_ref().unwrap().message.clone()
    }

    pub fn counters(&self) -> FrameCounters {
        self.camera.status().counters.clone()
    }

    /// Steps for so long.
    pub fn run(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.step();
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.fake.world().queued_twice, 0);
        }
    }
}

/// No frames to skip.
pub fn plain() -> Config {
    Config {
        skip: 0,
        ..Config::default()
    }
}

pub const SECOND: Duration = Duration::from_secs(1);

/// The time within which a loss must be reported.
pub const TIMEOUT_AND_ONE: Duration = Duration::from_secs(4);
