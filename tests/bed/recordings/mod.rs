//! Recordings for `fixtures/`: real jobs in which something happens, what `steelyard record` made of them, and the truth.

mod beam;
mod files;
mod scenarios;
mod stage;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Mutex;

use crate::component;
use scenarios::{SCENARIOS, Scenario};
use stage::Stage;

/// At once; more would not get enough of two cores.
const SIDE_BY_SIDE: usize = 4;

/// Plays the scenarios of these names, or all of them, and writes each one's folder in `fixtures`. Says those that failed; a
/// failure does not keep the others from their end.
pub async fn make(names: &[String]) -> Vec<&'static str> {
    for name in names {
        let known = SCENARIOS.iter().any(|scenario| scenario.name == name) || beam::is_known(name);
        assert!(known, "there is no scenario `{name}`");
    }
    let mut failed = beam::make(names).await;
    let wanted = SCENARIOS.iter().filter(|scenario| names.is_empty() || names.iter().any(|name| name == scenario.name));
    for scenario in wanted.clone() {
        component::install("flink", &[scenario.version]);
    }
    // One after the other: starting JVMs is what takes the machine's breath.
    let starting = Mutex::new(());
    let played = wanted.map(async |scenario| {
        let played = AssertUnwindSafe(take(scenario, &starting)).catch_unwind();
        played.await.is_err().then_some(scenario.name)
    });
    failed.extend(
        stream::iter(played).buffer_unordered(SIDE_BY_SIDE).filter_map(std::future::ready).collect::<Vec<_>>().await,
    );
    failed
}

async fn take(scenario: &'static Scenario, starting: &Mutex<()>) {
    let mut stage = {
        let _alone = starting.lock().await;
        Stage::open(scenario).await
    };
    scenarios::play(scenario.name, &mut stage).await;
    files::write(&stage).await;
}
