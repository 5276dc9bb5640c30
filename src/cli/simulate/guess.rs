//! A plant from a recording, for a user who has none: what the recording shows, and openly what it does not.

use std::fmt::Write as _;
use std::time::Duration;

use super::recorded::{Look, Recorded};
use crate::engine::{Learned, LearnedCapacity};

/// Loads that differ by less do not tell what the CPU does without load.
const VARIED: f64 = 0.2;
/// Contention where one count of workers alone was seen: C(16) is then 11.6 workers' worth, as on measured clusters.
const SIGMA: f64 = 0.025;

/// The file, with what each line comes from; it can be saved, corrected and given as `--plant`. `most`: the largest count
/// that any policy may order.
///
/// # Errors
/// The recording never shows both what is processed and how many workers do it.
pub(super) fn plant(recorded: &Recorded, most: u32) -> Result<String, String> {
    let Recorded { policy, learned, looks, .. } = recorded;
    let capacity = Capacity::of(learned, looks)
        .ok_or("it never shows at once what is processed and how many workers run: give a --plant")?;
    let widths = || looks.iter().filter_map(|look| look.workers).filter(|workers| *workers >= 1.0);
    let start = widths().next().unwrap_or(1.0) as u32;
    let most = widths().fold(f64::from(most.max(start)), f64::max) as u32;
    let restart = policy.plan.restart;
    let mut lines = vec![
        line("capacityPerWorker", &digits(capacity.of_one), &capacity.told),
        line("sigma", &digits(capacity.sigma), capacity.curve),
        line("startWorkers", &start.to_string(), "seen first"),
        line("maxWorkers", &most.to_string(), "the most that was seen or may be ordered"),
        time("podStart", learned.delay, restart.delay),
        time("downtime", learned.downtime, restart.downtime),
        match looks.iter().rev().find_map(|look| look.checkpoint_interval) {
            Some(interval) => {
                line("checkpointInterval", &seconds(Duration::from_secs_f64(interval.clamp(0.0, 3600.0))), "seen")
            }
            None => time("checkpointInterval", None, restart.checkpoint_interval),
        },
    ];
    if let Some(partitions) = looks.iter().rev().find_map(|look| look.partitions).filter(|count| *count >= 1.0) {
        lines.push(line("partitions", &partitions.round().to_string(), "seen"));
    }
    lines.extend(cpu(looks, &capacity));
    lines.push(line("noise", "{ capacity: 0.03, cpu: 0.02 }", "assumed; what came in has its own"));
    let mut metrics = format!(
        "{{ scrape: {}, rateWindow: {}",
        seconds(policy.plan.scrape_interval),
        seconds(policy.plan.rate_window)
    );
    if let Some(commits) = policy.plan.commit_interval {
        write!(metrics, ", backlogCommit: {}", seconds(commits)).expect("a string takes it");
    }
    lines.push(line("metrics", &(metrics + " }"), "of the recorded policy"));
    Ok(lines.concat())
}

/// To the tenth of a second.
fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() as u64;
    if tenths.is_multiple_of(10) { format!("{}s", tenths / 10) } else { format!("{}ms", tenths * 100) }
}

fn line(key: &str, value: &str, from: &str) -> String {
    format!("{:<34} # {from}\n", format!("{key}: {value}"))
}

fn time(key: &str, learned: Option<Duration>, assumed: Duration) -> String {
    match learned {
        Some(learned) => line(key, &seconds(learned), "learned from the recording's restarts"),
        None => line(key, &seconds(assumed), "assumed, as the recorded policy does: not seen here"),
    }
}

/// Four digits that count.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let places = (3 - value.abs().log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What one worker can do, and how that grows with their number.
struct Capacity {
    of_one: f64,
    sigma: f64,
    told: String,
    curve: &'static str,
}

impl Capacity {
    fn of(learned: &Learned, looks: &[Look]) -> Option<Self> {
        let counts = counts(&learned.capacity);
        if counts.is_empty() {
            // Never at its limit: it can do at least what it did.
            let each = looks.iter().filter_map(|look| Some(look.throughput? / look.workers.filter(|n| *n >= 1.0)?));
            let of_one = each.reduce(f64::max).filter(|rate| *rate > 0.0)?;
            let told =
                "AT LEAST: the highest seen, never at the limit, and no `busy` to tell how near it is".to_owned();
            return Some(Self { of_one, sigma: 0.0, told, curve: "assumed: not seen here" });
        }
        let told: Vec<String> = counts.iter().map(|(n, rate)| format!("{n}: {}", digits(*rate))).collect();
        let told = format!("learned of workers {}", told.join(", "));
        if let [(workers, rate)] = counts[..] {
            let of_one = rate / workers * (1.0 + SIGMA * (workers - 1.0));
            return Some(Self { of_one, sigma: SIGMA, told, curve: "assumed: one count of workers was seen" });
        }
        // n / C(n) = (1 + sigma (n - 1)) / c is a straight line over n - 1.
        let (at_one, slope) = straight(counts.iter().map(|(n, rate)| (n - 1.0, n / rate)))?;
        let (of_one, sigma) = if slope > 0.0 && at_one > 0.0 {
            (1.0 / at_one, (slope / at_one).min(1.0))
        } else {
            (mean(counts.iter().map(|(n, rate)| rate / n))?, 0.0)
        };
        Some(Self { of_one, sigma, told, curve: "fitted to these" })
    }

