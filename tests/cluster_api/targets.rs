//! The targets of the policies: kinds, namespaces, what an object says about itself, and who else wants it.

use std::sync::Arc;

use serde_json::{Value, json};
use steelyard::cluster::Targets;
use steelyard::engine::{JobTable, Pause, Reading, Workers};
use steelyard::policy::{PolicySet, Target};

use crate::objects::{flink, target};
use crate::policies::{policies, tick, told};
use crate::server::{Ask, Fault, Server, eventually, resources};

async fn refusal(server: &Server, policies: &PolicySet) -> String {
    match Targets::start(server.client(), policies).await {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_cannot_be_scaled_is_refused_by_the_policys_name() {
    let one = policies([("beam", Some(target(&["streaming"], "")))]);
    let server = Server::default();
    let mut sorts = [
        (
            resources("flink.apache.org/v1beta1", "Other", "others", true, &["scale"]),
            "the cluster knows no FlinkDeployment",
        ),
        (
            resources("flink.apache.org/v1beta1", "FlinkDeployment", "fds", true, &["status"]),
            "has no scale subresource",
        ),
        (resources("flink.apache.org/v1beta1", "FlinkDeployment", "fds", false, &["scale"]), "is not namespaced"),
    ];
    for (resources, expected) in &mut sorts {
        server.serve(resources.take());
        let text = refusal(&server, &one).await;
        assert!(text.starts_with("policy `beam`: ") && text.contains(&**expected), "{text}");
    }
    // A group that is not there answers in plain text.
    server.once(Ask::Discovery, Fault::Text(404, "404 page not found"));
    let text = refusal(&server, &one).await;
    assert!(text.contains("`flink.apache.org/v1beta1`: install its CustomResourceDefinition"), "{text}");

    let wrong = Target { api_version: "flink.apache.org/".into(), ..target(&[], "") };
    let text = refusal(&server, &policies([("fine", None), ("beam", Some(wrong))])).await;
    assert!(text.starts_with("policy `beam`: `flink.apache.org/` is no apiVersion"), "{text}");
    assert_eq!(server.asked(Ask::List), [""; 0], "nothing was started");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_at_the_start_is_asked_again() {
    for fault in [
        Fault::Refused,
        Fault::Silence,
        Fault::Status(503, "the request has been made before all known HTTP paths have been installed"),
        Fault::Status(401, "Unauthorized"),
        Fault::Text(429, "Too many requests, please try again later."),
    ] {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        server.always(Ask::Discovery, Some(fault.clone()));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        let why = targets.troubles().pop().unwrap().why;
        assert!(why.contains("failed to ask for the kind FlinkDeployment"), "{fault:?}: {why}");
        let mut jobs = JobTable::default();
        let rows = [(0, "streaming", "orders")];
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 0)), ["0 streaming/orders QueryFailed"]);

        server.always(Ask::Discovery, None);
        eventually("it came back", || targets.troubles().is_empty()).await;
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 60)), ["0 streaming/orders 3"]);
    }
}

#[tokio::test(start_paused = true)]
async fn many_namespaces_do_not_wait_for_each_other_when_nobody_answers() {
    let server = Server::default();
    server.always(Ask::Discovery, Some(Fault::Silence));
    let policies = policies([("beam", Some(target(&["a", "b", "c", "d", "e"], "")))]);
    let began = tokio::time::Instant::now();
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    assert_eq!(targets.troubles().len(), 5);
    assert_eq!(began.elapsed().as_secs(), 20, "ten seconds at the start, and ten for all in the background");
}

#[tokio::test(start_paused = true)]
async fn namespaces_named_outright_are_asked_one_by_one_and_globs_filter_the_whole() {
    let server = Server::default();
    for namespace in ["streaming", "streaming-a", "streaming-b", "other"] {
        server.put(flink(namespace, "orders", 3));
    }
    let named = policies([("beam", Some(target(&["streaming-a", "other", "other"], "")))]);
    let targets = Targets::start(server.client(), &named).await.unwrap();
    targets.settled().await;
    let rows = [(0, "streaming-b", "orders")];
    let seen = tick(&targets, &named, &mut JobTable::default(), &rows, 0);
    assert_eq!(told(&seen), ["0 other/orders 3", "0 streaming-a/orders 3"], "a row from elsewhere is no target");
    let lists = server.asked(Ask::List);
    assert_eq!(lists.len(), 2);
    assert!(lists.iter().all(|uri| uri.contains("/namespaces/")), "{lists:?}");

    let globs = policies([("beam", Some(target(&["streaming-*", "oth?r"], "")))]);
    let targets = Targets::start(server.client(), &globs).await.unwrap();
    targets.settled().await;
    let rows = [(0, "streaming", "orders"), (0, "streaming-a", "orders")];
    let seen = tick(&targets, &globs, &mut JobTable::default(), &rows, 0);
    assert_eq!(told(&seen), ["0 other/orders 3", "0 streaming-a/orders 3", "0 streaming-b/orders 3"]);
    assert!(!server.asked(Ask::List)[2].contains("/namespaces/"));
}

