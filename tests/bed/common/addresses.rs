//! Addresses on loopback: one for each "pod", so that every one of them can listen on the ports it has in a cluster.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Held for as long as the block is ours; nothing else listens there.
const LOCK_PORT: u16 = 40_961;

/// 127.x.y.0/24, for one bed alone.
#[derive(Debug)]
pub struct Addresses {
    block: [u8; 2],
    next: u8,
    _lock: TcpListener,
}

impl Addresses {
    /// A block that no other bed on this machine has.
    pub fn reserve() -> Self {
        for attempt in 0..1000_u32 {
            // Chance is good enough: who holds a block holds its lock.
            let [x, y, ..] = RandomState::new().hash_one(attempt).to_ne_bytes();
            // Not 127.0.*: programs that know nothing of beds listen there.
            let block = [x.max(1), y];
            if let Ok(lock) = TcpListener::bind((Ipv4Addr::new(127, block[0], block[1], 254), LOCK_PORT)) {
                return Self { block, next: 1, _lock: lock };
            }
        }
        panic!("no free block of addresses on loopback");
    }

    /// One more address; up to 250 of them.
    pub fn take(&mut self) -> Ipv4Addr {
        assert!(self.next <= 250, "a bed has 250 addresses");
        let address = Ipv4Addr::new(127, self.block[0], self.block[1], self.next);
        self.next += 1;
        address
    }
}
