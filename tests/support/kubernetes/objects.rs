//! Objects of a test: its namespace, accounts with roles, and manifests.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams, TypeMeta};
use kube::core::{GroupVersionKind, ObjectMeta};
use kube::discovery::{self, Scope};
use serde_json::Value;

use super::Cluster;

/// Longer than anything here takes, on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// The field manager of the tests.
const MANAGER: &str = "tests";

impl Cluster {
    /// A new namespace whose name begins so; the API server chooses the rest.
    pub async fn namespace(&self, prefix: &str) -> String {
        let metadata = ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let api: Api<Namespace> = Api::all(self.admin().await);
        let made = api.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        made.metadata.name.expect("it has a name")
    }

    /// A new service account, and its token for an hour.
    pub async fn service_account(&self, namespace: &str, name: &str) -> String {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        let api: Api<ServiceAccount> = Api::namespaced(self.admin().await, namespace);
        api.create(&PostParams::default(), &account).await.expect("an account can be made");
        self.token(namespace, name).await
    }

    /// A new service account that may do what these rules of a Role say and nothing more, and its token.
    pub async fn account(&self, namespace: &str, name: &str, rules: &str) -> String {
        let role = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{ name: {name} }}\nrules:\n{rules}---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{ name: {name} }}\n\
             roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name} }}\n\
             subjects: [{{ kind: ServiceAccount, name: {name} }}]\n"
        );
        self.apply(&role, namespace).await;
        self.service_account(namespace, name).await
    }

    /// A token for an account that there is.
    pub async fn token(&self, namespace: &str, name: &str) -> String {
        let api: Api<ServiceAccount> = Api::namespaced(self.admin().await, namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = api.create_token_request(name, &PostParams::default(), &request).await;
        answer.expect("a token can be asked for").status.expect("it was issued").token
    }

    /// Applies a manifest of any number of YAML documents, as `kubectl apply --server-side --validate=strict` does.
    /// What names no namespace goes into that one.
    pub async fn apply(&self, manifest: &str, namespace: &str) -> Vec<DynamicObject> {
        let parameters = PatchParams::apply(MANAGER).validation_strict();
        self.try_apply(manifest, namespace, &parameters).await.unwrap_or_else(|error| panic!("{error}\n{manifest}"))
    }

    /// What the API server would say to the manifest, as `kubectl apply --dry-run=server --validate=strict` tells it.
    ///
    /// # Errors
    /// The first document that it refuses, and why.
    pub async fn dry_run(&self, manifest: &str, namespace: &str) -> Result<Vec<DynamicObject>, String> {
        let parameters = PatchParams::apply(MANAGER).validation_strict().dry_run();
        self.try_apply(manifest, namespace, &parameters).await
    }

    async fn try_apply(
        &self,
        manifest: &str,
        namespace: &str,
        parameters: &PatchParams,
    ) -> Result<Vec<DynamicObject>, String> {
        let client = self.admin().await;
        let mut applied = Vec::new();
        for document in documents(manifest) {
            let types: TypeMeta = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
            let kind = GroupVersionKind::try_from(&types).map_err(|error| error.to_string())?;
            let name = document["metadata"]["name"].as_str().ok_or("a document has no metadata.name")?.to_owned();
            let (resource, capabilities) =
                discovery::pinned_kind(&client, &kind).await.map_err(|error| format!("{}: {error}", types.kind))?;
            let namespace = document["metadata"]["namespace"].as_str().unwrap_or(namespace);
            let api: Api<DynamicObject> = match capabilities.scope {
                Scope::Cluster => Api::all_with(client.clone(), &resource),
                Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
            };
            let answer = api.patch(&name, parameters, &Patch::Apply(&document)).await;
            applied.push(answer.map_err(|error| format!("{} {name}: {error}", types.kind))?);
        }
        Ok(applied)
    }

    /// Applies the CustomResourceDefinitions of a folder and waits until their objects are served.
    pub(super) async fn install_definitions(&self, folder: &Path) {
        let api: Api<CustomResourceDefinition> = Api::all(self.admin().await);
        for file in std::fs::read_dir(folder).expect("the component has definitions") {
            let path = file.expect("it can be listed").path();
            let manifest = std::fs::read_to_string(&path).expect("it can be read");
            for applied in self.apply(&manifest, "default").await {
                let name = applied.metadata.name.expect("it has a name");
                let established = async {
                    let mut next = tokio::time::interval(Duration::from_millis(100));
                    while !api.get(&name).await.is_ok_and(|definition| is_established(&definition)) {
                        next.tick().await;
                    }
                };
                tokio::time::timeout(DEADLINE, established).await.unwrap_or_else(|_| panic!("{name} is not served"));
            }
        }
    }
}

/// The documents of a YAML text, without empty ones.
pub fn documents(manifest: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).unwrap_or_else(|error| panic!("{error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
}
