//! Why there is no connection, or no target.

use std::path::PathBuf;

use kube::config::{InferConfigError, KubeconfigError};

/// What stops the daemon before it has begun: a person must act. What may pass by itself is retried instead, and
/// shown by [`Targets::troubles`](super::Targets::troubles).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig that the settings name.
    #[error("failed to load the kubeconfig `{}`: check the path, and `kubectl --kubeconfig` with it", path.display())]
    Kubeconfig {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KubeconfigError,
    },
    /// The context that the settings name.
    #[error("failed to use the context `{context}`: `kubectl config get-contexts` lists those that there are")]
    Context {
        /// Which context.
        context: String,
        /// What is wrong with it.
        #[source]
        source: KubeconfigError,
    },
    /// Neither a kubeconfig nor a service account.
    #[error("failed to find an API server: name a kubeconfig, or run in a pod that has a service account")]
    Infer(#[source] InferConfigError),
    /// The client itself: certificates, proxies.
    #[error("failed to make a client for the API server")]
    Client(#[source] kube::Error),
    /// The target's `apiVersion`.
    #[error("policy `{policy}`: `{api_version}` is no apiVersion: write group/version, such as `apps/v1`")]
    ApiVersion {
        /// Whose target.
        policy: String,
        /// As it was written.
        api_version: String,
    },
    /// The cluster does not serve the kind.
    #[error(
        "policy `{policy}`: the cluster knows no {kind} in `{api_version}`: install its CustomResourceDefinition, or \
         correct spec.target (`kubectl api-resources` lists what there is)"
    )]
    KindAbsent {
        /// Whose target.
        policy: String,
        /// As it was written.
        kind: String,
        /// As it was written.
        api_version: String,
    },
    /// The kind cannot be scaled.
    #[error(
        "policy `{policy}`: {kind} in `{api_version}` has no scale subresource, so its width cannot be set: {mend}"
    )]
    NoScale {
        /// Whose target.
        policy: String,
        /// As it was written.
        kind: String,
        /// As it was written.
        api_version: String,
        /// What to do instead.
        mend: &'static str,
    },
    /// The kind's objects are in no namespace.
    #[error("policy `{policy}`: {kind} in `{api_version}` is not namespaced, so it cannot be a job")]
    NotNamespaced {
        /// Whose target.
        policy: String,
        /// As it was written.
        kind: String,
        /// As it was written.
        api_version: String,
    },
}

/// What kube's error says, on one line: its own text repeats the cause, and prints an API server's answer twice.
pub(super) fn describe(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        // Plain text ("404 page not found", "Too many requests, ...") comes without a reason worth printing.
        return format!("{}: {}", status.code, status.message);
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn an_answer_is_told_once() {
        let refused = Status::failure("flinkdeployments is forbidden", "Forbidden").with_code(403).boxed();
        assert_eq!(describe(&kube::Error::Api(refused)), "403: flinkdeployments is forbidden");
        let broken = kube::Error::ReadEvents(std::io::Error::other("connection reset"));
        assert_eq!(describe(&broken), "Error reading events stream: connection reset");
    }
}
