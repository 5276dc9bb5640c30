//! Workers at which the use of each comes to a target.

/// `W · u / target`: the same work spread so that each worker uses `target` of its CPU. In workers; `cpu` and
/// `target` are shares, `target` above 0.
///
/// Source: the published rule's relation `CPU(W') = CPU(W) · W / W'`, solved for W'.
pub(crate) fn at_target_cpu(workers: f64, cpu: f64, target: f64) -> f64 {
    workers * cpu / target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_the_same_work() {
        for (workers, cpu, target, needed) in [(20.0, 0.35, 0.7, 10.0), (10.0, 1.4, 0.7, 20.0), (10.0, 0.0, 0.7, 0.0)] {
            let got = at_target_cpu(workers, cpu, target);
            assert!((got - needed).abs() < 1e-9, "{workers} {cpu} {target}: {got}");
        }
    }
}
