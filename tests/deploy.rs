//! What is in `deploy/` fits the program: settings and policies that it takes, the roles that it asks for, an image that
//! starts it. (The chart itself is rendered in tests/live_cluster/deploy.rs; no image can be built in a test.)

use std::path::Path;

use serde_json::Value;
use steelyard::cluster::{Account, rbac};
use steelyard::policy::{self, PolicySet};
use steelyard::run::settings::{Flags, Layers};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The objects of `deploy/steelyard.yaml`.
fn objects() -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text("deploy/steelyard.yaml")).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn the_policies_of_the_chart_are_those_that_are_shipped_with_their_target() {
    for file in std::fs::read_dir(Path::new(ROOT).join("deploy/helm/steelyard/policies")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let shipped = text(&format!("policies/{name}"));
        let mut inside = false;
        let with_target: Vec<String> = shipped
            .lines()
            .map(|line| {
                inside = line == "  # target:" || (inside && line.starts_with("  #   "));
                if inside { line.replacen("# ", "", 1) } else { line.to_owned() }
            })
            .collect();
        let with_target = with_target.join("\n") + "\n";
        assert_ne!(with_target, shipped, "policies/{name} has no target in a comment");
        let path = format!("deploy/helm/steelyard/policies/{name}");
        if std::env::var_os("UPDATE_DEPLOY").is_some() {
            std::fs::write(Path::new(ROOT).join(&path), &with_target).unwrap();
        }
        assert_eq!(text(&path), with_target, "{path} is not policies/{name} with its target: run with UPDATE_DEPLOY=1");
    }
}

#[test]
fn the_daemon_takes_the_settings_and_the_policies_of_the_manifest() {
    let objects = objects();
    let settings = object(&objects, "ConfigMap", "steelyard")["data"]["steelyard.yaml"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steelyard.yaml");
    std::fs::write(&path, settings).unwrap();
    let settings = Layers::new(Some(path), [], Flags::default()).read().unwrap_or_else(|error| panic!("{error}"));
    assert!(settings.kubernetes.enabled);
    assert_eq!(settings.mode.0, steelyard::engine::Mode::Observe, "the way in changes nothing");

    let deployment = object(&objects, "Deployment", "steelyard");
    let pod = &deployment["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mounted = |path: &str| mounts.iter().any(|mount| path.starts_with(mount["mountPath"].as_str().unwrap()));
    assert!(settings.policies.iter().all(|policy| mounted(policy.to_str().unwrap())), "{:?}", settings.policies);
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert!(mounted(arguments.last().unwrap().as_str().unwrap()), "{arguments:?}");
    let port = settings.listen.rsplit(':').next().unwrap();
    assert_eq!(pod["containers"][0]["ports"][0]["containerPort"].to_string(), port);
    assert_eq!(pod["enableServiceLinks"], false);

    let policies = object(&objects, "ConfigMap", "steelyard-policies")["data"].as_object().unwrap().clone();
    for (name, text) in policies {
        let read = policy::parse(&name, text.as_str().unwrap()).unwrap_or_else(|error| panic!("{error}"));
        assert!(read.iter().all(|policy| policy.target.is_some()));
    }
}

#[test]
fn the_manifest_grants_what_check_rbac_prints_and_nothing_more() {
    let objects = objects();
    let policies = object(&objects, "ConfigMap", "steelyard-policies")["data"].as_object().unwrap().clone();
    let policies = policies.iter().flat_map(|(name, text)| policy::parse(name, text.as_str().unwrap()).unwrap());
    let account = Account { namespace: "steelyard".into(), name: "steelyard".into() };
    let asked = rbac(&PolicySet { policies: policies.collect() }, &account);
    let granted: Vec<Value> = objects
        .into_iter()
        .filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1")
        .map(|mut object| {
            object["metadata"].as_object_mut().unwrap().remove("labels");
            object
        })
        .collect();
    assert_eq!(granted, asked);
}

#[test]
fn the_image_starts_the_program_that_its_first_stage_builds() {
    let dockerfile = text("deploy/Dockerfile");
    // Continued lines as one; what stands in a here-document is no instruction.
    let joined = dockerfile.replace("\\\n", " ");
    let mut inside: Option<&str> = None;
    let (mut instructions, mut scripts) = (Vec::new(), Vec::new());
    for line in joined.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match inside {
            Some(end) if line == end => inside = None,
            Some(_) => scripts.push(line.trim()),
            None => {
                inside = line.split_once("<<").map(|(_, end)| end);
                instructions.push(line.split_once(' ').expect("an instruction and its arguments"));
            }
        }
    }
    assert_eq!(inside, None, "a here-document does not end");
    let of =
        |name: &str| instructions.iter().filter(|(one, _)| *one == name).map(|(_, rest)| *rest).collect::<Vec<_>>();

    let [build, last] = of("FROM")[..] else { panic!("two stages: {:?}", of("FROM")) };
    assert_eq!(last, "scratch");
    let (image, stage) = build.split_once(" AS ").expect("the first stage has a name");
    assert!(of("COPY").contains(&format!("--from={stage} /image/ /").as_str()));
    let installed =
        scripts.iter().find_map(|line| line.strip_prefix("install -D \"target/$target/dist/steelyard\" /image"));
    assert_eq!(of("ENTRYPOINT"), [format!("[{:?}]", installed.expect("the program is installed"))]);

    let manifest = text("Cargo.toml");
    assert!(manifest.contains("[profile.dist]") && manifest.contains("[[bin]]\nname = \"steelyard\""));
    let minor = |version: &str| version.split('.').nth(1).expect("a version").parse::<u32>().expect("a number");
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    let compiler = image.rsplit_once("rust:").expect("the official image").1.split('-').next().unwrap();
    assert!(minor(compiler) >= minor(wanted), "the image builds with {compiler}, the crate wants {wanted}");

    // The chart runs it as the same user.
    let objects = objects();
    let pod = &object(&objects, "Deployment", "steelyard")["spec"]["template"]["spec"];
    let context = &pod["securityContext"];
    assert_eq!(of("USER"), [format!("{}:{}", context["runAsUser"], context["runAsGroup"])]);
    assert_eq!(of("EXPOSE"), [pod["containers"][0]["ports"][0]["containerPort"].to_string()]);
}
