//! MQTT 3.1.1.

use rumqttc_v4::{
    AsyncClient, Broker, ConnAck, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, NetworkOptions, Outgoing, Packet, ProtocolViolation, PubAck, Publish,
    PublishOptions, QoS, StateError, SubscribeFilterInput, SubscribeReasonCode, mqttbytes,
};

use super::{BATCH, Grant, INFLIGHT, Incoming, LIMIT, NOTHING, Options, WireEvent, unreadable};
use crate::publish::connection::dial::Dial;
use crate::publish::connection::failure::{ConnectionFailure, Reason};
use crate::publish::outbox::Message;

both_versions!();

/// A client with a clean session, so that nothing is kept from an earlier one, unless the options
/// keep it.
pub(super) fn open(options: &Options, dial: &Dial, capacity: usize) -> (Client, Events) {
    let server = dial.server();
    let broker = Broker::tcp(server.host.as_str(), server.port);
    let mut made = MqttOptions::new(&options.client_id, broker);
    made.set_keep_alive(options.keep_alive.as_secs() as u16)
        .set_max_packet_size(options.max_incoming, options.max_packet)
        .set_read_batch_size(BATCH)
        .set_inflight(INFLIGHT)
        .set_clean_session(!options.keep_session);
    if let Some((username, password)) = &options.login {
        made.set_credentials(username, password.reveal().to_owned());
    }
    if let Some(will) = &options.will {
        made.set_last_will(LastWill::new(
            &will.topic,
            will.payload.clone(),
            QoS::AtLeastOnce,
            will.retained(),
        ));
    }
    let dial = dial.clone();
    made.set_socket_connector(move |_, _| dial.clone().connect());
    let (client, mut events) = AsyncClient::builder(made).capacity(capacity).build();
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(LIMIT.as_secs());
    events.set_network_options(network);
    (Client(client), Events(events))
}

impl Client {
    /// Whether there was room for the message.
    pub(super) fn publish(&self, message: &Message) -> bool {
        let options = PublishOptions::at_least_once().retain(message.retained());
        self.hand_over(message, options)
    }
}

/// A broker of MQTT 3.1.1 tells nothing of what it grants.
fn grant(_: &ConnAck) -> Grant {
    Grant::default()
}

/// An acknowledgement of MQTT 3.1.1 always means success.
fn answered(ack: &PubAck) -> Result<WireEvent, ConnectionFailure> {
    Ok(WireEvent::Acknowledged(ack.pkid))
}

fn incoming(publish: Publish) -> Option<Incoming> {
    Some(Incoming {
        topic: String::from_utf8(publish.topic.to_vec()).ok()?,
        payload: publish.payload.to_vec(),
        retained: publish.retain,
        response_topic: None,
        correlation: None,
    })
}

fn explain(error: ConnectionError) -> ConnectionFailure {
    let detail = error.to_string();
    let reason = match error {
        ConnectionError::Io(e) => Reason::of_io(e),
        ConnectionError::NetworkTimeout => Reason::NoAnswer,
        ConnectionError::FlushTimeout => Reason::StoppedAnswering,
        ConnectionError::MqttState(error) => explain_state(error),
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => Reason::BadLogin,
            ConnectReturnCode::NotAuthorized => Reason::NotAuthorized,
            ConnectReturnCode::BadClientId => Reason::BadClientId,
            ConnectReturnCode::RefusedProtocolVersion => Reason::BadVersion,
            ConnectReturnCode::Success | ConnectReturnCode::ServiceUnavailable => Reason::NotReady,
        },
        ConnectionError::NotConnAck(_) => unreadable(),
        _ => Reason::Other,
    };
    ConnectionFailure { reason, detail }
}

fn explain_state(error: StateError) -> Reason {
    match error {
        StateError::Io(e) | StateError::Deserialization(mqttbytes::Error::Io(e)) => {
            Reason::of_io(e)
        }
        StateError::AwaitPingResp => Reason::StoppedAnswering,
        StateError::ConnectionAborted => Reason::Closed,
        StateError::Unsolicited(_) => Reason::Violation(NOTHING.into()),
        StateError::ProtocolViolation(violation) => Reason::Violation(explain_violation(violation)),
        StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(_)) => {
            Reason::TooLarge
        }
        StateError::Deserialization(_) => unreadable(),
        _ => Reason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_broker_has_a_reason() {
        for (code, reason) in [
            (ConnectReturnCode::BadUserNamePassword, "BadLogin"),
            (ConnectReturnCode::NotAuthorized, "NotAuthorized"),
            (ConnectReturnCode::BadClientId, "BadClientId"),
            (ConnectReturnCode::RefusedProtocolVersion, "BadVersion"),
            (ConnectReturnCode::ServiceUnavailable, "NotReady"),
        ] {
            let failure = explain(ConnectionError::ConnectionRefused(code));
            assert_eq!(format!("{:?}", failure.reason), reason);
        }
    }

    #[test]
    fn an_error_of_the_system_is_kept_wherever_it_arose() {
        let io = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [
            ConnectionError::Io(io()),
            ConnectionError::MqttState(StateError::Io(io())),
            ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::Io(io()))),
        ] {
            let failure = explain(error);
            assert!(matches!(failure.reason, Reason::Io(e) if e.kind() == io().kind()));
        }
    }

    #[test]
    fn the_words_of_the_mqtt_crate_are_kept_for_the_log() {
        let failure = explain(ConnectionError::MqttState(StateError::AwaitPingResp));
        assert!(matches!(failure.reason, Reason::StoppedAnswering));
        assert_eq!(failure.to_string(), "Mqtt state: Last pingreq isn't acked");
    }

    #[test]
    fn an_acknowledgement_of_nothing_is_told_apart() {
        let failure = explain(ConnectionError::MqttState(StateError::Unsolicited(7)));
        assert!(matches!(failure.reason, Reason::Violation(_)));
    }
}
