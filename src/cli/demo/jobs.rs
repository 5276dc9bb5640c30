//! The modelled fleet: about thirty jobs as one meets them, most of them ordinary.

use std::f64::consts::TAU;

use crate::engine::{OwnerWishes, Pause, Workers};

/// Seconds of a day.
pub(super) const DAY: u32 = 24 * 3600;
const HOUR: f64 = 3600.0;

/// One job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub namespace: &'static str,
    pub name: &'static str,
    pub load: Load,
    /// Workers at the start.
    pub start: u32,
    /// What one worker can process, in records/s.
    pub worker: f64,
    /// Lines of its plant that are not as those of the others.
    pub plant: &'static str,
    pub fate: Fate,
}

/// Records per second over the day.
#[derive(Debug, Clone, Copy)]
pub(super) enum Load {
    /// A wave with its height at that hour.
    Day { low: f64, high: f64, peak: f64 },
    /// A wave, and for `lasts` hours from the hour `at` on so many times as much.
    Spike { low: f64, high: f64, peak: f64, at: f64, lasts: f64, times: f64 },
    /// The same all day, but from the hour `from` until `to` another rate.
    Shift { base: f64, other: f64, from: f64, to: f64 },
    /// Little, and much for half an hour of every `every` hours.
    Batches { base: f64, peak: f64, every: f64 },
}

