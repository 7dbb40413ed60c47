//! MQTT 5.

use rumqttc_v5::{
    AsyncClient, Broker, ConnAck, ConnectReturnCode, ConnectionError, DisconnectReasonCode, Event,
    EventLoop, IncomingPacketSizeLimit, LastWill, MqttOptions, Outgoing, Packet, ProtocolViolation,
    PubAck, PubAckReason, Publish, PublishOptions, PublishProperties, QoS, StateError,
    SubscribeFilterInput, SubscribeReasonCode, mqttbytes,
};

use super::{
    BATCH, Grant, INFLIGHT, Incoming, LIMIT, NOTHING, Options, RECEIVED, WireEvent, unreadable,
};
use crate::publish::connection::dial::Dial;
use crate::publish::connection::failure::{ConnectionFailure, Reason};
use crate::publish::outbox::Message;

/// Seconds for which a broker keeps a session that is to be kept.
const KEPT: u32 = 600;

both_versions!();

/// A client with a clean start and a session that ends with the connection, so that nothing is kept
/// from an earlier one, unless the options keep it.
pub(super) fn open(options: &Options, dial: &Dial, capacity: usize) -> (Client, Events) {
    let server = dial.server();
    let broker = Broker::tcp(server.host.as_str(), server.port);
    let mut made = MqttOptions::new(&options.client_id, broker);
    let max_incoming = u32::try_from(options.max_incoming).unwrap_or(u32::MAX);
    made.set_keep_alive(options.keep_alive.as_secs() as u16)
        .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(max_incoming))
        .set_receive_maximum(Some(RECEIVED))
        .set_read_batch_size(BATCH)
        .set_outgoing_inflight_upper_limit(INFLIGHT)
        .set_connect_timeout(LIMIT)
        .set_clean_start(!options.keep_session);
    if options.keep_session {
        made.set_session_expiry_interval(Some(KEPT));
    }
    if let Some((username, password)) = &options.login {
        made.set_credentials(username, password.reveal().to_owned());
    }
    if let Some(will) = &options.will {
        made.set_last_will(LastWill::new(
            &will.topic,
            will.payload.clone(),
            QoS::AtLeastOnce,
            will.retained(),
            None,
        ));
    }
    let dial = dial.clone();
    made.set_socket_connector(move |_, _| dial.clone().connect());
    let (client, events) = AsyncClient::builder(made).capacity(capacity).build();
    (Client(client), Events(events))
}

/// The most bytes that a packet with this message takes: a fixed header of 5 at most, the topic's
/// length and the packet id of 2 each, the length of the properties of 4 at most, and of each
/// property its name and its length.
pub(super) fn size(message: &Message) -> usize {
    let correlation = message
        .correlation
        .as_ref()
        .map_or(0, |data| data.len() + 3);
    message.topic.len() + message.payload.len() + correlation + 13
}

impl Client {
    /// Whether there was room for the message.
    pub(super) fn publish(&self, message: &Message, retain: bool) -> bool {
        let mut options = PublishOptions::at_least_once().retain(retain);
        if let Some(correlation) = &message.correlation {
            options = options.properties(PublishProperties {
                correlation_data: Some(correlation.clone().into()),
                ..PublishProperties::default()
            });
        }
        self.hand_over(message, options)
    }
}

/// What an acknowledgement says.
///
/// # Errors
/// The broker refused the message for a reason that may pass. The message is still in flight, so it
/// is sent again on the next connection, in its place.
fn answered(ack: &PubAck) -> Result<WireEvent, ConnectionFailure> {
    let rejected = |why| Ok(WireEvent::Rejected(ack.pkid, why));
    match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
            Ok(WireEvent::Acknowledged(ack.pkid))
        }
        PubAckReason::NotAuthorized => rejected("not authorised"),
        PubAckReason::TopicNameInvalid => rejected("it does not accept the topic"),
        PubAckReason::PayloadFormatInvalid => rejected("it does not accept the payload"),
        PubAckReason::QuotaExceeded => Err(ConnectionFailure {
            reason: Reason::Quota,
            detail: "PUBACK: quota exceeded".into(),
        }),
        other => Err(ConnectionFailure {
            reason: Reason::Declined,
            detail: format!("PUBACK: {other:?}"),
        }),
    }
}

