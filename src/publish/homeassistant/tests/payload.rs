//! What discovery messages hold.

use serde_json::Value;

use super::*;
use crate::publish::homeassistant::message::{self, Platforms};

fn checked(device: &Device) -> Value {
    lists::check(
        &device.discovery_topic(),
        &message::payload(device, true, &Platforms::new()),
    )
}

fn components(payload: &Value) -> Vec<&str> {
    let components = payload["components"].as_object().unwrap();
    components.keys().map(String::as_str).collect()
}

#[test]
fn everything_on_is_a_valid_device() {
    let device = device("front", all_on(), offer(&["open", "closed"]));
    let payload = checked(&device);
    assert_eq!(
        components(&payload),
        [
            "camera_problem",
            "change",
            "connection",
            "fps",
            "inference",
            "label",
            "latency",
            "log_level",
            "memory",
            "pause",
            "refresh",
            "reload",
            "score",
            "snapshot",
            "take_snapshot",
            "teach_accuracy",
            "teach_examples",
            "teach_label",
            "teach_new_label",
            "teach_take",
            "teach_undo",
            "temperature",
            "threshold",
            "unsent",
            "uptime",
        ]
    );
    assert_eq!(payload["device"]["name"], "Goldcrest front");
    assert_eq!(payload["device"]["identifiers"][0], "goldcrest_front_1234");
    assert_eq!(
        payload["components"]["label"]["unique_id"],
        "front_1234_label"
    );
    assert_eq!(
        payload["components"]["pause"]["command_topic"],
        "goldcrest/front/command/pause"
    );
}

#[test]
fn everything_off_has_neither_controls_nor_pictures() {
    let device = device("front", Abilities::default(), offer(&["open"]));
    let payload = checked(&device);
    assert_eq!(
        components(&payload),
        [
            "camera_problem",
            "change",
            "connection",
            "fps",
            "inference",
            "label",
            "latency",
            "memory",
            "score",
            "unsent",
            "uptime",
        ]
    );
    assert!(!payload.to_string().contains("command"));
}

#[test]
fn a_command_that_is_not_allowed_has_no_control() {
    for (command, control) in [
        ("resume", "pause"),
        ("threshold", "threshold"),
        ("reload", "reload"),
        ("snapshot", "take_snapshot"),
        ("log_level", "log_level"),
        ("health", "refresh"),
    ] {
        let mut abilities = all_on();
        abilities.commands.retain(|allowed| allowed != command);
        let payload = checked(&device("front", abilities, offer(&["open"])));
        assert!(!components(&payload).contains(&control), "{command}");
    }
    let unsnapped = Abilities {
        snapshot: false,
        ..all_on()
    };
    let payload = checked(&device("front", unsnapped, offer(&["open"])));
    assert!(!payload.to_string().contains("snapshot"));
    let mut unallowed = all_on();
    unallowed.commands.retain(|allowed| allowed != "teach");
    let disabled = Abilities {
        teach: false,
        ..all_on()
    };
    for abilities in [unallowed, disabled] {
        let payload = checked(&device("front", abilities, offer(&["open"])));
        assert!(!payload.to_string().contains("teach"));
    }
}

#[test]
fn the_options_are_all_labels_and_the_text_for_none() {
    let labels = ["open", " closed", "open ", "öl \"x\"", "unknown"];
    let payload = checked(&device("front", all_on(), offer(&labels)));
    assert_eq!(
        payload["components"]["label"]["options"],
        serde_json::json!(["open", "closed", "öl \"x\"", "unknown"])
    );
    let nothing = Offer {
        unknown: "nothing".into(),
        ..offer(&["open"])
    };
    let payload = checked(&device("front", all_on(), nothing));
    assert_eq!(
        payload["components"]["label"]["options"],
        serde_json::json!(["open", "nothing"])
    );
}

#[test]
fn what_may_be_taught_is_in_the_list_once_and_none_in_words() {
    let longest = "ü".repeat(65);
    let labels = ["beaker", "shut", "unknown", "None", &longest];
    let taught = Offer {
        lessons: ["open", "shut", "none"].map(String::from).into(),
        ..offer(&labels)
    };
    let device = device("front", all_on(), taught);
    let payload = checked(&device);
    let select = &payload["components"]["teach_label"];
    assert_eq!(
        select["options"],
        serde_json::json!(["(none of these)", "open", "shut", "beaker"])
    );
    assert_eq!(
        select["command_template"],
        "{{ {'select': 'none' if value == '(none of these)' else value} | tojson }}"
    );
    let short = message::payload(&device, false, &Platforms::new());
    let short = lists::check(&device.discovery_topic(), &short);
    assert_eq!(
        short["components"]["teach_label"]["options"],
        serde_json::json!(["(none of these)", "open", "shut"])
    );
}

