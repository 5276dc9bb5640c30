//! Names of Services, for the JVMs of a test: a file in place of a DNS, read at every look-up.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Names and their addresses.
#[derive(Debug)]
pub struct Hosts {
    file: PathBuf,
    names: Mutex<BTreeMap<String, Ipv4Addr>>,
}

impl Hosts {
    /// In a file of that folder, with the machine's own names.
    pub fn new(folder: &Path) -> Self {
        let hosts = Self { file: folder.join("hosts"), names: Mutex::default() };
        let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        hosts.set(&["localhost".to_owned(), own.trim().to_owned()], Ipv4Addr::LOCALHOST);
        hosts
    }

    /// These names are there from now on.
    pub fn set(&self, names: &[String], address: Ipv4Addr) {
        self.change(|known| known.extend(names.iter().map(|name| (name.clone(), address))));
    }

    /// These names are nowhere any more, unless they are elsewhere by now.
    pub fn remove(&self, names: &[String], address: Ipv4Addr) {
        self.change(|known| known.retain(|name, at| *at != address || !names.contains(name)));
    }

    /// What makes a JVM look names up here, and not remember them.
    pub fn java_options(&self) -> String {
        format!(
            "-Djdk.net.hosts.file={} -Dsun.net.inetaddr.ttl=1 -Dsun.net.inetaddr.negative.ttl=1",
            self.file.display()
        )
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Ipv4Addr>)) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut names);
        let text: String = names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        // Renamed into place: nobody must read half a file.
        let part = self.file.with_extension("part");
        std::fs::write(&part, text).expect("a file");
        std::fs::rename(part, &self.file).expect("a file");
    }
}
