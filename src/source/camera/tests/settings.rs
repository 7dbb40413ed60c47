//! Controls, the list of cameras, and what others are told.

use v4l::v4l_sys as sys;

use super::bench::{Bench, SECOND, plain};
use super::fake::{Call, Fake, FakeCamera};
use crate::source::camera::config::ControlValue;
use crate::source::camera::survey;
use crate::source::camera::system::Control;
use crate::source::{Cause, SourceState};

fn control(id: u32, name: &str, kind: u32, max: i32) -> Control {
    Control {
        id,
        name: name.into(),
        kind,
        flags: 0,
        min: 0,
        max,
    }
}

#[test]
fn controls_are_set_by_name_in_an_order_that_works() {
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        camera.controls = vec![
            control(
                1,
                "Power Line Frequency",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU,
                2,
            ),
            control(
                2,
                "Auto Focus, Manual",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN,
                1,
            ),
            control(
                3,
                "Absolute Focus",
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER,
                250,
            ),
            control(4, "Gain", sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER, 100),
        ];
        camera.menu = vec!["Disabled".into(), "50 Hz".into(), "60 Hz".into()];
        // The first in order is locked by a later one.
        camera.locked_by.insert(3, 2);
    });
    let text = "skip = 0\n[controls]\npower_line_frequency = '50 hz'\nauto_focus_manual = true\n\
                absolute_focus = 30\ngain = 101\nzoom = 1";
    let mut bench = Bench::new(fake, toml::from_str(text).unwrap());
    bench.frame_within(SECOND);
    let set = bench.fake.world().cameras[0].control_values.clone();
    assert_eq!(set, [(1, 1), (2, 1), (3, 30)].into());
    assert_eq!(
        bench.camera.status().remarks,
        [
            "control gain: must be 0 to 100, and is 101",
            "control zoom: this camera has none of that name, only power_line_frequency, auto_focus_manual, absolute_focus, gain"
        ]
    );
}

#[test]
fn a_menu_without_the_entry_names_those_it_has() {
    let fake = Fake::with_webcam();
    fake.webcam(|camera| {
        let menu = sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU;
        camera.controls = vec![control(1, "Power Line Frequency", menu, 1)];
        camera.menu = vec!["Disabled".into(), "50 Hz".into()];
    });
    let mut config = plain();
    config.controls.insert(
        "power_line_frequency".into(),
        ControlValue::Entry("70 Hz".into()),
    );
    let mut bench = Bench::new(fake, config);
    bench.frame_within(SECOND);
    let remarks = &bench.camera.status().remarks;
    assert_eq!(
        remarks[0],
        "control power_line_frequency: has no \"70 Hz\", only \"Disabled\", \"50 Hz\""
    );
}

#[test]
fn the_survey_names_each_node_and_says_why_one_is_chosen() {
    let fake = Fake::with_webcam();
    let mut metadata = FakeCamera::webcam("/dev/video1");
    metadata.capability.flags = sys::V4L2_CAP_META_CAPTURE;
    fake.world().cameras.push(metadata);
    let survey = survey::on(&fake, &plain(), usize::MAX);
    assert_eq!(
        survey.to_string(),
        "/dev/video0: Test Webcam (uvcvideo)\n\
         \x20 YUYV 320x240 at 30, 10, 5 fps\n  YUYV 640x480 at 30, 10, 5 fps\n\
         \x20 MJPG 320x240 at 30, 10, 5 fps\n  MJPG 640x480 at 30, 10, 5 fps\n\
         /dev/video1 carries metadata, not pictures; use /dev/video0 (Test Webcam)\n"
    );
    assert_eq!(
        survey.choice.unwrap().to_string(),
        "/dev/video0 (Test Webcam), YUYV 640x480 at 10.0 fps: \
         the size asked for, fast enough, and cheaper to read than MJPG"
    );
    fake.world().cameras.clear();
    let survey = survey::on(&fake, &plain(), usize::MAX);
    assert_eq!(survey.loss.unwrap().cause, Cause::NotFound);
    assert_eq!(fake.world().descriptors, 0);
}

#[test]
fn a_monitor_sees_from_elsewhere_what_the_camera_is() {
    let mut bench = Bench::webcam();
    let monitor = bench.camera.monitor();
    let mut seen = 0;
    assert_eq!(monitor.change(&mut seen).unwrap().state, SourceState::Lost);
    assert!(monitor.change(&mut seen).is_none());
    bench.frame_within(SECOND);
    assert_eq!(
        monitor.change(&mut seen).unwrap().state,
        SourceState::Streaming
    );
    bench.frame_within(SECOND);
    assert!(monitor.change(&mut seen).is_none());
    assert_eq!(monitor.status().counters.delivered, 2);
    assert_eq!(monitor.status().counters, bench.counters());
    bench.fake.fail(Call::Dequeue, libc::ENODEV, 1);
    bench.lost_within(SECOND);
    let seen = serde_json::to_value(monitor.status()).unwrap();
    assert_eq!(seen["state"], "lost");
    assert_eq!(seen["loss"]["cause"], "unplugged");
    assert_eq!(seen["mode"]["fourcc"], "YUYV");
    assert_eq!(seen["counters"]["bad"], serde_json::json!({}));
}

#[test]
fn a_loss_that_is_over_is_still_reported() {
    let mut bench = Bench::webcam();
    let monitor = bench.camera.monitor();
    let mut seen = 0;
    bench.frame_within(SECOND);
    while monitor.change(&mut seen).is_some() {}
    bench.fake.fail(Call::Dequeue, libc::ENODEV, 1);
    bench.lost_within(SECOND);
    bench.frame_within(SECOND);
    let told: Vec<_> = std::iter::from_fn(|| monitor.change(&mut seen)).collect();
    let states: Vec<_> = told.iter().map(|status| status.state).collect();
    assert_eq!(states, [SourceState::Lost, SourceState::Streaming]);
    assert_eq!(told[0].loss.as_ref().unwrap().cause, Cause::Unplugged);

    // However long nobody looks, little is kept, and it ends with what is true now.
    for _ in 0..100 {
        bench.fake.fail(Call::Dequeue, libc::EIO, 1);
        bench.lost_within(SECOND);
        bench.frame_within(SECOND);
    }
    let told: Vec<_> = std::iter::from_fn(|| monitor.change(&mut seen)).collect();
    assert_eq!(told.len(), 8);
    assert_eq!(told[7].losses, 101);
    assert_eq!(told[7].state, SourceState::Streaming);
}
