//! The HTTP client, made anew when its certificates have been replaced.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use reqwest::Url;

use super::connection::Connection;
use super::error::Error;
use super::http;

/// The client for one server. Certificates are short-lived where they are issued by machines, and a daemon is not.
pub(super) struct Link {
    connection: Connection,
    /// The URL of the settings, checked, without credentials.
    url: Url,
    files: Vec<PathBuf>,
    current: RwLock<Current>,
}

struct Current {
    stamps: Vec<Stamp>,
    api: prometheus_http_query::Client,
}

/// When a file was last written, and its length; `None`: it is not there.
type Stamp = Option<(SystemTime, u64)>;

impl Link {
    /// Connects nothing yet.
    pub fn new(connection: &Connection, url: Url) -> Result<Self, Error> {
        let tls = &connection.tls;
        let files: Vec<_> = [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().flatten().cloned().collect();
        let stamps = stamps(&files);
        let current = RwLock::new(Current { stamps, api: build(connection, &url)? });
        Ok(Self { connection: connection.clone(), url, files, current })
    }

    /// The client, with the certificates that the files hold now. While they cannot be used, the one before.
    pub fn current(&self) -> prometheus_http_query::Client {
        let stamps = stamps(&self.files);
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.stamps == stamps {
                return current.api.clone();
            }
        }
        let built = build(&self.connection, &self.url);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Noted in either case: files that cannot be used are told once, and tried again when they change.
        current.stamps = stamps;
        match built {
            Ok(api) => current.api = api,
            Err(error) => {
                tracing::warn!(error = %error, "keeping the certificates for prometheus that were read before")
            }
        }
        current.api.clone()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

fn build(connection: &Connection, url: &Url) -> Result<prometheus_http_query::Client, Error> {
    let mut url = url.clone();
    let client = http::client(connection, &mut url)?;
    // The library would put a second slash after one at the end.
    prometheus_http_query::Client::from(client, url.as_str().trim_end_matches('/'))
        .map_err(|error| Error::Setting { setting: "url", problem: format!("cannot be used: {error}") })
}

/// Where an endpoint of the API is.
pub(super) fn endpoint(api: &prometheus_http_query::Client, path: &str) -> String {
    format!("{}/{path}", api.base_url().as_str().trim_end_matches('/'))
}
