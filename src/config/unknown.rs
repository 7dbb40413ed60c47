//! What to write instead of a key that is not known.

/// Sections of sources, in which an address is a camera's and not the broker's.
const SOURCES: [&str; 2] = ["camera", "source"];

const STREAMS: &str = "Goldcrest reads V4L2 cameras (camera.device) and recordings (source.path), no streams from a network";

/// Names of an address.
const ADDRESS: [&str; 7] = [
    "url", "uri", "broker", "server", "address", "hostname", "ip",
];

/// Keys that other programs have, and where Goldcrest stands with them.
const FOREIGN: [(&[&str], &str); 10] = [
    (
        &[
            "tls", "ssl", "ca", "ca_file", "ca_cert", "cafile", "cert", "certfile", "keyfile",
            "insecure",
        ],
        "TLS is on with a section [mqtt.tls] or with mqtt.url = \"mqtts://HOST\"; its keys are mqtt.tls.ca_file, cert_file, \
         key_file and server_name",
    ),
    (&["rtsp", "stream", "stream_url", "webcam"], STREAMS),
    (
        &ADDRESS,
        "name the broker with mqtt.url, or with mqtt.host and mqtt.port",
    ),
    (
        &["websocket", "websockets", "ws", "transport", "protocol"],
        "Goldcrest speaks MQTT over TCP and TLS; name the broker with mqtt.url, or with mqtt.host and mqtt.port",
    ),
    (
        &[
            "user",
            "user_name",
            "login",
            "pass",
            "passwd",
            "credentials",
            "token",
        ],
        "the login is mqtt.username with mqtt.password_file, or mqtt.password",
    ),
    (
        &[
            "topic",
            "topics",
            "topic_prefix",
            "prefix",
            "base_topic",
            "state_topic",
        ],
        "topics are not named one by one; each begins with mqtt.base and id, as in goldcrest/camera/label",
    ),
    (
        &["qos", "retain", "retained", "clean_session", "will"],
        "this is fixed: QoS 1, and the label, the camera's state and availability are retained",
    ),
    (
        &["queue", "queue_size", "max_queue", "buffer", "backlog"],
        "events wait in an outbox that is bounded in bytes: set outbox.max_bytes instead",
    ),
    (
        &["labels", "classes", "label_file", "names"],
        "labels stand in labels.txt beside the model (model.path)",
    ),
    (
        &["confidence", "min_confidence", "min_score", "score"],
        "the score that a label needs is observe.threshold",
    ),
];

/// What to write instead of the key `unknown` of `section`, which knows the keys `known`. `homes`
/// are the sections that know `unknown`.
///
/// `None` if it resembles no key of this program or of another. It may then be a secret in the
/// wrong place, which no error shows.
pub(super) fn instead(
    unknown: &str,
    section: &str,
    known: &[&str],
    homes: &[String],
) -> Option<String> {
    let name = unknown.to_lowercase().replace('-', "_");
    if SOURCES.contains(&section) && ADDRESS.contains(&&*name) {
        return Some(format!("unknown key; {STREAMS}"));
    }
    if !homes.is_empty() {
        let header = |home: &String| match home.as_str() {
            "region" => "[[region]]".to_string(),
            home => format!("[{home}]"),
        };
        let homes: Vec<String> = homes.iter().map(header).collect();
        let homes = homes.join(" or ");
        return Some(format!("unknown key here; it belongs under {homes}"));
    }
    if let Some((_, sentence)) = FOREIGN.iter().find(|(names, _)| names.contains(&&*name)) {
        return Some(format!("unknown key; {sentence}"));
    }
    let distances = known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(&name, key), key));
    let (distance, near) = distances.min()?;
    (distance <= bound(&name)).then(|| format!("unknown key; the nearest known key is `{near}`"))
}

/// How many slips of the finger turn a key into `name`: one for each four letters.
fn bound(name: &str) -> usize {
    (name.chars().count() / 4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MQTT: [&str; 4] = ["enabled", "host", "port", "password"];

    #[test]
    fn only_a_near_key_is_suggested() {
        for (unknown, near) in [("enable", "enabled"), ("prot", "port"), ("Host", "host")] {
            let said = instead(unknown, "mqtt", &MQTT, &[]);
            let wanted = format!("unknown key; the nearest known key is `{near}`");
            assert_eq!(said, Some(wanted), "{unknown}");
        }
        for unknown in ["colour", "x", "passphrase"] {
            assert_eq!(instead(unknown, "mqtt", &MQTT, &[]), None, "{unknown}");
        }
    }

    #[test]
    fn a_key_of_another_program_has_its_own_sentence() {
        for (unknown, says) in [
            ("tls", "a section [mqtt.tls]"),
            ("SSL", "a section [mqtt.tls]"),
            ("ca-file", "a section [mqtt.tls]"),
            ("url", "mqtt.host and mqtt.port"),
            ("user", "mqtt.username"),
            ("topic", "mqtt.base"),
            ("qos", "QoS 1"),
            ("queue", "set outbox.max_bytes instead"),
            ("rtsp", "no streams from a network"),
        ] {
            let said = instead(unknown, "mqtt", &MQTT, &[]).unwrap();
            assert!(said.contains(says), "{unknown}: {said}");
            assert!(!said.contains("nearest"), "{unknown}: {said}");
        }
        let said = instead("url", "camera", &["device"], &["mqtt".into()]).unwrap();
        assert!(said.contains("no streams from a network"), "{said}");
    }

    #[test]
    fn a_key_of_another_section_is_sent_there() {
        let said = |key, homes: &[String]| instead(key, "", &["id"], homes).unwrap();
        assert_eq!(
            said("port", &["mqtt".into()]),
            "unknown key here; it belongs under [mqtt]"
        );
        assert_eq!(
            said("path", &["source".into(), "model".into()]),
            "unknown key here; it belongs under [source] or [model]"
        );
    }
}
