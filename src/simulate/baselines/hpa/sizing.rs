//! How many replicas a metric asks for: the replica calculator of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2).

/// Rounds up, but not for the noise of floating point: 8.6 / 2.15 is 4.
fn up(replicas: f64) -> u32 {
    let nearest = replicas.round();
    // `as` saturates, as it must for an endless ratio.
    (if (replicas - nearest).abs() <= 1e-9 * nearest.abs() { nearest } else { replicas.ceil() }) as u32
}

/// Pods that are alike. Failed pods, and those being deleted, belong to no group.
#[derive(Debug, Clone, Copy)]
pub struct Pods {
    /// How many.
    pub count: u32,
    /// CPU of each, as a share of its request.
    pub cpu: f64,
    /// Whether they are ready and past their warm-up, so that their CPU counts.
    pub ready: bool,
}

/// Replicas by mean CPU utilization of what was requested, cut to whole per cent. Pods that are not ready count as idle
/// before anything is scaled up, and not at all before a scale-down; where that takes the ratio into the tolerance or to
/// the other side, nothing changes.
pub fn by_utilization(current: u32, pods: &[Pods], target: f64, tolerance: f64) -> u32 {
    let ready: u32 = pods.iter().filter(|pods| pods.ready).map(|pods| pods.count).sum();
    let all: u32 = pods.iter().map(|pods| pods.count).sum();
    let used: f64 = pods.iter().filter(|pods| pods.ready).map(|pods| pods.cpu * pods.count as f64).sum();
    if ready == 0 {
        return current;
    }
    let ratio = |of: u32| (100.0 * used / of as f64 + 1e-9).floor() / (100.0 * target);
    let among_ready = ratio(ready);
    if all == ready || among_ready <= 1.0 {
        return if within(among_ready, tolerance) { current } else { up(among_ready * ready as f64) };
    }
    let among_all = ratio(all);
    if within(among_all, tolerance) || among_all < 1.0 {
        return current;
    }
    // More pods than replicas, as in a rolling update, must not turn the direction either.
    up(among_all * all as f64).max(current)
}

/// Replicas by the mean of a metric of each pod, ready or not.
pub fn by_pod_average(current: u32, values: &[f64], target: f64, tolerance: f64) -> u32 {
    if values.is_empty() {
        return current;
    }
    let ratio = values.iter().sum::<f64>() / values.len() as f64 / target;
    if within(ratio, tolerance) { current } else { up(ratio * values.len() as f64) }
}

/// Replicas by a `Value` of an object or of an external metric: the ratio times the *ready* pods, so that few ready
/// ones can scale down although the metric is over its target.
pub fn by_value(current: u32, ready: u32, value: f64, target: f64, tolerance: f64) -> u32 {
    let ratio = value / target;
    if within(ratio, tolerance) { current } else { up(ratio * ready as f64) }
}

/// Replicas by an `AverageValue`: the total over what one replica should have of it.
pub fn by_average_value(current: u32, total: f64, target: f64, tolerance: f64) -> u32 {
    let ratio = total / (target * current as f64);
    if within(ratio, tolerance) { current } else { up(total / target) }
}

fn within(ratio: f64, tolerance: f64) -> bool {
    (ratio - 1.0).abs() <= tolerance + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: f64 = 0.1;

    fn pods(milli: &[u32], unready: &[usize]) -> Vec<Pods> {
        let one = |(index, milli): (usize, &u32)| Pods {
            count: 1,
            cpu: f64::from(*milli) / 1000.0,
            ready: !unready.contains(&index),
        };
        milli.iter().enumerate().map(one).collect()
    }

    #[test]
    fn cpu_rows_of_the_upstream_tests() {
        let seven: &[u32] = &[100, 300, 500, 250, 250];
        // Rows 5, 6 and 11 have failed or deleting pods beside these: they belong to no group.
        for (row, current, percent, milli, unready, expected) in [
            (1, 3, 30, &[300, 500, 700][..], &[][..], 5),
            (2, 3, 30, &[300, 500, 700], &[0], 4),
            (3, 3, 30, &[300, 500, 700], &[0], 4),
            (4, 3, 30, &[400, 500, 700], &[1, 2], 3),
            (5, 2, 30, &[500, 700], &[], 4),
            (6, 2, 30, &[500, 700], &[], 4),
            (7, 5, 50, seven, &[], 3),
            (8, 5, 50, seven, &[3, 4], 2),
            (9, 5, 50, seven, &[3, 4], 2),
            (10, 5, 50, &[100, 0, 0, 0, 0], &[1, 2, 3, 4], 1),
            (11, 5, 50, seven, &[], 3),
        ] {
            let seen = by_utilization(current, &pods(milli, unready), f64::from(percent) / 100.0, TOLERANCE);
            assert_eq!(seen, expected, "row {row}");
        }
    }

    #[test]
    fn other_rows_of_the_upstream_tests() {
        for (row, seen, expected) in [
            (12, by_pod_average(3, &[20.0, 10.0, 30.0], 15.0, TOLERANCE), 4),
            (13, by_pod_average(3, &[50.0, 10.0, 30.0], 15.0, TOLERANCE), 6),
            (14, by_pod_average(3, &[50.0, 15.0, 30.0], 15.0, TOLERANCE), 7),
            (15, by_value(3, 3, 20.0, 15.0, TOLERANCE), 4),
            (16, by_average_value(3, 20.0, 5.0, TOLERANCE), 4),
            (17, by_value(3, 1, 50.0, 10.0, TOLERANCE), 5),
            (18, by_value(1, 1, 8.6, 4.4, TOLERANCE), 2),
            (19, by_value(3, 1, 8.6, 4.4, TOLERANCE), 2),
            (20, by_average_value(3, 8.6, 2.15, TOLERANCE), 4),
        ] {
            assert_eq!(seen, expected, "row {row}");
        }
    }

    #[test]
    fn the_tolerance_is_a_limit_with_two_sides() {
        let at = |cpu: f64| by_utilization(10, &[Pods { count: 10, cpu, ready: true }], 0.7, TOLERANCE);
        // 77 % is 1.1 times the target; 76.9 % is cut to 76 %, 63.9 % to 63 %.
        for (cpu, expected) in [(0.779, 10), (0.78, 12), (0.639, 10), (0.629, 9), (0.7, 10)] {
            assert_eq!(at(cpu), expected, "{cpu}");
        }
        assert_eq!(by_utilization(10, &[], 0.7, TOLERANCE), 10);
        assert_eq!(by_utilization(10, &[Pods { count: 10, cpu: 9.0, ready: false }], 0.7, TOLERANCE), 10);
    }
}
