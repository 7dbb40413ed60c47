//! What both MQTT crates offer under the same names, for types of each.

/// The parts of a version that only name the types of its crate, which are in scope where this
/// stands. The version adds `open`, `grant`, `incoming`, `answered` and `explain`.
macro_rules! both_versions {
    () => {
        /// Hands messages to the event loop.
        pub(super) struct Client(AsyncClient);

        /// The event loop.
        pub(super) struct Events(EventLoop);

        impl Client {
            /// Whether there was room for the message.
            fn hand_over(&self, message: &Message, options: PublishOptions) -> bool {
                let (topic, payload) = (message.topic.as_str(), message.payload.clone());
                self.0.try_publish(topic, payload, options).is_ok()
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
                    Ok(event) => translate(event),
                    Err(error) => Err(explain(error)),
                }
            }
        }

        /// What the broker sent.
        fn explain_violation(violation: ProtocolViolation) -> String {
            match violation {
                ProtocolViolation::DuplicateConnAck => "a second CONNACK".into(),
                ProtocolViolation::UnexpectedIncomingPacket(kind) => {
                    format!("a packet {kind:?}, which is not for clients")
                }
                _ => "an acknowledgement with another number of answers".into(),
            }
        }

        fn translate(event: Event) -> Result<WireEvent, ConnectionFailure> {
            Ok(match event {
                Event::Incoming(Packet::ConnAck(ack)) => WireEvent::Connected(grant(&ack)),
                Event::Incoming(Packet::PubAck(ack)) => return answered(&ack),
                Event::Incoming(Packet::SubAck(ack)) => {
                    let accepted = |code| matches!(code, SubscribeReasonCode::Success(_));
                    WireEvent::Subscribed(ack.return_codes.into_iter().map(accepted).collect())
                }
                // Nothing is subscribed to with QoS 2, and nothing is published with it.
                Event::Incoming(Packet::Publish(publish)) if publish.qos == QoS::ExactlyOnce => {
                    return Err(ConnectionFailure::violation("a message of QoS 2"));
                }
                Event::Incoming(Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_)) => {
                    return Err(ConnectionFailure::violation("an acknowledgement of QoS 2"));
                }
                Event::Incoming(Packet::Publish(publish)) => match incoming(publish) {
                    Some(incoming) => WireEvent::Incoming(incoming),
                    None => return Err(ConnectionFailure::violation("a topic that is not UTF-8")),
                },
                Event::Incoming(Packet::PingResp) => WireEvent::Pong,
                Event::Outgoing(Outgoing::PingReq) => WireEvent::Ping,
                Event::Outgoing(Outgoing::Publish(id)) => WireEvent::Sent(id),
                Event::Outgoing(Outgoing::Disconnect) => WireEvent::Disconnected,
                _ => WireEvent::Other,
            })
        }
    };
}
