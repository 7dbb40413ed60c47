use super::*;

fn ack(reason: PubAckReason) -> PubAck {
    PubAck {
        reason,
        ..PubAck::new(7, None)
    }
}

#[test]
fn a_refusal_of_a_message_is_final_or_may_pass() {
    for (reason, event) in [
        (PubAckReason::Success, WireEvent::Acknowledged(7)),
        (
            PubAckReason::NoMatchingSubscribers,
            WireEvent::Acknowledged(7),
        ),
        (
            PubAckReason::NotAuthorized,
            WireEvent::Rejected(7, "not authorised"),
        ),
    ] {
        assert_eq!(answered(&ack(reason)).unwrap(), event);
    }
    let failure = answered(&ack(PubAckReason::QuotaExceeded)).unwrap_err();
    assert!(matches!(failure.reason, Reason::Quota));
    let failure = answered(&ack(PubAckReason::UnspecifiedError)).unwrap_err();
    assert!(matches!(failure.reason, Reason::Declined));
}

#[test]
fn each_refusal_of_the_broker_has_a_reason() {
    for (code, reason) in [
        (ConnectReturnCode::BadUserNamePassword, "BadLogin"),
        (ConnectReturnCode::NotAuthorized, "NotAuthorized"),
        (ConnectReturnCode::ClientIdentifierNotValid, "BadClientId"),
        (ConnectReturnCode::UnsupportedProtocolVersion, "BadVersion"),
        (ConnectReturnCode::ServerUnavailable, "NotReady"),
        (ConnectReturnCode::QuotaExceeded, "Quota"),
    ] {
        let failure = explain(ConnectionError::ConnectionRefused(code));
        assert_eq!(format!("{:?}", failure.reason), reason);
    }
}

#[test]
fn a_goodbye_of_the_broker_has_a_reason() {
    for (reason_code, reason) in [
        (DisconnectReasonCode::SessionTakenOver, "TakenOver"),
        (DisconnectReasonCode::ServerShuttingDown, "NotReady"),
        (DisconnectReasonCode::NotAuthorized, "NotAuthorized"),
    ] {
        let error = StateError::ServerDisconnect {
            reason_code,
            reason_string: None,
        };
        let failure = explain(ConnectionError::MqttState(error));
        assert_eq!(format!("{:?}", failure.reason), reason);
    }
}
