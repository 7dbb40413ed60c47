//! Tests a connection, for `check`.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::client_id::temporary_client_id;
use super::open::{Target, runtime, target};
use super::shared::STEP;
use super::wire::WireEvent;
use crate::publish::{Config, Error, Topics};

/// Connects once to each broker and disconnects. Uses a temporary client id and no last will, so
/// that a daemon with the same configuration is not disturbed. Waits at most for `limit` at each,
/// and less once `give_up` returns true; it is called several times a second. Of a cluster, one
/// node is enough.
///
/// Returns a line that tells which brokers took the connection, and why others did not.
///
/// # Errors
/// Those of [`Publisher::start`](crate::publish::Publisher::start) and
/// [`Publisher::wait_connected`](crate::publish::Publisher::wait_connected): of a cluster, those of
/// its first node.
pub fn probe(
    config: &Config,
    id: &str,
    limit: Duration,
    give_up: impl Fn() -> bool,
) -> Result<String, Error> {
    Topics::new(&config.base, id)?;
    let client_id = temporary_client_id(config, id, "check");
    let target = target(config, client_id, None)?;
    let (mut took, mut failed) = (Vec::new(), Vec::new());
    for (n, server) in target.servers.iter().enumerate() {
        match probe_server(&target, n, limit, &give_up) {
            Ok(()) => took.push(server.to_string()),
            Err(error) => failed.push(error),
        }
    }
    match failed.first() {
        Some(first) if took.is_empty() => Err(first.clone()),
        _ => {
            let how = if config.uses_tls() { " over TLS" } else { "" };
            let took = format!("{} took the connection{how}", took.join(", "));
            let failed = failed.iter().map(ToString::to_string);
            Ok([took]
                .into_iter()
                .chain(failed)
                .collect::<Vec<_>>()
                .join("; "))
        }
    }
}

fn probe_server(
    target: &Target,
    server: usize,
    limit: Duration,
    give_up: impl Fn() -> bool,
) -> Result<(), Error> {
    let address = target.servers[server].to_string();
    let (sender, mut connection) = target.open(server);
    let runtime = runtime()?;
    let connected = runtime.block_on(async {
        let start = Instant::now();
        // Pinned over the steps: a future that is dropped halfway may leave a packet half sent.
        let next = connection.next();
        tokio::pin!(next);
        loop {
            let step = limit.saturating_sub(start.elapsed()).min(STEP);
            match timeout(step, &mut next).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(failure)) => {
                    return Err(Error::from_connection(&address, target.named, &failure));
                }
                Err(_) if step.is_zero() || give_up() => {
                    return Err(Error::no_answer(&address, target.named, limit));
                }
                Err(_) => {}
            }
        }
    });
    if connected.is_ok() && sender.disconnect() {
        runtime.block_on(async {
            let disconnected = async {
                while !matches!(
                    connection.next().await,
                    Ok(WireEvent::Disconnected) | Err(_)
                ) {}
            };
            // Without the disconnect the broker sees the connection break, which without a last
            // will is the same to others.
            let limit = limit.min(Duration::from_secs(1));
            timeout(limit, disconnected).await.ok();
        });
    }
    runtime.shutdown_background();
    connected
}
