//! The MQTT crate behind types of our own. No other file names it.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, LastWill, MqttOptions, Outgoing,
    Packet, QoS, StateError, SubscribeFilter, SubscribeReasonCode, mqttbytes,
};

use super::failure::{ConnectionFailure, Reason};
use super::secret::Secret;
use crate::publish::outbox::Message;

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(super) client_id: String,
    /// The broker's name or address; an IPv6 address stands in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Name and password.
    pub(super) login: Option<(String, Secret)>,
    /// Time between pings on an idle connection.
    pub(super) keep_alive: Duration,
    /// The largest packet, in and out, in bytes.
    pub(super) max_packet: usize,
    /// The message that the broker publishes once the connection is lost.
    pub(super) will: Option<Message>,
}

impl Options {
    /// The MQTT crate's options: a clean session, so that nothing is kept from an earlier one.
    fn build(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        options
            .set_keep_alive(self.keep_alive)
            .set_max_packet_size(self.max_packet, self.max_packet)
            .set_clean_session(true);
        if let Some((username, password)) = &self.login {
            options.set_credentials(username, password.reveal());
        }
        if let Some(will) = &self.will {
            options.set_last_will(LastWill::new(
                &will.topic,
                will.payload.clone(),
                QoS::AtLeastOnce,
                will.retained(),
            ));
        }
        options
    }
}

/// A message that the broker delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// Whether the broker had kept it from before the subscription.
    pub(super) retained: bool,
    /// Where the sender wants the answer. MQTT 5 only.
    pub(super) response_topic: Option<String>,
    /// What the answer is to repeat. MQTT 5 only.
    pub(super) correlation: Option<Vec<u8>>,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WireEvent {
    /// The broker accepted the connection.
    Connected,
    /// The oldest message that had not left yet left with this packet id.
    Sent(u16),
    /// The broker acknowledged the message with this packet id.
    Acknowledged(u16),
    /// The broker answered the oldest subscription that it had not answered: whether it accepted
    /// each topic, in their order.
    Subscribed(Vec<bool>),
    /// A message of a topic that is subscribed to.
    Incoming(Incoming),
    /// The disconnect left; the connection is over.
    Disconnected,
    /// Anything else, such as a ping.
    Other,
}

/// The connection. It makes progress only while [`Connection::next`] is awaited.
pub(super) struct Connection {
    event_loop: EventLoop,
}

/// Hands messages to the connection.
pub(super) struct Sender(AsyncClient);

/// Prepares a connection, with room for `capacity` messages that have not left yet. The first
/// [`Connection::next`] connects.
pub(super) fn open(options: &Options, capacity: usize) -> (Sender, Connection) {
    let (client, mut connection) = AsyncClient::new(options.build(), capacity);
    let mut network = connection.network_options();
    network.set_tcp_nodelay(true);
    connection.set_network_options(network);
    let connection = Connection {
        event_loop: connection,
    };
    (Sender(client), connection)
}

impl Sender {
    /// Hands over a message to be sent with QoS 1. Returns false when there is no room for it.
    pub(super) fn publish(&self, message: &Message) -> bool {
        self.0
            .try_publish(
                message.topic.as_str(),
                QoS::AtLeastOnce,
                message.retained(),
                message.payload.as_slice(),
            )
            .is_ok()
    }

    /// Subscribes to `filters` in one packet. Returns false when there is no room for that.
    pub(super) fn subscribe(&self, filters: &[&str]) -> bool {
        let filter = |filter: &&str| SubscribeFilter::new((*filter).into(), QoS::AtLeastOnce);
        self.0
            .try_subscribe_many(filters.iter().map(filter))
            .is_ok()
    }

