//! The thread's side: one connection after the other.

use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet};
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::flight::{Flight, WINDOW};
use super::shared::{Link, Shared};
use crate::publish::{Config, Error};

/// The client's options, without a last will.
pub(in crate::publish) fn options(
    config: &Config,
    client_id: String,
) -> Result<MqttOptions, Error> {
    let mut options = MqttOptions::new(client_id, config.dial_host(), config.port);
    options
        .set_keep_alive(Duration::from_secs(config.keep_alive.max(1)))
        .set_max_packet_size(config.max_packet, config.max_packet)
        .set_clean_session(true);
    if let Some((username, password)) = config.login()? {
        options.set_credentials(username, password.reveal());
    }
    Ok(options)
}

/// The client with its connection.
pub(in crate::publish) fn client(options: MqttOptions) -> (AsyncClient, EventLoop) {
    // One more place than messages may be under way, for the disconnect.
    let (client, mut connection) = AsyncClient::new(options, WINDOW + 1);
    let mut network = connection.network_options();
    network.set_tcp_nodelay(true);
    connection.set_network_options(network);
    (client, connection)
}

/// Connects, says what is to be said, and connects again, until it is to end.
pub(in crate::publish) async fn run(shared: &Shared, options: MqttOptions, address: &str) {
    let name = options.client_id();
    let (client, mut connection) = client(options);
    let mut backoff = Backoff::default();
    let mut limit = LogLimit::default();
    loop {
        let answer = tokio::select! {
            biased;
            () = shared.closing() => return,
            answer = connection.poll() => answer,
        };
        let failure = match answer {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                log::info!("MQTT broker {address}: connected as {name}");
                limit.reset();
                let start = Instant::now();
                let end = converse(shared, &client, &mut connection).await;
                // A broker that lets us in and throws us out again is trouble too: only time ends
                // the growing pauses.
                if start.elapsed() >= backoff::LONGEST {
                    backoff.reset();
                }
                match end {
                    Some(failure) => failure,
                    None => return,
                }
            }
            // No other packet comes before that one.
            Ok(_) => continue,
            Err(failure) => failure,
        };
        // rumqttc keeps all this for a session that goes on. Ours starts anew, and the outbox sends
        // again.
        connection.pending.clear();
        connection.state.events.clear();
        connection.state.collision = None;

        let error = Error::from_connection(address, &failure);
        let line = error.to_string();
        if limit.lets(&line, Instant::now()) {
            log::warn!("{line}; trying again");
        }
        log::debug!("MQTT broker {address}: {failure}");
        shared.set_link(Link::Failed(error));
        tokio::select! {
            () = shared.closing() => return,
            () = time::sleep(backoff.next()) => {}
        }
    }
}

/// Speaks on a connection that stands. Returns why it was lost, or `None` when it was to end.
async fn converse(
    shared: &Shared,
    client: &AsyncClient,
    connection: &mut EventLoop,
) -> Option<ConnectionError> {
    let mut flight = Flight::new();
    {
        let mut state = shared.lock();
        state.counts.connections += 1;
        state.link = Link::Connected;
    }
    shared.changed.notify_all();
    let lost = loop {
        let event = {
            // Pinned over wake-ups: a poll that is dropped halfway may leave a packet half sent.
            let poll = connection.poll();
            tokio::pin!(poll);
            loop {
                let deadline = shared.pump(client, &mut flight);
                tokio::select! {
                    event = &mut poll => break event,
                    () = shared.wake.notified() => {}
                    () = until(deadline) => return None,
                }
            }
        };
        match event {
            Ok(Event::Outgoing(Outgoing::Publish(id))) => flight.has_left(id),
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                if flight.acknowledged(ack.pkid) {
                    let counts = &mut shared.lock().counts;
                    counts.sent += 1;
                    counts.unacknowledged = flight.len() as u64;
                }
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return None,
            Ok(_) => {}
            Err(failure) => break failure,
        }
    };
    let mut state = shared.lock();
    state.counts.unacknowledged = 0;
    state.counts.dropped += state.outbox.start_over(flight.into_messages()) as u64;
    Some(lost)
}

/// Comes back at the deadline, or never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
