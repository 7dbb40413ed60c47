//! MQTT 3.1.1.

use rumqttc_v4::{
    AsyncClient, Broker, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, NetworkOptions, Outgoing, Packet, PublishOptions, QoS, StateError,
    SubscribeFilterInput, SubscribeReasonCode, mqttbytes,
};

use super::{Grant, INFLIGHT, Incoming, LIMIT, Options, WireEvent, unreadable};
use crate::publish::connection::dial::Dial;
use crate::publish::connection::failure::{ConnectionFailure, Reason};
use crate::publish::outbox::Message;

/// Hands messages to the event loop.
pub(super) struct Client(AsyncClient);

/// The event loop.
pub(super) struct Events(EventLoop);

/// A client with a clean session, so that nothing is kept from an earlier one, unless the options
/// keep it.
pub(super) fn open(options: &Options, dial: &Dial, capacity: usize) -> (Client, Events) {
    let server = dial.server();
    let broker = Broker::tcp(server.host.as_str(), server.port);
    let mut made = MqttOptions::new(&options.client_id, broker);
    made.set_keep_alive(options.keep_alive.as_secs() as u16)
        .set_max_packet_size(options.max_packet, options.max_packet)
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
        let topic = message.topic.as_str();
        let handed_over = self.0.try_publish(topic, message.payload.clone(), options);
        handed_over.is_ok()
    }

    /// Whether there was room for the subscription.
    pub(super) fn subscribe(&self, topics: &[&str]) -> bool {
        let filter = |topic: &&str| SubscribeFilterInput::new(*topic, QoS::AtLeastOnce);
        self.0.try_subscribe_many(topics.iter().map(filter)).is_ok()
    }

    /// Whether there was room for the disconnect.
    pub(super) fn disconnect(&self) -> bool {
        self.0.try_disconnect_now().is_ok()
    }
}

impl Events {
    pub(super) async fn next(&mut self) -> Result<WireEvent, ConnectionFailure> {
        match self.0.poll().await {
            Ok(event) => Ok(translate(event)),
            Err(error) => Err(explain(error)),
        }
    }
}

fn translate(event: Event) -> WireEvent {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => WireEvent::Connected(Grant::default()),
        Event::Incoming(Packet::PubAck(ack)) => WireEvent::Acknowledged(ack.pkid),
        Event::Incoming(Packet::SubAck(ack)) => {
            let accepted = |code| matches!(code, SubscribeReasonCode::Success(_));
            WireEvent::Subscribed(ack.return_codes.into_iter().map(accepted).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => {
            match String::from_utf8(publish.topic.to_vec()) {
                Ok(topic) => WireEvent::Incoming(Incoming {
                    topic,
                    payload: publish.payload.to_vec(),
                    retained: publish.retain,
                    response_topic: None,
                    correlation: None,
                }),
                Err(_) => WireEvent::Other,
            }
        }
        Event::Outgoing(Outgoing::Publish(id)) => WireEvent::Sent(id),
        Event::Outgoing(Outgoing::Disconnect) => WireEvent::Disconnected,
        _ => WireEvent::Other,
    }
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
        StateError::Unsolicited(_) => Reason::Unsolicited,
        StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(_)) => {
            Reason::TooLarge
        }
        StateError::Deserialization(_) | StateError::ProtocolViolation(_) => unreadable(),
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
        assert!(matches!(failure.reason, Reason::Unsolicited));
    }
}
