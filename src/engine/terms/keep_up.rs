//! Workers to keep up with the input.

/// `W · (g⁺ + T) / T`: as many more as the input exceeds what is processed. In workers; `throughput` is above 0, and
/// it and `growth` are in the same unit per second.
///
/// Source: the published rule (Beam blog "Apache Beam, Flink and Kubernetes" part 3; Dataflow streaming autoscaling,
/// QCon London 2016).
pub(crate) fn keep_up(workers: f64, throughput: f64, growth: f64) -> f64 {
    workers * (growth.max(0.0) + throughput) / throughput
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_the_input_and_never_falls_below_what_runs() {
        for (workers, throughput, growth, needed) in [
            (10.0, 1000.0, 200.0, 12.0),
            (10.0, 1000.0, 0.0, 10.0),
            (10.0, 1000.0, -300.0, 10.0),
            (9.0, 300.0, 100.0, 12.0),
        ] {
            let got = keep_up(workers, throughput, growth);
            assert!((got - needed).abs() < 1e-9, "{workers} {throughput} {growth}: {got}");
        }
    }
}