/// What is special about a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// Nothing.
    Ordinary,
    /// A rescale would do harm.
    Unsafe(&'static str),
    /// Somebody else decides too.
    Conflict(&'static str),
    /// What its owner asks for.
    Owner(OwnerWishes),
    /// Its state allows no higher parallelism.
    MaxParallelism(f64),
    /// At that hour of each day so many workers are killed, and come back after a while.
    Killed { at: f64, workers: u32, lasts: f64 },
    /// At that hour of each day what says its backlog is gone for a while.
    Unseen { at: f64, lasts: f64 },
}

const ORDINARY: Fate = Fate::Ordinary;

const fn owner(pause: Option<Pause>, fixed: Option<Workers>) -> Fate {
    Fate::Owner(OwnerWishes { pause, pause_until: None, fixed, min: None, max: None })
}

const fn day(low: f64, high: f64, peak: f64) -> Load {
    Load::Day { low, high, peak }
}

const fn job(
    (namespace, name): (&'static str, &'static str),
    load: Load,
    (start, worker): (u32, f64),
    plant: &'static str,
    fate: Fate,
) -> Job {
    Job { namespace, name, load, start, worker, plant, fate }
}

/// The fleet, by name.
pub(super) const FLEET: [Job; 30] = [
    job(("ads", "bids"), Load::Shift { base: 9e3, other: 26e3, from: 8.0, to: 13.0 }, (4, 4e3), "", ORDINARY),
    job(("ads", "clicks"), day(12e3, 30e3, 20.0), (6, 5e3), "noise: { arrivals: 0.12 }", ORDINARY),
    job(("ads", "reports"), Load::Batches { base: 2e3, peak: 11e3, every: 3.0 }, (3, 4e3), "", ORDINARY),
    job(("billing", "invoices"), day(2e3, 9e3, 11.0), (3, 3e3), "", ORDINARY),
    job(("billing", "ledger"), day(4e3, 9e3, 14.0), (6, 3e3), "", owner(None, Some(Workers(6)))),
    job(("chat", "messages"), day(15e3, 70e3, 19.0), (5, 8e3), "failures: { every: 4h }", ORDINARY),
    job(("chat", "presence"), day(20e3, 60e3, 18.0), (4, 9e3), "", ORDINARY),
    job(("data", "backfill"), day(6e3, 12e3, 3.0), (7, 2e3), "", owner(Some(Pause::Both), None)),
    job(
        ("data", "experiments"),
        day(4e3, 10e3, 15.0),
        (3, 4e3),
        "",
        Fate::Conflict("HorizontalPodAutoscaler experiments"),
    ),
    job(("data", "warehouse"), day(10e3, 24e3, 2.0), (5, 5e3), "", ORDINARY),
    job(
        ("fraud", "scoring"),
        day(5e3, 26e3, 13.0),
        (4, 4e3),
        // A database behind it that no worker makes faster.
        "ceiling: 19000",
        ORDINARY,
    ),
    job(("fraud", "signals"), day(8e3, 22e3, 13.0), (4, 4e3), "", ORDINARY),
    job(("geo", "routes"), day(7e3, 32e3, 8.5), (7, 5e3), "", ORDINARY),
    job(("geo", "traffic"), day(9e3, 30e3, 17.0), (4, 5e3), "capacitySteps: [{ at: 9h, factor: 0.65 }]", ORDINARY),
    job(("iot", "alarms"), day(1e3, 2e3, 12.0), (1, 4e3), "", ORDINARY),
    job(("iot", "telemetry"), day(48e3, 56e3, 12.0), (10, 7e3), "", ORDINARY),
    job(
        ("logs", "adhoc"),
        day(3e3, 8e3, 11.0),
        (3, 4e3),
        "",
        Fate::Unsafe("a session cluster (no spec.job): a patch would end all its jobs"),
    ),
    job(("logs", "audit"), day(9e3, 20e3, 10.0), (6, 4e3), "", Fate::Unseen { at: 9.5, lasts: 0.4 }),
    job(("logs", "ingest"), day(40e3, 110e3, 14.0), (8, 10e3), "", ORDINARY),
    job(("mail", "delivery"), day(5e3, 21e3, 9.0), (6, 4e3), "", ORDINARY),
    job(("mail", "digest"), Load::Batches { base: 1e3, peak: 7e3, every: 6.0 }, (3, 3e3), "", ORDINARY),
    job(("maps", "tiles"), day(12e3, 34e3, 15.0), (5, 5e3), "", Fate::Killed { at: 10.0, workers: 3, lasts: 0.25 }),
    job(("media", "thumbnails"), day(3e3, 12e3, 20.0), (3, 2e3), "partitions: 4", ORDINARY),
    job(("media", "transcode"), day(6e3, 20e3, 16.0), (4, 2e3), "", Fate::MaxParallelism(8.0)),
    job(("search", "index"), day(10e3, 28e3, 12.0), (5, 5e3), "arrival: stepwise", ORDINARY),
    job(("search", "queries"), day(14e3, 52e3, 21.0), (4, 8e3), "", ORDINARY),
    job(("shop", "carts"), day(4e3, 24e3, 18.0), (2, 4e3), "", ORDINARY),
    job(
        ("shop", "checkout"),
        Load::Spike { low: 3e3, high: 10e3, peak: 17.0, at: 9.0, lasts: 0.5, times: 4.0 },
        (3, 3e3),
        "",
        ORDINARY,
    ),
    job(("shop", "orders"), day(6e3, 30e3, 19.0), (3, 5e3), "", ORDINARY),
    job(("shop", "stock"), day(5e3, 14e3, 16.0), (3, 4e3), "outages: [{ at: 5h, for: 40m }]", ORDINARY),
];

impl Load {
    /// Records per second at a second of the day, without noise.
    pub fn at(self, second: u32) -> f64 {
        let hour = f64::from(second % DAY) / HOUR;
        let wave = |low: f64, high: f64, peak: f64| {
            let share = 0.5 + 0.5 * ((hour - peak) / 24.0 * TAU).cos();
            low + (high - low) * share
        };
        match self {
            Self::Day { low, high, peak } => wave(low, high, peak),
            Self::Spike { low, high, peak, at, lasts, times } => {
                wave(low, high, peak) * if (at..at + lasts).contains(&hour) { times } else { 1.0 }
            }
            Self::Shift { base: _, other, from, to } if (from..to).contains(&hour) => other,
            Self::Shift { base, .. } => base,
            Self::Batches { base, peak, every } => {
                if hour % every < 0.5 {
                    peak
                } else {
                    base
                }
            }
        }
    }
}

impl Job {
    /// Its plant, as a file would have it.
    pub fn plant(&self) -> String {
        let Self { start, worker, plant, .. } = self;
        let own = plant.split(':').next().unwrap_or_default();
        let common = [
            "podStart: 30s",
            "downtime: 15s",
            "checkpointInterval: 10s",
            "sigma: 0.02",
            "warmUp: { duration: 60s, from: 0.5 }",
            "noise: { arrivals: 0.04, capacity: 0.02, cpu: 0.02 }",
            "cpu: { idle: 0.08, full: 1.0 }",
        ];
        let mut lines =
            vec![format!("capacityPerWorker: {worker}"), format!("startWorkers: {start}"), "maxWorkers: 20".to_owned()];
        lines.extend(common.iter().filter(|line| line.split(':').next() != Some(own)).map(|line| (*line).to_owned()));
        lines.push((*plant).to_owned());
        lines.join("\n")
    }
}

impl Fate {
    /// Whether something that lasts from that hour on for so many is under way.
    pub fn under_way(second: u32, at: f64, lasts: f64) -> bool {
        let hour = f64::from(second % DAY) / HOUR;
        (at..at + lasts).contains(&hour)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::simulate::PlantSpec;

    #[test]
    fn every_job_can_be_modelled_and_has_a_name_of_its_own() {
        let names: HashSet<_> = FLEET.iter().map(|job| (job.namespace, job.name)).collect();
        assert_eq!(names.len(), FLEET.len());
        for job in &FLEET {
            let plant =
                PlantSpec::parse(job.name, &job.plant()).unwrap_or_else(|faults| panic!("{}: {faults}", job.name));
            assert_eq!(plant.start_workers, job.start);
            let load = job.load.at(6 * 3600);
            assert!(load < plant.capacity(job.start, 0.0), "{} begins below its capacity: {load}", job.name);
        }
        let sorted = FLEET.is_sorted_by_key(|job| (job.namespace, job.name));
        assert!(sorted, "by name");
    }

    #[test]
    fn loads_go_through_their_day() {
        let hour = |hour: f64| (hour * 3600.0) as u32;
        let wave = day(10.0, 30.0, 19.0);
        assert_eq!([7.0, 19.0, 43.0].map(|at| wave.at(hour(at)).round()), [10.0, 30.0, 30.0]);
        let spike = Load::Spike { low: 10.0, high: 10.0, peak: 0.0, at: 9.0, lasts: 0.5, times: 4.0 };
        assert_eq!([8.9, 9.0, 9.4, 9.5].map(|at| spike.at(hour(at)).round()), [10.0, 40.0, 40.0, 10.0]);
        let shift = Load::Shift { base: 1.0, other: 2.0, from: 8.0, to: 9.0 };
        assert_eq!([7.9, 8.0, 9.0].map(|at| shift.at(hour(at))), [1.0, 2.0, 1.0]);
        let batches = Load::Batches { base: 1.0, peak: 5.0, every: 3.0 };
        assert_eq!([0.4, 0.5, 3.0, 3.6].map(|at| batches.at(hour(at))), [5.0, 1.0, 5.0, 1.0]);
    }
}
