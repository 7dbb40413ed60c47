//! The label that is selected to be taught, and Home Assistant's list of labels.

use serde_json::json;
use tempfile::TempDir;

use super::school::School;
use crate::support::program::IN_THE_RECORDING;
use crate::support::{PATIENCE, Received, Subscriber};

#[test]
fn home_assistant_gets_a_list_of_labels_before_the_one_that_is_selected() {
    let school = School::new();
    let all = Subscriber::new(&school.broker, "#");
    let daemon = school.open("[homeassistant]\nenabled = true\nnode = \"porch_1\"\n");
    let options = |message: &Received| {
        let options = &message.json()["components"]["teach_label"]["options"];
        options.as_array().cloned().unwrap_or_default()
    };
    let first = all.expect("config");
    assert_eq!(options(&first)[0], "(none of these)");
    assert!(options(&first).contains(&json!(IN_THE_RECORDING)));
    school.sees(json!(IN_THE_RECORDING));
    school.ask(r#"{"select":"garage open"}"#);
    let mut listed = false;
    loop {
        let message = all.next(PATIENCE).expect("a message");
        if message.topic.ends_with("/config") {
            listed |= options(&message).contains(&json!("garage open"));
        }
        if message.topic.ends_with("/settings")
            && message.json()["taught"]["selected"] == "garage open"
        {
            break;
        }
    }
    assert!(listed, "selected before it was in the list");
    daemon.end();
}

#[test]
fn the_selected_label_survives_a_restart_where_that_is_kept() {
    let school = School::new();
    let kept = TempDir::new().unwrap();
    let keep = format!("keep = true\nfolder = {:?}\n", kept.path());
    let home = "[homeassistant]\nenabled = true\nnode = \"porch_1\"\n";
    let open = || school.open_in(school.state.path(), &keep, home);
    let daemon = open();
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(school.ask(r#"{"select":"garage"}"#)["selected"], "garage");
    daemon.end();
    let all = Subscriber::new(&school.broker, "#");
    let mut daemon = open();
    daemon.expect("going on with what commands set before: \"garage\" selected to be taught");
    let mut listed = false;
    loop {
        let message = all.next(PATIENCE).expect("a message");
        if message.retained {
            continue;
        }
        if message.topic.ends_with("/config") {
            let options = &message.json()["components"]["teach_label"]["options"];
            listed |= options.to_string().contains("garage");
        }
        if message.topic.ends_with("/settings") && message.json()["taught"]["selected"] == "garage"
        {
            break;
        }
    }
    assert!(listed, "selected before it was in the list");
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(school.ask(r#"{"take":true}"#)["label"], "garage");
    daemon.end();
    // Without `keep`, each start begins with none.
    let daemon = school.open("");
    school.is_online();
    assert_eq!(
        school.refused(r#"{"take":true}"#),
        "no label is selected; select one first"
    );
    daemon.end();
}
