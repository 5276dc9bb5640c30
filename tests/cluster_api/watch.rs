//! The watches of the room `cluster` against a scripted API server: list, follow, and every way to fail.

use std::time::Duration;

use serde_json::json;
use steelyard::cluster::Targets;
use steelyard::engine::{JobTable, Signal};

use crate::objects::{flink, target};
use crate::policies::{policies, tick, told};
use crate::server::{Ask, Fault, Server, error_event, eventually, parameter};

/// Everything runs on the paused clock: this much of it, and a test that hangs fails.
async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3_600), test).await.expect("the test hangs")
}

#[tokio::test(start_paused = true)]
async fn lists_then_follows_what_changes() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        server.put(flink("streaming", "clicks", 1));
        server.put(flink("other", "elsewhere", 1));
        let policies = policies([("beam", Some(target(&["streaming"], "steelyard.dev/class=beam")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        assert_eq!(targets.troubles(), []);

        let mut jobs = JobTable::default();
        let rows = [(0, "streaming", "orders"), (0, "streaming", "long-gone")];
        let seen = tick(&targets, &policies, &mut jobs, &rows, 0);
        assert_eq!(told(&seen), ["0 streaming/clicks 1", "0 streaming/orders 3"]);
        assert_eq!(seen.classes, [], "no class had trouble");

        eventually("a watch is open", || server.open_watches() == 1).await;
        let target = policies.policies[0].target.as_ref().unwrap();
        let replicas = |name: &str| targets.object(target, "streaming", name).and_then(|object| object.replicas);
        server.put(flink("streaming", "orders", 5));
        server.put(flink("streaming", "new", 2));
        server.delete("streaming", "clicks");
        eventually("the changes arrive", || replicas("clicks").is_none()).await;
        let seen = tick(&targets, &policies, &mut jobs, &rows, 15);
        assert_eq!(told(&seen), ["0 streaming/new 2", "0 streaming/orders 5"]);

        let [list] = server.asked(Ask::List).try_into().unwrap();
        assert!(list.starts_with("/apis/flink.apache.org/v1beta1/namespaces/streaming/flinkdeployments?"), "{list}");
        assert_eq!(parameter(&list, "labelSelector"), Some("steelyard.dev%2Fclass%3Dbeam"));
        assert_eq!(parameter(&list, "limit"), Some("500"));
        let [watch] = server.asked(Ask::Watch).try_into().unwrap();
        assert_eq!(parameter(&watch, "labelSelector"), Some("steelyard.dev%2Fclass%3Dbeam"));
        assert_eq!(parameter(&watch, "resourceVersion"), Some("3"), "from where the list ended");
        assert_eq!(parameter(&watch, "allowWatchBookmarks"), Some("true"));
        assert_eq!(server.asked(Ask::Discovery).len(), 1);
        assert_eq!(server.asked(Ask::Other), [""; 0], "reads only, and never /scale");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_goes_on_from_where_it_was() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        let policies = policies([("beam", Some(target(&[], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        eventually("several rounds", || server.asked(Ask::Watch).len() > 5).await;
        assert_eq!(server.asked(Ask::List).len(), 1);
        let list = &server.asked(Ask::List)[0];
        assert!(list.starts_with("/apis/flink.apache.org/v1beta1/flinkdeployments?"), "{list}");
        assert_eq!(parameter(list, "labelSelector"), None);
        assert_eq!(targets.troubles(), []);
        let seen = tick(&targets, &policies, &mut JobTable::default(), &[], 1_000);
        assert_eq!(told(&seen), ["0 streaming/orders 3"], "quiet is not broken");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages() {
    within(async {
        let server = Server::default();
        for number in 0..5 {
            server.put(flink("streaming", &format!("job-{number}"), number));
        }
        server.page(2);
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        let seen = tick(&targets, &policies, &mut JobTable::default(), &[], 0);
        assert_eq!(seen.jobs.len(), 5);
        let asked = server.asked(Ask::List);
        let tokens: Vec<_> = asked.iter().map(|uri| parameter(uri, "continue")).collect();
        assert_eq!(tokens, [None, Some("2"), Some("4")]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_too_old_lists_again_and_drops_what_is_gone() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        server.put(flink("streaming", "clicks", 1));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        eventually("a watch is open", || server.open_watches() == 1).await;

        server.delete_unheard("streaming", "clicks");
        server.cut_watches(Some(error_event(410, "too old resource version: 1 (533)")));
        eventually("it lists again", || server.asked(Ask::List).len() == 2).await;
        eventually("it watches again", || server.open_watches() == 1).await;
        let mut jobs = JobTable::default();
        let rows = [(0, "streaming", "clicks"), (0, "streaming", "orders")];
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 0)), ["0 streaming/orders 3"]);
        assert_eq!(targets.troubles(), [], "an ordinary thing");
        let watch = server.asked(Ask::Watch).pop().unwrap();
        assert_eq!(parameter(&watch, "resourceVersion"), Some("3"));

        // The same as an answer rather than as an event.
        server.once(Ask::Watch, Fault::Status(410, "the provided resource version is too old"));
        server.cut_watches(None);
        eventually("it lists a third time", || server.asked(Ask::List).len() == 3).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_said_with_the_mend_until_it_may() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        server.always(Ask::List, Some(Fault::Status(403, "flinkdeployments.flink.apache.org is forbidden")));
        let policies = policies([("beam", Some(target(&["streaming-*", "streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        let [trouble] = targets.troubles().try_into().unwrap();
        assert_eq!(trouble.scope, "FlinkDeployment in all namespaces");
        for part in ["403", "is forbidden", "ClusterRole", "namespaces without globs"] {
            assert!(trouble.why.contains(part), "{}", trouble.why);
        }

        let mut jobs = JobTable::default();
        let rows = [(0, "streaming", "orders")];
        let seen = tick(&targets, &policies, &mut jobs, &rows, 0);
        assert_eq!(told(&seen), ["0 streaming/orders QueryFailed"], "it stays, and nobody knows its width");
        assert!(seen.classes[0].failed.contains(Signal::Wished));

        server.always(Ask::List, None);
        eventually("it may now", || targets.troubles().is_empty()).await;
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 60)), ["0 streaming/orders 3"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_watch_is_believed_for_a_minute_and_a_quiet_recovery_is_noticed() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        eventually("a watch is open", || server.open_watches() == 1).await;

        for ask in [Ask::List, Ask::Watch] {
            server.always(ask, Some(Fault::Refused));
        }
        server.cut_watches(None);
        eventually("the trouble shows", || !targets.troubles().is_empty()).await;
        let mut jobs = JobTable::default();
        let rows = [(0, "streaming", "gone"), (0, "streaming", "orders")];
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 100)), ["0 streaming/orders 3"]);
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 160)), ["0 streaming/orders 3"]);
        let unknown = ["0 streaming/gone QueryFailed", "0 streaming/orders QueryFailed"];
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 161)), unknown);
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &[], 162)), ["0 streaming/orders QueryFailed"]);

        for ask in [Ask::List, Ask::Watch] {
            server.always(ask, None);
        }
        // No object changes: only the answer itself says that all is well.
        eventually("it is noticed", || targets.troubles().is_empty()).await;
        assert_eq!(told(&tick(&targets, &policies, &mut jobs, &rows, 200)), ["0 streaming/orders 3"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_says_nothing_is_in_trouble_within_a_minute() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        server.always(Ask::List, Some(Fault::Silence));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let began = tokio::time::Instant::now();
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        assert_eq!(&*targets.troubles()[0].why, "not listed yet");
        targets.settled().await;
        assert_eq!(began.elapsed().as_secs(), 60);
        assert!(targets.troubles()[0].why.contains("said nothing for 1m"), "{:?}", targets.troubles());

        server.always(Ask::List, None);
        eventually("a watch is open", || server.open_watches() == 1).await;
        server.always(Ask::Watch, Some(Fault::Silence));
        server.cut_watches(None);
        eventually("a silent watch shows too", || !targets.troubles().is_empty()).await;
        assert!(targets.troubles()[0].why.contains("failed to watch"), "{:?}", targets.troubles());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_with_pauses_that_grow_and_then_from_a_new_list() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        eventually("a watch is open", || server.open_watches() == 1).await;

        let faults = [
            Fault::Status(500, "etcd is away"),
            Fault::Text(429, "Too many requests, please try again later."),
            Fault::Event(504, "Too large resource version: 99999999, current: 535"),
        ];
        for fault in faults {
            server.once(Ask::Watch, fault);
        }
        let before = server.asked(Ask::Watch).len();
        server.cut_watches(None);
        eventually("all faults are through", || server.asked(Ask::Watch).len() == before + 4).await;
        assert_eq!(server.asked(Ask::List).len(), 2, "the position was suspect after three failures");
        eventually("all is well", || targets.troubles().is_empty()).await;

        server.always(Ask::Watch, Some(Fault::Refused));
        server.always(Ask::List, Some(Fault::Refused));
        server.cut_watches(None);
        tokio::time::sleep(Duration::from_secs(600)).await;
        let tries = server.asked(Ask::Watch).len() + server.asked(Ask::List).len();
        assert!((20..60).contains(&tries), "{tries} requests in ten minutes of outage, as pauses go up to 30 s");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_list_is_trouble_and_an_odd_object_is_not() {
    within(async {
        let server = Server::default();
        server.put(flink("streaming", "orders", 3));
        let mut odd = flink("streaming", "odd", 1);
        odd["spec"]["taskManager"] = json!(["not", "a", "map"]);
        server.put(odd);
        server.once(Ask::List, Fault::Text(200, "<html>a proxy's page</html>"));
        let policies = policies([("beam", Some(target(&["streaming"], "")))]);
        let targets = Targets::start(server.client(), &policies).await.unwrap();
        targets.settled().await;
        assert!(targets.troubles()[0].why.contains("failed to list"), "{:?}", targets.troubles());
        eventually("the next list is read", || targets.troubles().is_empty()).await;
        let seen = tick(&targets, &policies, &mut JobTable::default(), &[], 0);
        assert_eq!(told(&seen), ["0 streaming/odd Missing", "0 streaming/orders 3"]);
    })
    .await;
}
