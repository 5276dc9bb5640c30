//! Workers as long as nothing is known of the capacity: by backlog and input, and by CPU.

use std::time::Duration;

use super::toll::Toll;

/// `W · (I + (B + I · (D + c/2)) / drainTarget) / T`: input, backlog and what a restart adds to it, gone within the drain
/// target, by the rule of three. In workers; `throughput` T is above 0.
///
/// Source: evidence of the preset `balanced`; the published rule with the restart counted in.
pub(crate) fn by_backlog(
    workers: f64,
    throughput: f64,
    input: f64,
    backlog: f64,
    toll: &Toll,
    drain_target: Duration,
) -> f64 {
    let waits = backlog + input * (toll.downtime + toll.replay);
    workers * (input + waits / drain_target.as_secs_f64()) / throughput
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_input_backlog_and_restart() {
        let toll = Toll { delay: 30.0, downtime: 30.0, replay: 5.0, unseen: 0.0, learned: false };
        for (input, backlog, needed) in
            [(1000.0, 0.0, 11.166_666_7), (1000.0, 300_000.0, 21.166_666_7), (1200.0, 0.0, 13.4), (0.0, 0.0, 0.0)]
        {
            let got = by_backlog(10.0, 1000.0, input, backlog, &toll, Duration::from_secs(300));
            assert!((got - needed).abs() < 1e-6, "{input} {backlog}: {got}");
        }
    }
}
