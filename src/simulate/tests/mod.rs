mod closed_forms;
mod closed_loop;
mod files;
mod fleet;
mod other_worlds;
mod plant;
mod properties;
mod readings;
mod scores;

use std::sync::Arc;

use super::{History, Plant, PlantSpec};

/// A plant of 10 workers that can do 100 records/s each, without noise, without a warm-up.
const SMOOTH: &str = "\
capacityPerWorker: 100
maxWorkers: 40
startWorkers: 10
podStart: 30s
downtime: 20s
checkpointInterval: 10s
";

/// That plant with some lines more, or others in place of its own.
fn spec(lines: &str) -> PlantSpec {
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let own = SMOOTH.lines().filter(|line| lines.lines().all(|other| key(other) != key(line)));
    let text: Vec<&str> = own.chain(lines.lines()).collect();
    PlantSpec::parse("plant.yaml", &text.join("\n")).unwrap()
}

/// The plant, `seconds` long at a constant rate, with orders at given seconds.
fn run(spec: PlantSpec, seconds: u32, rate: f64, orders: &[(u32, u32)]) -> History {
    let mut plant = Plant::new(Arc::new(spec), 0, seconds, 1);
    for second in 0..seconds {
        for (_, workers) in orders.iter().filter(|(at, _)| *at == second) {
            plant.order(*workers);
        }
        plant.step(rate);
    }
    plant.into_history()
}

/// From when to when the job was down.
fn downtimes(history: &History) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut since = None;
    for (at, second) in history.seconds().iter().enumerate() {
        match (since, second.is_up()) {
            // A second that ends down began down.
            (None, false) => since = Some(at - 1),
            (Some(from), true) => {
                found.push((from, at));
                since = None;
            }
            _ => {}
        }
    }
    found
}

/// When the width changed, and to what.
fn widths(history: &History) -> Vec<(usize, u32)> {
    let pairs = history.seconds().windows(2).enumerate();
    pairs.filter(|(_, pair)| pair[0].width != pair[1].width).map(|(at, pair)| (at, pair[1].width)).collect()
}
