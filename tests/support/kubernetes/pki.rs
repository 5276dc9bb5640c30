//! The certificates and keys of a control plane, its tokens, and kubeconfigs.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Who may do everything: the controller manager and the tests themselves.
pub const ADMIN_TOKEN: &str = "steelyard-test-admin";

/// Files of one control plane.
#[derive(Debug)]
pub struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Makes all files in that folder: an authority, the server's certificate for loopback, the key that signs the
    /// tokens of service accounts, and the administrator's token.
    pub fn write(folder: &Path) -> Self {
        let pki = Self { folder: folder.to_owned() };
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate of its own");
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned).to_vec();
        let server = CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("a certificate");
        let accounts = KeyPair::generate().expect("a key");
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", server.pem()),
            ("server-key.pem", key.serialize_pem()),
            ("accounts.pem", accounts.public_key_pem()),
            ("accounts-key.pem", accounts.serialize_pem()),
            ("tokens.csv", format!("{ADMIN_TOKEN},admin,admin,system:masters\n")),
        ] {
            std::fs::write(folder.join(name), text).expect("a file in the folder");
        }
        pki
    }

    /// One of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A kubeconfig that shows that token, with a context in that namespace.
    pub fn kubeconfig(&self, url: &str, token: &str, namespace: &str) -> String {
        let authority = self.file("ca.pem");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: bed\n\
             contexts: [{{ name: bed, context: {{ cluster: bed, user: user, namespace: '{namespace}' }} }}]\n\
             clusters: [{{ name: bed, cluster: {{ server: '{url}', certificate-authority: '{}' }} }}]\n\
             users: [{{ name: user, user: {{ token: '{token}' }} }}]\n",
            authority.display()
        )
    }
}
