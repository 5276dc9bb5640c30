//! Other worlds: what is laid over a plant, and what is said about the rest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::SMOOTH;
use crate::simulate::{Contender, OtherWorld, OtherWorldError, PlantSpec, Scenario, World, simulate};

fn world(plant: &str) -> OtherWorld {
    let text = format!("title: unkind\nplant: {plant}\n");
    OtherWorld::parse("unkind".to_owned(), "unkind.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn scenario(more: &str) -> Scenario {
    let plant = PlantSpec::parse("plant.yaml", &format!("{SMOOTH}{more}")).unwrap();
    Scenario { name: "S".to_owned(), title: "some load".to_owned(), plant, rates: vec![500.0; 3600] }
}

#[test]
fn a_world_changes_what_it_names_and_nothing_else() {
    let kind = scenario("metrics: { scrape: 30s }\noutages: [{ at: 1h, for: 30m }]\n");
    let same = world("{}").plant(&kind, Some(75.0)).unwrap();
    assert_eq!(same, PlantSpec { downtime: 75.0, ..kind.plant.clone() });

    let unkind =
        world("{ metrics: { delay: 120s }, arrival: stepwise, outages: [{ at: 20m, for: 30s }], downtime: 90s }");
    assert!(unkind.sets_downtime() && !world("{}").sets_downtime());
    let plant = unkind.plant(&kind, Some(75.0)).unwrap();
    assert_eq!((plant.metrics.scrape, plant.metrics.delay, plant.downtime), (30.0, 120.0, 90.0));
    let outages: Vec<(f64, f64)> = plant.outages.iter().map(|outage| (outage.at, outage.lasts)).collect();
    assert_eq!(outages, [(1200.0, 30.0), (3600.0, 1800.0)], "they come to those of the plant");
    assert_eq!(plant.arrival, crate::simulate::Arrival::Stepwise);
    let text = "capacityPerWorker: 100\nmaxWorkers: 40\nstartWorkers: 10\npodStart: 30s\ndowntime: 90s\n\
                checkpointInterval: 10s\nmetrics: { scrape: 30s, delay: 120s }\narrival: stepwise\n\
                outages: [{ at: 20m, for: 30s }, { at: 1h, for: 30m }]\n";
    assert_eq!(plant, PlantSpec::parse("plant.yaml", text).unwrap(), "as if one file said all of it");
}

#[test]
fn a_capacity_step_at_the_beginning_has_always_been() {
    let plant = world("{ capacitySteps: [{ at: 0s, factor: 2 }, { at: 30m, factor: 3 }] }").plant(&scenario(""), None);
    let plant = plant.unwrap();
    assert_eq!([-600.0, 0.0, 1799.0, 1800.0].map(|at| plant.capacity(1, at)), [200.0, 200.0, 200.0, 300.0]);
}

#[test]
fn what_is_wrong_with_a_world_is_told_with_its_place() {
    let told = |text: &str| OtherWorld::parse("w".to_owned(), "w.yaml", text).unwrap_err().to_string();
    insta::assert_snapshot!(told("titel: x\nplant: { arival: stepwise, downtime: 90, failures: {}, metrics: 5 }\n"));
    assert!(told("").contains("w.yaml: this file has no world: write `title: ...` and `plant: { ... }`"));
    assert!(told("title: x\nplant: {}\n---\ntitle: y\nplant: {}\n").contains("a world is one document"));
    assert!(told("title: x\n").contains("is without `plant`"));
    assert!(told("title: x\nplant: [\n").contains("not YAML"));

    let nothing = OtherWorld::all(Path::new("no/such")).unwrap_err();
    assert!(nothing.to_string().contains("failed to read `no/such`"), "{nothing}");
    let none = OtherWorld::all(Path::new("benches/scenarios/S1/../../support")).unwrap_err();
    assert!(none.to_string().contains("holds no world: a world is a file `NAME.yaml`"), "{none}");
}

#[test]
fn what_a_world_and_a_plant_contradict_is_told_with_both_names() {
    let refused = |plant: &str| match world(plant).plant(&scenario(""), None) {
        Err(error @ OtherWorldError::Contradiction { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let told = refused("{ maxWorkers: 9 }");
    assert_eq!(
        told,
        "the world `unkind` does not go with the scenario `S`: startWorkers 10 is above maxWorkers 9: raise the maximum or \
         start with fewer"
    );
    assert!(refused("{ skew: 3 }").contains("say how many there are (`partitions: 64`)"));
    assert!(world("{ skew: 3 }").plant(&scenario("partitions: 24\n"), None).is_ok(), "the plant says it");
}

#[test]
fn the_shipped_worlds_go_with_all_scenarios() {
    let scenarios = Scenario::all(Path::new("benches/scenarios")).unwrap();
    let worlds = OtherWorld::all(Path::new("benches/scenarios/worlds")).unwrap();
    for world in &worlds {
        for scenario in &scenarios {
            let plant = world.plant(scenario, Some(30.0)).unwrap_or_else(|error| panic!("{error}"));
            let kind = PlantSpec { downtime: 30.0, ..scenario.plant.clone() };
            assert_eq!(plant == kind, world.name == "kind", "{} {}", world.name, scenario.name);
        }
    }
    assert!(worlds.len() > 9, "{worlds:?}");
}

#[test]
fn a_cell_of_the_table_is_another_run() {
    let scored = |world: &OtherWorld| {
        let plant = world.plant(&scenario(""), Some(30.0)).unwrap();
        let world = World::new(Arc::new(plant), &vec![900.0; 1200], 600);
        let seed = super::closed_loop::policy(&[("scaleUp.cpuAbove", "0.8")]);
        let contender = Contender::Policy { name: "seed".into(), policy: Arc::new(seed), interval: 15 };
        simulate(&world, &contender, 1, false, &AtomicBool::new(false)).unwrap().scores
    };
    let (kind, failing) = (scored(&world("{}")), scored(&world("{ outages: [{ at: 5m, for: 5m }] }")));
    assert!(kind.lag_max < 60.0 && failing.lag_max > 250.0, "{} {}", kind.lag_max, failing.lag_max);
}
