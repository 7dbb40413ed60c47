//! Where a password may go in clear text.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// Whether what is sent without TLS may leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// It may go anywhere: it holds no password, or the configuration allows that.
    Open,
    /// It holds a password, which goes to this machine alone.
    Local,
}

/// No address of the server may get the password in clear text; the first of them.
#[derive(Debug, thiserror::Error)]
#[error("{0} is another machine")]
pub(super) struct ClearText(pub(super) IpAddr);

impl Secrecy {
    /// Leaves only the addresses that may be connected to without TLS. What a name stands for is
    /// asked at each try, so that it cannot change after a check.
    ///
    /// # Errors
    /// [`ClearText`] where none is left.
    pub(super) fn restrict(self, addresses: &mut Vec<SocketAddr>) -> io::Result<()> {
        let first = addresses.first().map(SocketAddr::ip);
        if self == Self::Local {
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
        }
        match first {
            Some(first) if addresses.is_empty() => Err(io::Error::other(ClearText(first))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_clear_text_goes_to_loopback_alone() {
        let parse = |text: &&str| text.parse::<SocketAddr>().unwrap();
        for (given, left) in [
            (&["127.0.0.1:1", "[::1]:1"][..], 2),
            (&["127.8.8.8:1"], 1),
            (&["[::ffff:127.0.0.1]:1"], 1),
            (&["192.0.2.1:1", "127.0.0.1:1"], 1),
            (&["192.0.2.1:1", "[2001:db8::1]:1"], 0),
            (&["[::ffff:192.0.2.1]:1"], 0),
            (&["0.0.0.0:1"], 0),
        ] {
            let all: Vec<_> = given.iter().map(parse).collect();
            let mut open = all.clone();
            Secrecy::Open.restrict(&mut open).unwrap();
            assert_eq!(open, all);
            let mut local = all.clone();
            let restricted = Secrecy::Local.restrict(&mut local);
            assert_eq!(local.len(), left, "{given:?}");
            assert_eq!(restricted.is_err(), left == 0, "{given:?}");
            if let Err(error) = restricted {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                assert!(matches!(inner, Some(ClearText(to)) if *to == all[0].ip()));
            }
        }
    }
}