    fn at(&self, workers: f64) -> f64 {
        self.of_one * workers / (1.0 + self.sigma * (workers - 1.0))
    }
}

/// What each count of workers can process in all: the operator that can do the least, where there are several.
fn counts(learned: &[LearnedCapacity]) -> Vec<(f64, f64)> {
    let mut counts: Vec<(f64, f64)> =
        learned.iter().map(|one| (f64::from(one.workers.0), one.per_second)).filter(|one| one.0 >= 1.0).collect();
    counts.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    counts.dedup_by(|later, earlier| later.0 == earlier.0);
    counts
}

/// The CPU's straight line over the load, where CPU was recorded.
fn cpu(looks: &[Look], capacity: &Capacity) -> Option<String> {
    let pairs: Vec<(f64, f64)> = looks
        .iter()
        .filter_map(|look| {
            let load = look.throughput? / capacity.at(look.workers.filter(|n| *n >= 1.0)?);
            Some((load.min(1.0), look.cpu?))
        })
        .collect();
    let loads = || pairs.iter().map(|(load, _)| *load);
    let varied = loads().fold(0.0, f64::max) - loads().fold(f64::INFINITY, f64::min) >= VARIED;
    let (idle, full, told) = match straight(pairs.iter().copied()).filter(|(_, slope)| varied && *slope >= 0.0) {
        Some((idle, slope)) => (idle, idle + slope, "fitted to the CPU over the load"),
        None => {
            let (load, share) = (mean(loads())?, mean(pairs.iter().map(|(_, share)| *share))?);
            (0.0, if load > 0.0 { share / load } else { share }, "the load varies too little to tell what idling takes")
        }
    };
    let share = |value: f64| format!("{:.3}", value.clamp(0.0, 1.0));
    Some(line("cpu", &format!("{{ idle: {}, full: {} }}", share(idle), share(full)), told))
}

/// Value at 0 and slope by least squares; nothing where all points lie above one place.
fn straight(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<(f64, f64)> {
    let (x, y) = (mean(points.clone().map(|point| point.0))?, mean(points.clone().map(|point| point.1))?);
    let (over, under) = points
        .fold((0.0, 0.0), |(over, under), point| (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2)));
    (under > 0.0).then(|| (y - over / under * x, over / under))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then_some(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::simulate::recorded::tests::recorded;
    use crate::simulate::PlantSpec;

    fn learned(counts: &[(u32, f64)]) -> Learned {
        let of = |(workers, per_second): &(u32, f64)| LearnedCapacity {
            operator: "read".into(),
            workers: crate::engine::Workers(*workers),
            per_second: *per_second,
        };
        Learned { capacity: counts.iter().map(of).collect(), ..Learned::default() }
    }

    #[test]
    fn a_curve_goes_through_what_was_learned() {
        let curve = |n: f64| 100.0 * n / (1.0 + 0.03 * (n - 1.0));
        let three = [2, 4, 9].map(|n| (n, curve(f64::from(n))));
        for (name, counts, of_one, sigma) in [
            ("three on a curve", &three[..], 100.0, 0.03),
            ("a straight line", &[(2, 200.0), (5, 500.0)], 100.0, 0.0),
            ("more than a straight line", &[(2, 180.0), (4, 440.0)], 100.0, 0.0),
            ("one", &[(5, 500.0)], 110.0, SIGMA),
        ] {
            let found = Capacity::of(&learned(counts), &[]).unwrap();
            assert!((found.of_one - of_one).abs() < 1e-6 && (found.sigma - sigma).abs() < 1e-9, "{name}");
        }
        assert!(Capacity::of(&Learned::default(), &[]).is_none(), "nothing was seen");
    }

    #[test]
    fn what_was_never_at_its_limit_is_said_to_be_a_lower_bound() {
        let recorded = recorded(|at| {
            let (total, cpu) = (120 * at, 0.3);
            format!(r#""workers":2,"coverage":1,"cpu":{cpu},"operators":{{"read":{{"total":{total},"backlog":0}}}}"#)
        });
        let text = plant(&recorded, 5).unwrap();
        let told = text.lines().next().unwrap();
        assert!(told.starts_with("capacityPerWorker: 60 ") && told.contains("# AT LEAST"), "{text}");
        let spec = PlantSpec::parse("guess", &text).unwrap();
        assert_eq!((spec.start_workers, spec.max_workers, spec.checkpoint_interval), (2, 5, 60.0), "{text}");
        assert_eq!(
            (spec.pod_start, spec.downtime, spec.metrics.backlog_commit),
            (40.0, 75.0, 60.0),
            "the policy's own"
        );
    }

    #[test]
    fn a_recording_without_widths_gives_none() {
        let recorded = recorded(|at| format!(r#""operators":{{"read":{{"total":{at},"backlog":0}}}}"#));
        assert!(plant(&recorded, 5).unwrap_err().contains("give a --plant"));
    }

    #[test]
    fn four_digits_are_said() {
        for (value, told) in [
            (0.0, "0"),
            (101.7, "101.7"),
            (81.043, "81.04"),
            (197_833.4, "197833"),
            (0.004_641, "0.004641"),
            (100.0, "100"),
        ] {
            assert_eq!(digits(value), told);
        }
    }
}
