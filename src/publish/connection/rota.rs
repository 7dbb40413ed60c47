//! The order in which the nodes of a cluster are tried.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random number.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Servers by their index, in an order that differs from one client to the next, so that a fleet
/// spreads over the nodes of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Rota {
    order: Vec<usize>,
    at: usize,
}

impl Rota {
    /// An order of `count` servers, at least one.
    pub(super) fn new(count: usize) -> Self {
        let mut order: Vec<usize> = (0..count.max(1)).collect();
        order.sort_by_cached_key(|_| random());
        Self { order, at: 0 }
    }

    /// The server to try.
    pub(super) fn server(&self) -> usize {
        self.order[self.at]
    }

    /// Goes on to the next server. Returns true when all have been tried.
    pub(super) fn advance(&mut self) -> bool {
        self.at = (self.at + 1) % self.order.len();
        self.at == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_tries_every_server_once() {
        let mut rota = Rota::new(5);
        for _ in 0..2 {
            let mut tried: Vec<_> = (0..5)
                .map(|n| {
                    let server = rota.server();
                    assert_eq!(rota.advance(), n == 4);
                    server
                })
                .collect();
            tried.sort_unstable();
            assert_eq!(tried, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn clients_begin_with_different_servers() {
        let first: Vec<_> = (0..64).map(|_| Rota::new(3).server()).collect();
        for server in 0..3 {
            assert!(first.contains(&server), "{first:?}");
        }
    }

    #[test]
    fn one_server_is_a_round() {
        let mut rota = Rota::new(1);
        assert!(rota.advance() && rota.server() == 0);
    }
}
