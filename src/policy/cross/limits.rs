//! Bounds and thresholds against each other.

use super::{Report, name};

const MIN: &str = "spec.limits.minWorkers";
const MAX: &str = "spec.limits.maxWorkers";
const TOTAL: &str = "spec.limits.maxWorkersTotal";
const SLOTS: &str = "spec.limits.slotsPerWorker";
const CPU_ABOVE: &str = "spec.scaleUp.cpuAbove";
const CPU_BELOW: &str = "spec.scaleDown.cpuBelow";
const CPU_TARGET: &str = "spec.scaleDown.cpuTarget";
const BACKLOG_ABOVE: &str = "spec.scaleUp.backlogTimeAbove";
const BACKLOG_BELOW: &str = "spec.scaleDown.backlogTimeBelow";
const TOLERANCE: &str = "spec.tolerance";

pub(super) fn check(report: &mut Report<'_>) {
    bounds(report);
    caps(report);
    backlog_times(report);
    cpu(report);
    steps(report);
}

fn bounds(report: &mut Report<'_>) {
    let count = |path| report.values.count(path);
    let (Some(min), Some(max)) = (count(MIN), count(MAX)) else { return };
    let total = count(TOTAL);
    if min > max {
        let message = format!("`minWorkers` {min} is above `maxWorkers` {max}: raise the maximum or lower the minimum");
        report.error(&[MIN, MAX], message);
    }
    match total {
        Some(total) if total < min => {
            let message =
                format!("`maxWorkersTotal` {total} is below `minWorkers` {min}: not even one job fits: raise it");
            report.error(&[TOTAL], message);
        }
        Some(total) if total < max => {
            let message = format!(
                "`maxWorkersTotal` {total} is below `maxWorkers` {max}: no job ever gets there: raise the total or lower \
                 the maximum"
            );
            report.warning(&[TOTAL], message);
        }
        _ => {}
    }
}

fn caps(report: &mut Report<'_>) {
    let count = |path| report.values.count(path);
    let (Some(min), Some(max), Some(slots)) = (count(MIN), count(MAX), count(SLOTS)) else { return };
    for path in ["spec.limits.maxParallelism", "spec.limits.partitions"] {
        let Some(cap) = report.values.count(path) else { continue };
        let workers = cap.div_ceil(slots);
        let field = name(path);
        let noun = if slots == 1 { "slot" } else { "slots" };
        let why = format!("`{field}` {cap} with {slots} {noun} a worker is enough for {workers} workers");
        if workers < min {
            report
                .error(&[path], format!("{why}, fewer than `minWorkers` {min}: lower the minimum or raise `{field}`"));
        } else if workers < max {
            report.warning(&[path], format!("{why}: `maxWorkers` {max} is never reached: lower it to {workers}"));
        }
    }
}

fn backlog_times(report: &mut Report<'_>) {
    let time = |path| report.values.duration(path);
    let (Some(above), Some(below)) = (time(BACKLOG_ABOVE), time(BACKLOG_BELOW)) else { return };
    // Up is strictly above, down strictly below: equal times leave no backlog that orders both.
    if below <= above {
        return;
    }
    let message = format!(
        "`backlogTimeBelow` {} is above `backlogTimeAbove` {}: one backlog would order both an increase and a \
         decrease: lower `backlogTimeBelow`",
        report.written(BACKLOG_BELOW),
        report.written(BACKLOG_ABOVE)
    );
    // "Any backlog at all" is said as 0s, and no value of the other fits below that.
    if above.is_zero() && report.values.found(BACKLOG_BELOW).is_none() {
        report.warning(&[BACKLOG_ABOVE], message);
    } else {
        report.error(&[BACKLOG_BELOW, BACKLOG_ABOVE], message);
    }
}

fn cpu(report: &mut Report<'_>) {
    let share = |path| report.values.share(path);
    let (above, below, target) = (share(CPU_ABOVE), share(CPU_BELOW), share(CPU_TARGET));
    if let (Some(above), Some(below)) = (above, below)
        && below > above
    {
        let message = format!(
            "`cpuBelow` {below} is above `cpuAbove` {above}: one CPU use would order both an increase and a decrease: \
             lower `cpuBelow`"
        );
        report.error(&[CPU_BELOW, CPU_ABOVE], message);
    }
    if let (Some(above), Some(target)) = (above, target)
        && target > above
    {
        let message = format!(
            "`cpuTarget` {target} is above `cpuAbove` {above}: a decrease would end where an increase begins: lower \
             `cpuTarget`"
        );
        report.error(&[CPU_TARGET, CPU_ABOVE], message);
    }
}

fn steps(report: &mut Report<'_>) {
    let Some(tolerance) = report.values.share(TOLERANCE) else { return };
    for path in ["spec.limits.maxStepUp", "spec.limits.maxStepDown"] {
        if let Some(step) = report.values.share(path)
            && step <= tolerance
        {
            let message = format!(
                "`{}` {step} is not above `tolerance` {tolerance}: no step is ever worth a rescale: raise the step or \
                 lower the tolerance",
                name(path)
            );
            report.error(&[path], message);
        }
    }
}
