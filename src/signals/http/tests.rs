use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::signals::Client;

/// An authority, and files with certificates of it.
struct Pki {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), authority }
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.authority).unwrap(), key)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The files of a client that this authority has certified.
    fn tls(&self) -> Tls {
        let (cert, key) = self.issue("steelyard");
        Tls {
            ca_file: Some(self.file("ca.pem", &self.authority.pem())),
            cert_file: Some(self.file("cert.pem", &cert.pem())),
            key_file: Some(self.file("key.pem", &key.serialize_pem())),
            server_name: None,
        }
    }

    /// A server called `prometheus.test` that asks for certificates, and answers one request after the other with the
    /// version "Host header". Gives its port.
    async fn serve(&self) -> u16 {
        let (cert, key) = self.issue("prometheus.test");
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read_buf(&mut request).await {
                        Ok(count) if count > 0 => {}
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).to_lowercase();
                let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("none");
                let body = format!(r#"{{"status":"success","data":{{"version":"{host}"}}}}"#);
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                // A client that does not trust us is gone by now.
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        port
    }
}

async fn version(url: String, tls: Tls) -> Result<String, Error> {
    let mut connection = Connection::new(url);
    (connection.tls, connection.retries) = (tls, 0);
    Client::new(&connection)?.build_info().await
}

#[tokio::test]
async fn a_server_under_another_name_is_trusted_and_shown_our_certificate() {
    let pki = Pki::new();
    let port = pki.serve().await;
    let url = format!("https://127.0.0.1:{port}");
    let named = Tls { server_name: Some("prometheus.test".to_owned()), ..pki.tls() };
    assert_eq!(version(url.clone(), named.clone()).await.unwrap(), format!("127.0.0.1:{port}"));

    let other_name = Tls { server_name: Some("other.test".to_owned()), ..pki.tls() };
    let nobody = Tls { cert_file: None, key_file: None, ..named.clone() };
    let stranger = Pki::new();
    let not_trusted = Tls { ca_file: stranger.tls().ca_file, ..named };
    for (tls, word) in
        [(pki.tls(), "not valid"), (other_name, "not valid"), (not_trusted, "invalid peer certificate"), (nobody, "")]
    {
        let error = version(url.clone(), tls).await.unwrap_err();
        let chain: Vec<String> = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .map(|error| error.to_string())
            .collect();
        assert!(chain.join(": ").contains(word), "{word}: {chain:?}");
        assert!(error.to_string().contains("Prometheus at https://"), "{error}");
    }
}

#[tokio::test]
async fn certificates_that_were_replaced_are_used_and_broken_ones_are_not() {
    let pki = Pki::new();
    let mut connection = Connection::new(format!("https://127.0.0.1:{}", pki.serve().await));
    connection.tls = Tls { server_name: Some("prometheus.test".to_owned()), ..pki.tls() };
    connection.retries = 0;
    let ca = pki.directory.path().join("ca.pem");
    // Each content has its own time of writing, as the clock of files is coarse.
    let write = |text: &str, seconds: u64| {
        std::fs::write(&ca, text).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&ca).unwrap().set_modified(time).unwrap();
    };
    write(&Pki::new().authority.pem(), 1);
    let client = Client::new(&connection).unwrap();
    assert!(matches!(client.build_info().await, Err(Error::Connect { .. })), "another authority");
    write(&pki.authority.pem(), 2);
    client.build_info().await.unwrap();
    write("half written", 3);
    client.build_info().await.unwrap();
    write(&Pki::new().authority.pem(), 4);
    assert!(matches!(client.build_info().await, Err(Error::Connect { .. })), "another authority");
}