#[test]
fn a_thousand_labels_take_32_kib() {
    let labels: Vec<String> = (0..1000)
        .map(|n| format!("a label of some length {n}"))
        .collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let device = device("front", all_on(), offer(&labels));
    let payload = checked(&device);
    let options = payload["components"]["label"]["options"]
        .as_array()
        .unwrap();
    assert_eq!(options.len(), 1001);
    let with = message::payload(&device, true, &Platforms::new()).len();
    let without = message::payload(&device, false, &Platforms::new()).len();
    assert!(with < 58 << 10 && without < 12 << 10, "{with} {without}");
    let select = &payload["components"]["teach_label"]["options"];
    assert_eq!(select.as_array().map(Vec::len), Some(250));
}

#[test]
fn a_label_without_options_takes_any_state() {
    let device = device("front", all_on(), offer(&["open"]));
    let payload = message::payload(&device, false, &Platforms::new());
    let payload = lists::check(&device.discovery_topic(), &payload);
    let label = &payload["components"]["label"];
    assert_eq!(label["device_class"], "enum");
    assert!(label.get("options").is_none());
}

#[test]
fn any_id_makes_a_topic_that_home_assistant_takes() {
    for id in ["a", "front.door", "Tür 3", "a-b_C", &"x".repeat(64)] {
        let named = Config {
            name: Some("Porch".into()),
            area: Some("Hall".into()),
            ..Config::default()
        };
        let device = Device::new(&named, "house/eyes", id, all_on(), offer(&["open"]));
        let payload = checked(&device);
        assert_eq!(payload["device"]["name"], "Porch");
        assert_eq!(payload["device"]["suggested_area"], "Hall");
        let label = payload["components"]["label"]["state_topic"].as_str();
        assert_eq!(label, Some(&*format!("house/eyes/{id}/label")));
    }
}

#[test]
fn numbers_outlive_two_missed_messages() {
    for (interval, seconds) in [(1.0, 33), (60.0, 210), (86_400.0, 259_230)] {
        let offer = Offer {
            health_interval: interval,
            ..offer(&["open"])
        };
        let payload = checked(&device("front", all_on(), offer));
        assert_eq!(payload["components"]["memory"]["expire_after"], seconds);
    }
}

#[test]
fn numbers_that_flood_the_recorder_are_disabled() {
    let payload = checked(&device("front", all_on(), offer(&["open"])));
    for (key, component) in payload["components"].as_object().unwrap() {
        let enabled = component.get("enabled_by_default").is_none();
        let floods = [
            "fps",
            "inference",
            "latency",
            "uptime",
            "refresh",
            "log_level",
        ];
        assert_eq!(enabled, !floods.contains(&key.as_str()), "{key}");
    }
}

#[test]
fn the_connection_reports_its_own_end() {
    let payload = checked(&device("front", all_on(), offer(&["open"])));
    let components = &payload["components"];
    assert_eq!(
        components["connection"]["availability"],
        serde_json::json!([])
    );
    for key in ["label", "score"] {
        let topics = components[key]["availability"].as_array().unwrap();
        assert_eq!(topics[1]["topic"], "goldcrest/front/camera");
        assert_eq!(components[key]["availability_mode"], "all");
    }
    assert!(components["camera_problem"].get("availability").is_none());
}

/// What Home Assistant makes of a name in an entity's id.
fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "_")
}

#[test]
fn the_page_names_every_entity_as_home_assistant_does() {
    let page = include_str!("../../../../docs/home-assistant.md");
    let payload = checked(&device("front", all_on(), offer(&["open"])));
    let components = payload["components"].as_object().unwrap();
    let ids: Vec<(String, String)> = components
        .values()
        .map(|component| {
            let name = slug(component["name"].as_str().unwrap());
            let platform = component["platform"].as_str().unwrap();
            (
                format!("{platform}.goldcrest_front_{name}"),
                format!("`…_{name}`"),
            )
        })
        .collect();
    for (id, short) in &ids {
        assert!(
            page.contains(id) || page.contains(short),
            "the page lacks {id}"
        );
    }
    let words = page.split(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c)));
    for word in words.filter(|word| word.contains(".goldcrest_front_")) {
        assert!(
            ids.iter().any(|(id, _)| id == word),
            "no entity is called {word}"
        );
    }
}
