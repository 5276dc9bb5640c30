//! Workers to drain the backlog, besides those that keep up.

use std::time::Duration;

/// `W · τ / D₀`: with linear scaling and no restart, the backlog is gone after exactly `drain_target`. In workers;
/// `backlog_time` in seconds.
///
/// Source: the published rule, see [`keep_up`](super::keep_up).
pub(crate) fn catch_up(workers: f64, backlog_time: f64, drain_target: Duration) -> f64 {
    workers * backlog_time / drain_target.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drains_within_the_target() {
        for (workers, seconds, target, extra) in
            [(10.0, 180.0, 60, 30.0), (10.0, 130.0, 60, 21.666_666_666), (12.0, 25.0, 60, 5.0), (10.0, 180.0, 300, 6.0)]
        {
            let got = catch_up(workers, seconds, Duration::from_secs(target));
            assert!((got - extra).abs() < 1e-6, "{workers} {seconds} {target}: {got}");
        }
    }
}