#[test]
fn every_file_that_is_not_what_it_should_be_is_named() {
    let pki = Pki::new();
    let good = pki.tls();
    let text = pki.file("text", "not PEM");
    let broken = pki.file("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let other_key = pki.file("other", &KeyPair::generate().unwrap().serialize_pem());
    let gone = pki.directory.path().join("gone");
    let with = |change: &dyn Fn(&mut Tls)| {
        let mut tls = good.clone();
        change(&mut tls);
        tls
    };
    let file = |name: &str| pki.directory.path().join(name).display().to_string();
    for (tls, expected) in [
        (
            with(&|tls| tls.ca_file = Some(gone.clone())),
            format!("failed to read {}, which prometheus setting `tls.ca_file` names", file("gone")),
        ),
        (
            with(&|tls| tls.ca_file = Some(text.clone())),
            format!("{}, which prometheus setting `tls.ca_file` names, holds no certificate in PEM form", file("text")),
        ),
        (
            with(&|tls| tls.ca_file = Some(broken.clone())),
            format!(
                "{}, which prometheus setting `tls.ca_file` names, holds a certificate that cannot be used as an \
                 authority",
                file("broken")
            ),
        ),
        (
            with(&|tls| tls.cert_file = Some(text.clone())),
            format!("{}, which prometheus setting `tls.cert_file` names, holds no certificate in PEM form", file("text")),
        ),
        (
            with(&|tls| tls.key_file = Some(text.clone())),
            format!("{}, which prometheus setting `tls.key_file` names, holds no private key in PEM form", file("text")),
        ),
        (
            with(&|tls| tls.key_file = Some(other_key.clone())),
            format!(
                "{}, which prometheus setting `tls.key_file` names, holds a key that is not that of the certificate in \
                 `tls.cert_file`",
                file("other")
            ),
        ),
        (
            with(&|tls| tls.key_file = None),
            "prometheus setting `tls.cert_file` needs `tls.key_file`, its private key".to_owned(),
        ),
        (
            with(&|tls| tls.cert_file = None),
            "prometheus setting `tls.key_file` needs `tls.cert_file`, its certificate".to_owned(),
        ),
        (
            with(&|tls| tls.server_name = Some("10.0.0.1".to_owned())),
            "prometheus setting `tls.server_name` is `10.0.0.1`, which is no DNS name: leave it out, or give the name of \
             the certificate"
                .to_owned(),
        ),
    ] {
        let mut connection = Connection::new("https://prometheus:9090");
        connection.tls = tls;
        assert_eq!(Client::new(&connection).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_url_that_cannot_be_right_is_refused_with_the_mend() {
    for (url, expected) in [
        ("", "is no URL such as `http://prometheus:9090`: relative URL without a base"),
        ("prometheus:9090", "must be the http or https address of a server, such as `http://prometheus:9090`"),
        ("ftp://prometheus", "must be the http or https address of a server, such as `http://prometheus:9090`"),
        ("http://prometheus/?a=b", "must end with the path: leave out what follows `?` or `#`"),
        ("http://prometheus/api/v1/", "must not hold `/api/v1`: leave it out"),
    ] {
        let error = Client::new(&Connection::new(url)).unwrap_err().to_string();
        assert_eq!(error, format!("prometheus setting `url` {expected}"), "{url}");
    }
    for (url, shown) in [("http://h:9090/", "http://h:9090"), ("https://u:p@h/base//", "https://h/base")] {
        assert_eq!(Client::new(&Connection::new(url)).unwrap().url(), shown);
    }
    let refused = |change: &dyn Fn(&mut Connection)| {
        let mut connection = Connection::new("http://h");
        change(&mut connection);
        Client::new(&connection).unwrap_err().to_string()
    };
    assert_eq!(refused(&|c| c.concurrency = 0), "prometheus setting `concurrency` must be at least 1");
    assert_eq!(refused(&|c| c.timeout = std::time::Duration::ZERO), "prometheus setting `timeout` must be above 0");
    assert_eq!(
        refused(&|c| c.tls.server_name = Some("x".into())),
        "prometheus setting `tls` has no effect with an http `url`: make it https, or leave `tls` out"
    );
}
