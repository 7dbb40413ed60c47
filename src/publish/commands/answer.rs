//! The answers to commands.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::publish::outbox::{Message, MessageKind};
use crate::publish::payloads::VERSION;

/// The longest error in an answer, in bytes.
const LONGEST: usize = 1024;

/// Who asked, and where the answer goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asker {
    /// The command's name.
    pub(crate) name: String,
    /// The mark in the payload, which the answer repeats.
    pub(crate) correlation: Option<Value>,
    /// The topic that an MQTT 5 request names for its answer.
    pub(crate) response_topic: Option<String>,
    /// The correlation data of an MQTT 5 request.
    pub(crate) correlation_data: Option<Vec<u8>>,
}

/// What became of a command: more keys of the answer, or why it is refused.
pub(crate) type Outcome = Result<Map<String, Value>, String>;

/// The payload of `response/<name>`.
#[derive(Serialize)]
struct Body<'a> {
    v: u8,
    command: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Asker {
    /// The messages that answer with `outcome`: one below `responses`, which ends with a slash, and
    /// one on the topic that the request named.
    pub(crate) fn answers(self, responses: &str, outcome: Outcome) -> Vec<Message> {
        let (more, error) = match outcome {
            Ok(more) => (more, None),
            Err(mut why) => {
                why.truncate(why.floor_char_boundary(LONGEST));
                (Map::new(), Some(why))
            }
        };
        let body = Body {
            v: VERSION,
            command: &self.name,
            ok: error.is_none(),
            error: error.as_deref(),
            correlation: self.correlation.as_ref(),
            more,
        };
        // serde_json fails for none of these types.
        let payload = serde_json::to_vec(&body).unwrap_or_default();
        let answer = |topic| Message {
            topic,
            payload: payload.clone(),
            kind: MessageKind::Report,
            correlation: self.correlation_data.clone(),
        };
        let own = answer(format!("{responses}{}", self.name));
        let named = self.response_topic.map(answer);
        let named = named.filter(|named| named.topic != own.topic);
        std::iter::once(own).chain(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asker() -> Asker {
        Asker {
            name: "threshold".into(),
            correlation: Some(json!("abc")),
            ..Asker::default()
        }
    }

    fn text(answer: &Message) -> &str {
        std::str::from_utf8(&answer.payload).unwrap()
    }

    #[test]
    fn an_answer_has_the_result_or_the_error() {
        let more = json!({"threshold": 0.7}).as_object().unwrap().clone();
        let done = asker().answers("a/b/response/", Ok(more));
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].topic, "a/b/response/threshold");
        assert_eq!(
            text(&done[0]),
            r#"{"v":1,"command":"threshold","ok":true,"correlation":"abc","threshold":0.7}"#
        );
        let refused = asker().answers("a/b/response/", Err("too high".into()));
        assert_eq!(
            text(&refused[0]),
            r#"{"v":1,"command":"threshold","ok":false,"error":"too high","correlation":"abc"}"#
        );
    }

    #[test]
    fn the_topic_of_the_request_gets_the_same_answer() {
        let asker = Asker {
            response_topic: Some("my/answers".into()),
            correlation_data: Some(vec![0, 1]),
            ..asker()
        };
        let answers = asker.answers("a/b/response/", Ok(Map::new()));
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[1].topic, "my/answers");
        assert_eq!(answers[1].correlation, Some(vec![0, 1]));
        assert_eq!(answers[0].payload, answers[1].payload);
    }

    #[test]
    fn a_long_error_is_cut_at_a_character() {
        let answers = asker().answers("", Err("ü".repeat(5000)));
        let json: Value = serde_json::from_slice(&answers[0].payload).unwrap();
        assert_eq!(json["error"].as_str().unwrap().len(), LONGEST);
    }
}