    /// Asks for a disconnect behind all that was handed over. Returns false when there is no room
    /// for it.
    pub(super) fn disconnect(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}

impl Connection {
    /// Waits for the next event. Connects first if there is no connection; then the event is
    /// [`WireEvent::Connected`]. Dropping the future halfway may leave a packet half sent.
    ///
    /// # Errors
    /// When the try to connect failed or the connection was lost. The next call connects again.
    pub(super) async fn next(&mut self) -> Result<WireEvent, ConnectionFailure> {
        match self.event_loop.poll().await {
            Ok(event) => Ok(translate(event)),
            Err(error) => Err(explain(error)),
        }
    }

    /// Drops the connection, if there is one, and forgets its packets. The MQTT crate keeps them
    /// for a session that continues; ours starts clean, and the outbox sends them again.
    pub(super) fn forget(&mut self) {
        self.event_loop.clean();
        self.event_loop.pending.clear();
        self.event_loop.state.events.clear();
        self.event_loop.state.collision = None;
    }
}

fn translate(event: rumqttc::Event) -> WireEvent {
    match event {
        rumqttc::Event::Incoming(Packet::SubAck(ack)) => {
            let accepted = |code: &SubscribeReasonCode| *code != SubscribeReasonCode::Failure;
            WireEvent::Subscribed(ack.return_codes.iter().map(accepted).collect())
        }
        rumqttc::Event::Incoming(Packet::Publish(publish)) => WireEvent::Incoming(Incoming {
            topic: publish.topic,
            payload: publish.payload.into(),
            retained: publish.retain,
            response_topic: None,
            correlation: None,
        }),
        rumqttc::Event::Incoming(Packet::ConnAck(_)) => WireEvent::Connected,
        rumqttc::Event::Incoming(Packet::PubAck(ack)) => WireEvent::Acknowledged(ack.pkid),
        rumqttc::Event::Outgoing(Outgoing::Publish(id)) => WireEvent::Sent(id),
        rumqttc::Event::Outgoing(Outgoing::Disconnect) => WireEvent::Disconnected,
        _ => WireEvent::Other,
    }
}

fn explain(error: ConnectionError) -> ConnectionFailure {
    let detail = error.to_string();
    let reason = match error {
        ConnectionError::Io(e)
        | ConnectionError::MqttState(
            StateError::Io(e) | StateError::Deserialization(mqttbytes::Error::Io(e)),
        ) => Reason::Io(e),
        ConnectionError::NetworkTimeout => Reason::NoAnswer,
        ConnectionError::FlushTimeout | ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Reason::StoppedAnswering
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => Reason::Closed,
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => Reason::BadLogin,
            ConnectReturnCode::NotAuthorized => Reason::NotAuthorized,
            ConnectReturnCode::BadClientId => Reason::BadClientId,
            ConnectReturnCode::RefusedProtocolVersion => Reason::BadVersion,
            ConnectReturnCode::Success | ConnectReturnCode::ServiceUnavailable => Reason::NotReady,
        },
        ConnectionError::MqttState(StateError::Deserialization(
            mqttbytes::Error::PayloadSizeLimitExceeded(_),
        )) => Reason::TooLarge,
        ConnectionError::NotConnAck(_)
        | ConnectionError::MqttState(StateError::Deserialization(_)) => Reason::NotMqtt,
        _ => Reason::Other,
    };
    ConnectionFailure { reason, detail }
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
    fn a_packet_above_the_largest_is_told_apart_from_a_foreign_protocol() {
        let large = mqttbytes::Error::PayloadSizeLimitExceeded(1 << 20);
        let failure = explain(ConnectionError::MqttState(StateError::Deserialization(
            large,
        )));
        assert!(matches!(failure.reason, Reason::TooLarge), "{failure:?}");
    }

    #[test]
    fn the_words_of_the_mqtt_crate_are_kept_for_the_log() {
        let failure = explain(ConnectionError::MqttState(StateError::AwaitPingResp));
        assert!(matches!(failure.reason, Reason::StoppedAnswering));
        assert_eq!(failure.to_string(), "Mqtt state: Last pingreq isn't acked");
    }
}