fn incoming(publish: Publish) -> Option<Incoming> {
    let properties = publish.properties.unwrap_or_default();
    Some(Incoming {
        topic: String::from_utf8(publish.topic.to_vec()).ok()?,
        payload: publish.payload.to_vec(),
        retained: publish.retain,
        response_topic: properties.response_topic,
        correlation: properties.correlation_data.map(|data| data.to_vec()),
    })
}

fn grant(ack: &ConnAck) -> Grant {
    let Some(properties) = &ack.properties else {
        return Grant::default();
    };
    let all = Grant::default();
    Grant {
        window: properties
            .receive_max
            .map_or(all.window, |n| usize::from(n).max(1)),
        max_packet: properties
            .max_packet_size
            .map_or(all.max_packet, |n| n as usize),
        retain: properties.retain_available != Some(0),
    }
}

fn explain(error: ConnectionError) -> ConnectionFailure {
    let detail = error.to_string();
    let reason = match error {
        ConnectionError::Io(e) => Reason::of_io(e),
        // The crate uses one limit for the connect and for writes.
        ConnectionError::Timeout(_) => Reason::NoAnswer,
        ConnectionError::MqttState(error) => explain_state(error),
        ConnectionError::ConnectionRefused(code) => explain_refusal(code),
        ConnectionError::NotConnAck(_) => unreadable(),
        _ => Reason::Other,
    };
    ConnectionFailure { reason, detail }
}

fn explain_refusal(code: ConnectReturnCode) -> Reason {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::BadAuthenticationMethod => {
            Reason::BadLogin
        }
        ConnectReturnCode::NotAuthorized | ConnectReturnCode::Banned => Reason::NotAuthorized,
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            Reason::BadClientId
        }
        ConnectReturnCode::RefusedProtocolVersion
        | ConnectReturnCode::UnsupportedProtocolVersion => Reason::BadVersion,
        ConnectReturnCode::QuotaExceeded | ConnectReturnCode::ConnectionRateExceeded => {
            Reason::Quota
        }
        ConnectReturnCode::Success
        | ConnectReturnCode::ServiceUnavailable
        | ConnectReturnCode::ServerUnavailable
        | ConnectReturnCode::ServerBusy
        | ConnectReturnCode::UseAnotherServer
        | ConnectReturnCode::ServerMoved => Reason::NotReady,
        _ => Reason::Other,
    }
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
        // Such as AUTH without an authentication under way, or an alias of a topic.
        StateError::Deserialization(
            mqttbytes::Error::ProtocolError | mqttbytes::Error::ProtocolViolation(_),
        ) => Reason::Violation("a packet that MQTT 5 does not allow there".into()),
        StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded { .. })
        | StateError::IncomingPacketTooLarge { .. } => Reason::TooLarge,
        StateError::ServerDisconnect { reason_code, .. } => explain_disconnect(reason_code),
        StateError::ConnFail { reason } => explain_refusal(reason),
        StateError::Deserialization(_) => unreadable(),
        _ => Reason::Other,
    }
}

fn explain_disconnect(code: DisconnectReasonCode) -> Reason {
    match code {
        DisconnectReasonCode::SessionTakenOver => Reason::TakenOver,
        DisconnectReasonCode::NotAuthorized => Reason::NotAuthorized,
        DisconnectReasonCode::QuotaExceeded
        | DisconnectReasonCode::MessageRateTooHigh
        | DisconnectReasonCode::ConnectionRateExceeded => Reason::Quota,
        DisconnectReasonCode::ServerBusy
        | DisconnectReasonCode::ServerShuttingDown
        | DisconnectReasonCode::UseAnotherServer
        | DisconnectReasonCode::ServerMoved => Reason::NotReady,
        DisconnectReasonCode::NormalDisconnection
        | DisconnectReasonCode::UnspecifiedError
        | DisconnectReasonCode::AdministrativeAction => Reason::Closed,
        _ => Reason::Other,
    }
}

#[cfg(test)]
mod tests;
