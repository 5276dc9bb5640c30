//! The HTTP client below the queries: TLS, time-outs, no redirects.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Identity, Url, redirect};

use super::connection::{Connection, Tls};
use super::error::Error;

/// A server that takes longer to accept a connection is not there, however long its answers may take.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// The URL of the settings, checked, without the slash at its end.
pub(super) fn base_url(connection: &Connection) -> Result<Url, Error> {
    let setting = |problem: &str| Error::Setting { setting: "url", problem: problem.to_owned() };
    let example = "such as `http://prometheus:9090`";
    let mut url = Url::parse(&connection.url).map_err(|error| setting(&format!("is no URL {example}: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(setting(&format!("must be the http or https address of a server, {example}")));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(setting("must end with the path: leave out what follows `?` or `#`"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("/api/v1") {
        return Err(setting("must not hold `/api/v1`: leave it out"));
    }
    url.set_path(&path);
    Ok(url)
}

/// The client. With `tls.server_name` the host of `url` is replaced by that name.
pub(super) fn client(connection: &Connection, url: &mut Url) -> Result<reqwest::Client, Error> {
    let setting = |setting, problem: &str| Error::Setting { setting, problem: problem.to_owned() };
    if connection.timeout.is_zero() {
        return Err(setting("timeout", "must be above 0"));
    }
    if connection.concurrency == 0 {
        return Err(setting("concurrency", "must be at least 1"));
    }
    let tls = &connection.tls;
    if url.scheme() == "http" && *tls != Tls::default() {
        return Err(setting("tls", "has no effect with an http `url`: make it https, or leave `tls` out"));
    }
    let mut builder = ClientBuilder::new()
        .user_agent(concat!("steelyard/", env!("CARGO_PKG_VERSION")))
        // A redirected POST becomes a GET without its query.
        .redirect(redirect::Policy::none())
        // Half of the time of a call, so that there is a second attempt.
        .connect_timeout((connection.timeout / 2).min(LONGEST_CONNECT));
    if let Some(path) = &tls.ca_file {
        let certificates = authorities(path)?;
        // Whether a certificate can be used shows when a client is built of it; alone, so that the file is named.
        let usable = ClientBuilder::new().tls_certs_only(certificates.clone()).build().is_ok();
        if !usable {
            return Err(content("tls.ca_file", path, "holds a certificate that cannot be used as an authority"));
        }
        builder = builder.tls_certs_only(certificates);
    } else if url.scheme() == "http" {
        // Without TLS no authority is needed; a container image without any would be refused.
        builder = builder.tls_certs_only([]);
    }
    match (&tls.cert_file, &tls.key_file) {
        (None, None) => {}
        (Some(cert), Some(key)) => builder = builder.identity(identity(cert, key)?),
        (Some(_), None) => return Err(setting("tls.cert_file", "needs `tls.key_file`, its private key")),
        (None, Some(_)) => return Err(setting("tls.key_file", "needs `tls.cert_file`, its certificate")),
    }
    if let Some(name) = &tls.server_name {
        builder = called(builder, name, url)?;
    }
    builder.build().map_err(|source| Error::Build { source })
}

fn content(setting: &'static str, path: &Path, problem: &'static str) -> Error {
    Error::Content { setting, path: path.to_owned(), problem }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { setting, path: path.to_owned(), source })
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Error> {
    match Certificate::from_pem_bundle(&read("tls.ca_file", path)?) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(content("tls.ca_file", path, "holds no certificate in PEM form")),
    }
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let holds = |pem: &[u8], what: &str| String::from_utf8_lossy(pem).contains(what);
    let mut pem = read("tls.cert_file", cert)?;
    if !holds(&pem, "-----BEGIN CERTIFICATE-----") {
        return Err(content("tls.cert_file", cert, "holds no certificate in PEM form"));
    }
    let private = read("tls.key_file", key)?;
    if !holds(&private, "PRIVATE KEY-----") {
        return Err(content("tls.key_file", key, "holds no private key in PEM form"));
    }
    pem.push(b'\n');
    pem.extend(private);
    let identity = Identity::from_pem(&pem).map_err(|_| {
        content("tls.cert_file", cert, "and `tls.key_file` do not hold a certificate and its key in PEM form")
    })?;
    let usable = ClientBuilder::new().tls_certs_only([]).identity(identity.clone()).build().is_ok();
    if !usable {
        return Err(content("tls.key_file", key, "holds a key that is not that of the certificate in `tls.cert_file`"));
    }
    Ok(identity)
}

/// Speaks to the host of `url` under another name: the name goes into the URL, where TLS looks for it, and is
/// resolved to the host's addresses. The `Host` header stays that of the host.
fn called(builder: ClientBuilder, name: &str, url: &mut Url) -> Result<ClientBuilder, Error> {
    let wrong = || Error::Setting {
        setting: "tls.server_name",
        problem: format!("is `{name}`, which is no DNS name: leave it out, or give the name of the certificate"),
    };
    let host = url.host_str().ok_or_else(wrong)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if !plain || name.parse::<std::net::IpAddr>().is_ok() || url.set_host(Some(name)).is_err() {
        return Err(wrong());
    }
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(&authority).map_err(|_| wrong())?)]);
    // HTTP/2 has no Host header, and a proxy would look the name up for itself.
    Ok(builder.dns_resolver(Arc::new(Elsewhere { host })).default_headers(headers).http1_only().no_proxy())
}

/// Answers with the addresses of one host, whatever name is asked for.
struct Elsewhere {
    host: String,
}

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
