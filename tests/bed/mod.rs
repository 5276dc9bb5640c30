//! A bed for real streaming jobs: a real Prometheus, and lanes in it, each a real cluster that can be made larger, smaller,
//! broken and whole again while its job runs.
//!
//! `cargo test --test bed -- flink-1.20` brings one up for a person. Everything listens on addresses of its own on loopback,
//! one for each "pod", and ends with the test, also where that fails.

pub mod beam;
pub mod common;
pub mod datastream;
pub mod flink;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use steelyard::run::Clock;
use tempfile::TempDir;

use common::addresses::Addresses;
use common::prometheus::Prometheus;

use crate::component::program;

/// What lanes share.
#[derive(Debug)]
pub struct Bed {
    /// Scrapes all lanes. Ended first.
    pub prometheus: Prometheus,
    /// The wall clock, which is what Prometheus, Flink and the ticks go by.
    pub clock: Clock,
    addresses: Mutex<Addresses>,
    folder: TempDir,
}

impl Bed {
    /// With a Prometheus and no lane yet. `None`: there is no Prometheus here, and the test is skipped.
    pub async fn start() -> Option<Arc<Self>> {
        let binary = program("PROMETHEUS", "prometheus")?;
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut addresses = Addresses::reserve();
        let prometheus = Prometheus::start(&binary, folder.path(), addresses.take()).await;
        Some(Arc::new(Self { prometheus, clock: Clock::wall(), addresses: Mutex::new(addresses), folder }))
    }

    /// An address for one more pod.
    pub fn address(&self) -> Ipv4Addr {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A new folder for one lane; it goes with the bed.
    pub fn lane_folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        folder
    }

    /// Where all files are: logs, data, configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Seconds since the epoch.
    pub fn now(&self) -> f64 {
        self.clock.now().as_seconds()
    }
}
