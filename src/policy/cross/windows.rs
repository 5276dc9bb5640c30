//! Times against each other: what needs several scrapes, and what a restart makes.

use std::time::Duration;

use humantime::format_duration;

use super::{Report, name};
use crate::policy::fields::PRESETS;

const SCRAPE: &str = "spec.signals.scrapeInterval";
const RATE: &str = "spec.signals.rateWindow";
const STALE: &str = "spec.signals.staleAfter";
const GROWTH: &str = "spec.growth.window";
const WARM_UP: &str = "spec.warmUp";
const DOWNTIME: &str = "spec.restart.downtime";
const DELAY: &str = "spec.restart.delay";
const CHECKPOINT: &str = "spec.restart.checkpointInterval";
const DRAIN: &str = "spec.scaleUp.drainTarget";
const BACKLOG_ABOVE: &str = "spec.scaleUp.backlogTimeAbove";
const TIMEOUT: &str = "spec.rescaleTimeout";

/// The slope of the backlog needs as many points (design, section 2).
const GROWTH_POINTS: u32 = 5;
/// ... and as much time.
const GROWTH_TIME: Duration = Duration::from_secs(60);

pub(super) fn check(report: &mut Report<'_>) {
    scrapes(report);
    growth(report);
    warm_up(report);
    restart(report);
}

fn scrapes(report: &mut Report<'_>) {
    let time = |path| report.values.duration(path);
    let Some(scrape) = time(SCRAPE) else { return };
    let (rate, stale) = (time(RATE), time(STALE));
    if let Some(rate) = rate {
        let (window, scrapes) = (report.written(RATE), report.written(SCRAPE));
        if rate < scrape * 2 {
            let message = format!(
                "`rateWindow` {window} holds fewer than two scrapes of {scrapes}, and a rate needs two samples: write at \
                 least {}",
                format_duration(scrape * 4)
            );
            report.error(&[RATE, SCRAPE], message);
        } else if rate < scrape * 4 {
            let message = format!(
                "`rateWindow` {window} holds fewer than four scrapes of {scrapes}: one lost scrape leaves holes: write at \
                 least {}",
                format_duration(scrape * 4)
            );
            report.warning(&[RATE, SCRAPE], message);
        }
    }
    if let Some(stale) = stale {
        let (limit, scrapes) = (report.written(STALE), report.written(SCRAPE));
        if stale < scrape {
            let message = format!(
                "`staleAfter` {limit} is shorter than a scrape interval of {scrapes}: every job would be stale before the \
                 next scrape: write at least {}",
                format_duration(scrape * 2)
            );
            report.error(&[STALE, SCRAPE], message);
        } else if stale < scrape * 2 {
            let message = format!(
                "`staleAfter` {limit} is shorter than two scrapes of {scrapes}: one late scrape holds all jobs: write at \
                 least {}",
                format_duration(scrape * 2)
            );
            report.warning(&[STALE, SCRAPE], message);
        }
    }
}

fn growth(report: &mut Report<'_>) {
    let time = |path| report.values.duration(path);
    let Some(window) = time(GROWTH) else { return };
    let written = report.written(GROWTH);
    if window < GROWTH_TIME {
        let message =
            format!("`growth.window` {written} is shorter than a minute, and so growth is never judged: write 2m");
        report.error(&[GROWTH], message);
    } else if let Some(scrape) = time(SCRAPE)
        && window < scrape * GROWTH_POINTS
    {
        let message = format!(
            "`growth.window` {written} holds fewer than {GROWTH_POINTS} scrapes of {}: a slope needs as many points, so \
             the newest {GROWTH_POINTS} are taken whatever their age: write at least {}",
            report.written(SCRAPE),
            format_duration(scrape * GROWTH_POINTS)
        );
        // One scrape is no window at all; with a few the engine makes do.
        if window < scrape {
            report.error(&[GROWTH, SCRAPE], message);
        } else {
            report.warning(&[GROWTH, SCRAPE], message);
        }
    }
}

fn warm_up(report: &mut Report<'_>) {
    let time = |path| report.values.duration(path);
    let (Some(warm_up), Some(rate), Some(scrape)) = (time(WARM_UP), time(RATE), time(SCRAPE)) else { return };
    let least = rate + scrape * 2;
    if warm_up < least {
        let message = format!(
            "`warmUp` {} is shorter than `rateWindow` and two scrapes: after a restart rates still blend before and \
             after: write at least {}",
            report.written(WARM_UP),
            format_duration(least)
        );
        report.warning(&[WARM_UP, RATE, SCRAPE], message);
    }
}

fn restart(report: &mut Report<'_>) {
    let time = |path| report.values.duration(path);
    // `balanced` counts the replay in, and asks that gate only as long as it knows no capacity.
    if let (Some(checkpoint), Some(above)) = (time(CHECKPOINT), time(BACKLOG_ABOVE))
        && report.values.preset() == PRESETS[0]
        && checkpoint * 2 >= above
    {
        let message = format!(
            "`checkpointInterval` {} is at or above half of `backlogTimeAbove` {}: what a restart processes again looks \
             like a backlog that orders the next restart: shorten the interval or raise `backlogTimeAbove`",
            report.written(CHECKPOINT),
            report.written(BACKLOG_ABOVE)
        );
        report.error(&[CHECKPOINT, BACKLOG_ABOVE], message);
    }
    if let (Some(downtime), Some(drain)) = (time(DOWNTIME), time(DRAIN))
        && drain < downtime
    {
        let message = format!(
            "`drainTarget` {} is below `restart.downtime` {}: no backlog is gone before the job runs again: raise \
             `drainTarget`",
            report.written(DRAIN),
            report.written(DOWNTIME)
        );
        report.error(&[DRAIN, DOWNTIME], message);
    }
    if let Some(timeout) = time(TIMEOUT) {
        let takes = time(DELAY).unwrap_or_default() + time(DOWNTIME).unwrap_or_default();
        if timeout <= takes {
            let message = format!(
                "`{}` {} is not above `restart.delay` and `restart.downtime`, {} together: every rescale would be called \
                 incomplete: raise it",
                name(TIMEOUT),
                report.written(TIMEOUT),
                format_duration(takes)
            );
            report.error(&[TIMEOUT, DOWNTIME, DELAY], message);
        }
    }
}
