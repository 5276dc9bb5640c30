//! The connection to the API server.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde::Deserialize;

use super::error::Error;

/// A control plane answers a handshake in milliseconds; with several behind one name, the next is soon tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the API server is. Empty: what `kubectl` would use, else the pod's service account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Connection {
    /// A kubeconfig; `None`: `KUBECONFIG`, then `~/.kube/config`, then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
}

/// A client for the API server. Nothing is sent yet.
///
/// kube's own retries are off: they repeat a call for minutes without a word (15 tries with pauses of up to 1000 s),
/// while a tick has seconds and wants to tell what is wrong.
///
/// # Errors
/// No such file or context, nothing to connect to, or certificates that cannot be read.
pub async fn connect(settings: &Connection) -> Result<kube::Client, Error> {
    let mut config = configuration(settings).await?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    kube::Client::try_from(config).map_err(Error::Client)
}

async fn configuration(settings: &Connection) -> Result<Config, Error> {
    let Connection { kubeconfig, context } = settings;
    let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    // A file that can be read may still lack the context: tell the two apart, as their mends differ.
    let unusable = |source, path: &PathBuf| match context.clone() {
        Some(context) => Error::Context { context, source },
        None => Error::Kubeconfig { path: path.clone(), source },
    };
    match (kubeconfig, context) {
        (Some(path), _) => {
            let read =
                Kubeconfig::read_from(path).map_err(|source| Error::Kubeconfig { path: path.clone(), source })?;
            Config::from_custom_kubeconfig(read, &options).await.map_err(|source| unusable(source, path))
        }
        (None, Some(context)) => Config::from_kubeconfig(&options)
            .await
            .map_err(|source| Error::Context { context: context.clone(), source }),
        (None, None) => Config::infer().await.map_err(Error::Infer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: here
contexts:
- { name: here, context: { cluster: bed, user: me } }
clusters:
- { name: bed, cluster: { server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true } }
users:
- { name: me, user: {} }
";

    #[tokio::test]
    async fn a_kubeconfig_and_its_contexts_are_found_or_the_mend_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, KUBECONFIG).unwrap();
        let settings = |path: &PathBuf, context: Option<&str>| Connection {
            kubeconfig: Some(path.clone()),
            context: context.map(Into::into),
        };

        assert!(connect(&settings(&path, None)).await.is_ok());
        assert!(connect(&settings(&path, Some("here"))).await.is_ok());
        let config = configuration(&settings(&path, None)).await.unwrap();
        assert_eq!(config.cluster_url, "https://127.0.0.1:1/");

        let told =
            |result: Result<kube::Client, Error>| result.err().map(|error| error.to_string()).unwrap_or_default();
        let there = told(connect(&settings(&path, Some("there"))).await);
        assert!(there.contains("`there`") && there.contains("get-contexts"), "{there}");
        let absent = told(connect(&settings(&folder.path().join("absent"), None)).await);
        assert!(absent.contains("absent") && absent.contains("check the path"), "{absent}");
        std::fs::write(&path, "kind: [").unwrap();
        let broken = told(connect(&settings(&path, None)).await);
        assert!(broken.contains("failed to load the kubeconfig"), "{broken}");
    }

    #[test]
    fn a_typo_in_the_settings_is_refused() {
        assert_eq!(serde_json::from_str::<Connection>("{}").unwrap(), Connection::default());
        let typo = serde_json::from_str::<Connection>(r#"{"kube_config": "x"}"#).unwrap_err();
        assert!(typo.to_string().contains("expected `kubeconfig` or `context`"), "{typo}");
    }
}
