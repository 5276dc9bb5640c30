//! Where Prometheus is and how we show who we are, as it stands in the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How Prometheus is reached. `url` must be given; all else has a default.
///
/// Its `Debug` shows which settings are there, and never a secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Connection {
    /// The base URL, with the path prefix where there is one, without `/api/v1`.
    pub url: String,
    /// How long one query may take, all its attempts together. Default 10 s.
    #[serde(default = "ten_seconds", deserialize_with = "duration")]
    pub timeout: Duration,
    /// How many queries are under way at once, at least 1. Default 4.
    #[serde(default = "four")]
    pub concurrency: usize,
    /// How often a query is sent again after a transient failure. Default 2.
    #[serde(default = "two")]
    pub retries: usize,
    /// A bearer token.
    #[serde(default)]
    pub bearer_token: Option<Secret>,
    /// A file with a bearer token, read again for each request, as tokens are rotated.
    #[serde(default)]
    pub bearer_token_file: Option<PathBuf>,
    /// A user name and a password.
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    /// What to trust, and the certificate to show.
    #[serde(default)]
    pub tls: Tls,
    /// Further headers of each request.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The tenant of a Mimir, Cortex or Loki-like server: sent as `X-Scope-OrgID`.
    #[serde(default)]
    pub tenant: Option<String>,
}

impl Connection {
    /// A Prometheus at that URL, with every default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            timeout: ten_seconds(),
            concurrency: four(),
            retries: two(),
            bearer_token: None,
            bearer_token_file: None,
            basic_auth: None,
            tls: Tls::default(),
            headers: BTreeMap::new(),
            tenant: None,
        }
    }
}

/// A user name with its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// The password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file with the password, read again for each request.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// Certificates, all as PEM files. They are read again when they change; while they cannot be used, those before stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The only authorities that are trusted, in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The certificate (chain) that we show.
    #[serde(default)]
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The DNS name that the server's certificate must carry, where it is not the host of the URL.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, password, password_file } = self;
        f.debug_struct("BasicAuth")
            .field("username", username)
            .field("password", password)
            .field("password_file", password_file)
            .finish()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            timeout,
            concurrency,
            retries,
            bearer_token,
            bearer_token_file,
            basic_auth,
            tls,
            headers,
            tenant,
        } = self;
        f.debug_struct("Connection")
            .field("url", &without_credentials(url))
            .field("timeout", timeout)
            .field("concurrency", concurrency)
            .field("retries", retries)
            .field("bearer_token", bearer_token)
            .field("bearer_token_file", bearer_token_file)
            .field("basic_auth", basic_auth)
            .field("tls", tls)
            .field("headers", headers)
            .field("tenant", tenant)
            .finish()
    }
}

/// The URL as far as it can be shown: no user, no password, no query. What cannot be parsed is not shown at all, as
/// it cannot be told which part of it is secret.
fn without_credentials(url: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(url) else { return "(not a URL)".to_owned() };
    if url.cannot_be_a_base() {
        return "(not the URL of a host)".to_owned();
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Both work for every URL with a host, and without a host there is no user.
        let _ = (url.set_username("***"), url.set_password(None));
    }
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const fn four() -> usize {
    4
}

const fn two() -> usize {
    2
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| serde::de::Error::custom(format!("`{text}` is not a duration such as `10s`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Connection, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn only_the_url_is_needed() {
        let plain = read(r#"{"url": "http://prometheus:9090"}"#).unwrap();
        assert_eq!(format!("{plain:?}"), format!("{:?}", Connection::new("http://prometheus:9090")));
        assert_eq!((plain.timeout, plain.concurrency, plain.retries), (Duration::from_secs(10), 4, 2));
        let error = read(r#"{"url": "x", "bearer": "y"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `bearer`"), "{error}");
        let error = read(r#"{"url": "x", "timeout": "10"}"#).unwrap_err().to_string();
        assert!(error.contains("`10` is not a duration such as `10s`"), "{error}");
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let full = read(
            r#"{"url": "https://hidden-user:hidden-1@prometheus/base?token=hidden-2#hidden-3", "timeout": "1m 5s",
                "bearer_token": "hidden-4", "bearer_token_file": "/run/token",
                "basic_auth": {"username": "reader", "password": "hidden-5", "password_file": "/run/password"},
                "tls": {"ca_file": "/ca.pem", "cert_file": "/c.pem", "key_file": "/k.pem", "server_name": "prom"},
                "headers": {"X-Key": "hidden-6"}, "tenant": "team-a"}"#,
        )
        .unwrap();
        for shown in [format!("{full:?}"), format!("{full:#?}")] {
            assert!(!shown.contains("hidden"), "{shown}");
            for visible in
                ["prometheus/base", "65s", "/run/token", "reader", "/run/password", "/k.pem", "X-Key", "team-a"]
            {
                assert!(shown.contains(visible), "{visible} in {shown}");
            }
        }
        let odd = format!("{:?}", Connection::new("hidden-user:hidden@host"));
        assert!(!odd.contains("hidden@"), "{odd}");
        assert!(!format!("{:?}", Connection::new("//hidden:hidden@x")).contains("hidden"));
    }
}