#[tokio::test(start_paused = true)]
async fn one_namespace_that_fails_leaves_the_others_known() {
    let server = Server::default();
    server.put(flink("a", "orders", 3));
    server.put(flink("b", "orders", 4));
    server.once(Ask::List, Fault::Status(403, "forbidden"));
    let policies = policies([("beam", Some(target(&["a", "b"], "")))]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    assert_eq!(targets.troubles().len(), 1);
    let rows = [(0, "a", "orders"), (0, "b", "orders")];
    let seen = tick(&targets, &policies, &mut JobTable::default(), &rows, 0);
    let unknown = seen.jobs.iter().filter(|job| job.wished == Reading::QueryFailed).count();
    assert_eq!((seen.jobs.len(), unknown), (2, 1), "{:?}", told(&seen));
    assert_eq!(seen.classes, [], "something of the class is known");
}

#[tokio::test(start_paused = true)]
async fn an_object_says_what_is_wished_and_what_must_not_be() {
    let server = Server::default();
    let annotated = |name: &str, key: &str, value: &str| {
        let mut object = flink("streaming", name, 2);
        object["metadata"]["annotations"][key] = json!(value);
        object
    };
    server.put(annotated("fixed", "steelyard.dev/workers", "7"));
    server.put(annotated("paused", "steelyard.dev/pause", "down"));
    server.put(annotated("unclear", "steelyard.dev/pause", "sometimes"));
    let without = |name: &str, at: &str, key: &str| {
        let mut object = flink("streaming", name, 2);
        object.pointer_mut(at).and_then(Value::as_object_mut).unwrap().remove(key);
        object
    };
    server.put(without("session", "/spec", "job"));
    server.put(without("unset", "/spec/taskManager", "replicas"));
    server.put(flink("streaming", "zero", 0));
    let mut deleting = flink("streaming", "deleting", 2);
    deleting["metadata"]["deletionTimestamp"] = json!("2026-11-21T05:00:00Z");
    server.put(deleting);

    let policies = policies([("beam", Some(target(&["streaming"], ""))), ("no-target", None)]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    let rows = [(0, "streaming", "deleting"), (0, "streaming", "fixed"), (1, "nowhere", "known-by-prometheus-alone")];
    let seen = tick(&targets, &policies, &mut JobTable::default(), &rows, 0);
    let expected = [
        "0 streaming/fixed 2",
        "0 streaming/paused 2",
        "0 streaming/session 2",
        "0 streaming/unclear 2",
        "0 streaming/unset Missing",
        "0 streaming/zero 0",
        "1 nowhere/known-by-prometheus-alone Missing",
    ];
    assert_eq!(told(&seen), expected);
    let job = |name: &str| seen.jobs.iter().find(|job| job.id.name() == name).unwrap();
    assert_eq!(job("fixed").wishes.fixed, Some(Workers(7)));
    assert_eq!(job("fixed").running, Reading::Fresh(2.0), "what Prometheus said stays");
    assert_eq!(job("paused").wishes.pause, Some(Pause::Down));
    assert_eq!(job("unclear").wishes.pause, Some(Pause::Both));
    let reason = |name: &str| job(name).unsafe_reason.as_deref().unwrap_or_default();
    assert!(reason("unclear").contains("`sometimes`"), "{}", reason("unclear"));
    assert!(reason("session").contains("session cluster"));
    assert_eq!(reason("unset"), "set spec.taskManager.replicas once");
    assert!(reason("zero").contains("spec.taskManager.replicas is 0"), "{}", reason("zero"));
    for safe in ["fixed", "paused", "known-by-prometheus-alone"] {
        assert_eq!(job(safe).unsafe_reason, None, "{safe}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_real_object_the_few_fields_are_kept() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    let policies = policies([("beam", Some(target(&["streaming"], "")))]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    let target = policies.policies[0].target.as_ref().unwrap();
    let object = targets.object(target, "streaming", "orders").unwrap();
    assert_eq!(&*object.uid, "8b6e2f0c-5d1a-4f8e-9c3b-000000orders");
    assert_eq!((object.generation, object.replicas), (4, Some(Workers(3))));
    assert!(object.has_job && !object.leaving);
    assert_eq!(object.wishes(), Default::default());
    assert_eq!(targets.object(target, "other", "orders"), None);
}

#[tokio::test(start_paused = true)]
async fn two_policies_that_select_one_object_conflict_and_share_the_watch() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    server.put(flink("batch", "nightly", 1));
    let policies = policies([
        ("all", Some(target(&[], ""))),
        ("streaming", Some(target(&["str*"], ""))),
        ("batch", Some(target(&["batch-*"], ""))),
    ]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    assert_eq!(server.asked(Ask::List).len(), 1, "the same kind, namespaces and selector");
    let seen = tick(&targets, &policies, &mut JobTable::default(), &[], 0);
    assert_eq!(told(&seen), ["0 batch/nightly 1", "0 streaming/orders 3", "1 streaming/orders 3"]);
    let conflicts: Vec<_> = seen.jobs.iter().map(|job| job.conflict.as_deref()).collect();
    assert_eq!(conflicts, [None, Some("policy streaming"), Some("policy all")]);
}

#[tokio::test(start_paused = true)]
async fn rows_of_each_others_jobs_are_no_conflict() {
    let server = Server::default();
    server.put(flink("streaming", "orders", 3));
    let policies = policies([
        ("taken", Some(target(&["streaming"], ""))),
        ("another-kind", Some(Target { kind: "Deployment".into(), api_version: "apps/v1".into(), ..target(&[], "") })),
        ("elsewhere", Some(target(&["batch"], ""))),
        ("looks", None),
        ("looks-too", None),
    ]);
    server.serve(resources("any", "FlinkDeployment", "flinkdeployments", true, &["scale"]));
    let error = refusal(&server, &policies).await;
    assert!(error.contains("`another-kind`"), "{error}");
    let mut both = resources("any", "FlinkDeployment", "flinkdeployments", true, &["scale"]);
    let more = resources("any", "Deployment", "deployments", true, &["scale"]);
    both["resources"].as_array_mut().unwrap().extend(more["resources"].as_array().unwrap().clone());
    server.serve(both);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;

    let rows = [0, 1, 2, 3, 4].map(|class| (class, "streaming", "orders"));
    let mut jobs = JobTable::default();
    let mut seen = tick(&targets, &policies, &mut jobs, &rows, 0);
    for job in &mut seen.jobs {
        job.conflict = Some("said from the rows alone".into());
    }
    targets.apply(&policies, &mut jobs, &mut seen, steelyard::engine::Timestamp::from_millis(1));
    let conflicts: Vec<_> = seen.jobs.iter().map(|job| (job.class.0, job.conflict.as_deref())).collect();
    let expected = [(0, None), (1, None), (3, Some("policy looks-too")), (4, Some("policy looks"))];
    assert_eq!(conflicts, expected, "the scripted server lists the same object for each kind");
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_prometheus_gave_stays() {
    let server = Server::default();
    let mut session = flink("streaming", "orders", 3);
    session["spec"].as_object_mut().unwrap().remove("job");
    server.put(session);
    let policies = policies([("beam", Some(target(&["streaming"], "")))]);
    let targets = Targets::start(server.client(), &policies).await.unwrap();
    targets.settled().await;
    let mut jobs = JobTable::default();
    let mut seen = tick(&targets, &policies, &mut jobs, &[], 0);
    let said: Arc<str> = "reads with an SDF".into();
    seen.jobs[0].unsafe_reason = Some(Arc::clone(&said));
    targets.apply(&policies, &mut jobs, &mut seen, steelyard::engine::Timestamp::from_millis(1));
    assert_eq!(seen.jobs.len(), 1);
    assert_eq!(seen.jobs[0].unsafe_reason, Some(said));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_watches_that_are_still_needed() {
    let server = Server::default();
    server.put(flink("a", "orders", 3));
    server.put(flink("b", "orders", 4));
    let before = policies([("beam", Some(target(&["a"], "")))]);
    let mut targets = Targets::start(server.client(), &before).await.unwrap();
    targets.settled().await;

    let after = policies([("more", Some(target(&["b"], ""))), ("beam", Some(target(&["a"], "")))]);
    let mut jobs = JobTable::default();
    let early = tick(&targets, &after, &mut jobs, &[(0, "b", "orders")], 0);
    assert_eq!(told(&early), ["0 b/orders QueryFailed", "1 a/orders 3"], "not watched yet is not gone");
    targets.follow(&after).await.unwrap();
    targets.settled().await;
    assert_eq!(told(&tick(&targets, &after, &mut jobs, &[], 15)), ["0 b/orders 4", "1 a/orders 3"]);
    assert_eq!(server.asked(Ask::List).len(), 2, "namespace a was not listed again");
    assert_eq!(server.asked(Ask::Discovery).len(), 1);

    let bad = policies([("beam", Some(Target { kind: "Other".into(), ..target(&["a"], "") }))]);
    assert!(targets.follow(&bad).await.is_err());
    assert_eq!(told(&tick(&targets, &after, &mut jobs, &[], 30)), ["0 b/orders 4", "1 a/orders 3"], "nothing changed");

    eventually("both watches are open", || server.open_watches() == 2).await;
    targets.follow(&before).await.unwrap();
    eventually("the watch that is not needed ends", || server.open_watches() == 1).await;
    drop(targets);
    eventually("all end with the targets", || server.open_watches() == 0).await;
}
