//! Whether the broker is there and lets us in, for `check`.

use std::time::Duration;

use rumqttc::{Event, Outgoing};
use tokio::time::timeout;

use super::client_id::visitor_id;
use super::session;
use crate::publish::client::{no_answer, runtime};
use crate::publish::{Config, Error, Topics};

/// Connects once, as another client than the daemon and without a last will, so that a daemon that
/// runs on the same configuration is not disturbed, and disconnects again.
///
/// # Errors
/// As [`Publisher::start`](crate::publish::Publisher::start) and
/// [`Publisher::wait_connected`](crate::publish::Publisher::wait_connected).
pub fn probe(config: &Config, id: &str, limit: Duration) -> Result<(), Error> {
    Topics::new(&config.base, id)?;
    let (client, mut connection) =
        session::client(session::options(config, visitor_id(config, id, "check"))?);
    let runtime = runtime()?;
    let connected = runtime.block_on(async {
        match timeout(limit, connection.poll()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(Error::from_connection(&config.address(), &failure)),
            Err(_) => Err(no_answer(&config.address(), limit)),
        }
    });
    if connected.is_ok() && client.try_disconnect().is_ok() {
        runtime.block_on(async {
            // Not said in time, the broker sees the connection go, which for lack of a last will is
            // the same to others.
            let said = async {
                while !matches!(
                    connection.poll().await,
                    Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)
                ) {}
            };
            timeout(limit.min(Duration::from_secs(1)), said).await.ok();
        });
    }
    runtime.shutdown_background();
    connected
}
