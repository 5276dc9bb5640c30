//! The preset `balanced`: up where the input is above what the workers can process, to the count that costs least; down
//! where fewer carry the input. It does not chase backlog.

use std::sync::Arc;

use super::{Case, Wanted};
use crate::engine::decision::Hold;
use crate::engine::estimate::Capacity;
use crate::engine::filters;
use crate::engine::gates::{self, Direction, Flow, Wait};
use crate::engine::job::Workers;
use crate::engine::step::{Candidate, Candidates, Step};
use crate::engine::terms::{self, Market, Toll};

/// As long as nothing is known of the capacity, at most this share of the workers is left away at once: a useless CPU
/// reading would order an eighth.
const ROUGH_STEP: f64 = 0.3;

/// An operator with what is known of it.
struct Stream<'a> {
    flow: &'a Flow,
    input: f64,
    young: bool,
    /// Its level has just gone up: where to is not known yet.
    rising: bool,
    /// `None`: nothing is known.
    capacity: Option<(&'a Capacity, f64)>,
}

/// What the rule wants; `standing` as [`standing`] says.
pub(super) fn rule(
    case: &Case<'_>,
    running: Workers,
    flows: &[Flow],
    standing: Option<Workers>,
    because: &mut Vec<Step>,
) -> Result<Wanted, Hold> {
    let toll = Toll::of(case);
    let streams: Vec<Stream<'_>> = flows.iter().map(|flow| stream(case, running, flow, because)).collect();
    because.push(Step::Restart {
        delay: toll.delay,
        downtime: toll.downtime,
        lag: toll.lag(),
        unseen: (toll.unseen > 0.0).then_some(toll.unseen).into(),
        learned: toll.learned,
    });
    let busy = || streams.iter().filter(|stream| !stream.flow.is_idle() || stream.input > 0.0);
    if busy().all(|stream| stream.capacity.is_none()) {
        return Ok(rough(case, running, flows, &streams, &toll, because));
    }
    let prices = case.plan.prices;
    let mut markets: Vec<(&Stream<'_>, Market<'_>)> = busy()
        .filter_map(|stream| {
            let ((capacity, processes), input) = (stream.capacity?, stream.input);
            let (carries, backlog) = (terms::carries(capacity, input, running), stream.flow.backlog);
            Some((stream, Market { capacity, input, backlog, running, processes, carries, usual: 0.0, toll, prices }))
        })
        .collect();
    let carries = markets.iter().map(|(_, market)| market.carries).max();
    let usual = f64::from(carries.unwrap_or(running).0).max(case.memory.mean_workers().unwrap_or(0.0));
    markets.iter_mut().for_each(|(_, market)| market.usual = usual);

    let mut open: Vec<&(&Stream<'_>, Market<'_>)> = Vec::new();
    for one in &markets {
        if gates::open(case, one.0.flow, &one.1, one.0.young, because) {
            open.push(one);
        }
    }
    let short = case.plan.scale_down.backlog_time_below.as_secs_f64();
    let behind = !open.is_empty() || markets.iter().any(|(_, market)| market.lag() > short);
    if behind && let Some(useful) = filters::surplus(case, running, because) {
        return Ok(Wanted { need: standing.unwrap_or(running), ..Wanted::of(useful, running) });
    }
    if open.is_empty() {
        return fewer(case, running, standing.unwrap_or(running), (&markets, &streams), because);
    }
    let need = standing.unwrap_or(running);
    let stay = |hold: Option<Hold>| Ok(Wanted { opened: true, need, hold, ..Wanted::of(running, running) });
    if case.memory.ups == 0 {
        because.push(Step::FirstTick);
        return stay(None);
    }
    if let Err(hold) = gates::rested(case) {
        return stay(Some(hold));
    }
    let mut wish = running;
    let mut drains: Option<&Flow> = None;
    for (stream, market) in open {
        let (chosen, candidate) = size(case, stream, market, because);
        match gates::wait(case, stream.flow, market, candidate, because) {
            Wait::Yes => drains = drains.or(Some(stream.flow)),
            Wait::No => wish = wish.max(chosen),
        }
    }
    if let Some(flow) = drains.filter(|_| wish == running) {
        return stay(Some(draining(case, flow)));
    }
    Ok(Wanted { opened: true, need, ..Wanted::of(wish, running) })
}

/// What is known of an operator, shown.
fn stream<'a>(case: &'a Case<'_>, running: Workers, flow: &'a Flow, because: &mut Vec<Step>) -> Stream<'a> {
    let operator = case.operator(flow.operator);
    let memory = case.memory.operator_near(flow.operator, operator);
    let level = memory.map(|memory| memory.level());
    let input = level.and_then(|level| level.per_second()).unwrap_or(flow.throughput);
    let capacity = memory
        .filter(|_| case.plan.parts.learned_capacity)
        .and_then(|memory| Some((memory.capacity(), memory.capacity().of(f64::from(running.0))?)));
    because.push(Step::Input {
        operator: Arc::clone(operator),
        input,
        span: level.map_or(0.0, |level| level.span().as_secs_f64()),
        capacity: capacity.map(|(_, processes)| processes).into(),
        load: capacity.map(|(_, processes)| input / processes).into(),
    });
    let young = level.is_none_or(|level| level.is_young(case.plan.input_window));
    Stream { flow, input, young, rising: level.is_some_and(|level| level.is_rising(case.plan.input_window)), capacity }
}

/// m₀, which carries the input with room, or the larger count that costs least to a job that is late or would be.
fn size(
    case: &Case<'_>,
    stream: &Stream<'_>,
    market: &Market<'_>,
    because: &mut Vec<Step>,
) -> (Workers, Option<Candidate>) {
    let up = &case.plan.scale_up;
    let capacity = terms::with_room(market.input, &market.toll, (up.headroom, up.headroom_per_minute));
    let enough = terms::need(market.capacity, capacity).unwrap_or(market.running);
    let operator = || Arc::clone(case.operator(stream.flow.operator));
    because.push(Step::Enough { operator: operator(), workers: enough, capacity });
    if !case.plan.parts.catch_up || !(market.is_late() || market.peaks_high()) {
        return (enough, market.going_to(enough, enough));
    }
    let Some((first, chosen)) = market.cheapest(enough, filters::most(case)) else { return (enough, None) };
    let staying = market.staying();
    because.push(Step::LeastCost {
        operator: operator(),
        peak_lag: market.peak_lag(),
        objective: market.prices.lag_objective.as_secs_f64(),
        candidates: Box::new(Candidates { enough: first, chosen }),
        staying: staying.is_finite().then_some(staying).into(),
    });
    (chosen.workers, Some(chosen))
}

/// No gate is open: fewer, if fewer carry the input with room and nothing waits.
fn fewer(
    case: &Case<'_>,
    running: Workers,
    need: Workers,
    (markets, streams): (&[(&Stream<'_>, Market<'_>)], &[Stream<'_>]),
    because: &mut Vec<Step>,
) -> Result<Wanted, Hold> {
    let wish = need.min(running);
    let mut wanted = Wanted { need, ..Wanted::of(wish, running) };
    if wish == running {
        return Ok(wanted);
    }
    if let Some(rising) = streams.iter().find(|stream| stream.rising) {
        // What runs counts as needed, so that the window remembers it, too.
        let operator = Arc::clone(case.operator(rising.flow.operator));
        because.push(Step::Rising { operator, input: rising.input });
        return Ok(Wanted::of(running, running));
    }
    because.push(Step::Fewer { workers: need, headroom: room_left(case) });
    let below = case.plan.scale_down.backlog_time_below.as_secs_f64();
    let late = markets.iter().find(|(_, market)| market.lag() > below).map(|(stream, _)| stream.flow);
    let late = late.or_else(|| streams.iter().map(|stream| stream.flow).find(|flow| flow.backlog_time > below));
    if let Some(flow) = late {
        wanted.hold = Some(draining(case, flow));
        wanted.wish = running;
    }
    Ok(wanted)
}

/// The room that a decrease leaves, as a share of the input.
fn room_left(case: &Case<'_>) -> f64 {
    terms::room_left(case.plan.scale_down.headroom, terms::unseen(case))
}

fn draining(case: &Case<'_>, flow: &Flow) -> Hold {
    Hold::Draining { operator: Arc::clone(case.operator(flow.operator)), backlog_time: flow.backlog_time }
}

/// The count that carries every operator's input with the room that a decrease leaves, by what was learned: it depends
/// on no gate and not on what runs, so that it holds through restarts. `None`: an operator's capacity is not known.
pub(super) fn standing(case: &Case<'_>) -> Option<Workers> {
    if !case.plan.parts.learned_capacity {
        return None;
    }
    let room = 1.0 + room_left(case);
    let mut most = None;
    for memory in case.memory.operators() {
        let Some(input) = memory.level().per_second() else { continue };
        most = Some(terms::need(memory.capacity(), room * input)?.max(most.unwrap_or_default()));
    }
    let (least, largest) = filters::bounds(case);
    let useful = case.memory.useful.filter(|_| case.plan.parts.effect).map(|useful| useful.workers);
    most.map(|need| need.min(useful.unwrap_or(need)).clamp(least, largest))
}

/// Nothing is known of the capacity: the published gates, with a restart's own backlog left to it.
fn rough(
    case: &Case<'_>,
    running: Workers,
    flows: &[Flow],
    streams: &[Stream<'_>],
    toll: &Toll,
    because: &mut Vec<Step>,
) -> Wanted {
    let width = f64::from(running.0);
    let by_cpu =
        case.sight.readings.cpu.fresh().map(|cpu| terms::at_target_cpu(width, cpu, case.plan.scale_down.cpu_target));
    // It depends on no gate, so that shut gates do not look like need.
    let least = terms::round_up(width * (1.0 - ROUGH_STEP));
    let need = by_cpu.map_or(running, terms::round_up).max(least).max(Workers(1)).min(running);
    match gates::direction(case, flows, because) {
        Direction::Up { .. } => {
            if let Some((_, until)) = case.memory.masked.filter(|(_, until)| case.at < *until) {
                because.push(Step::Masked { until });
                return Wanted { need, hold: Some(Hold::Recovering { until }), ..Wanted::of(running, running) };
            }
            let mut most = by_cpu.unwrap_or(0.0);
            for stream in streams.iter().filter(|stream| !stream.flow.is_idle()) {
                let flow = stream.flow;
                let target = case.plan.scale_up.drain_target;
                let by_backlog = terms::by_backlog(width, flow.throughput, stream.input, flow.backlog, toll, target);
                because.push(Step::RoughDemand {
                    operator: Arc::clone(case.operator(flow.operator)),
                    by_backlog,
                    by_cpu,
                });
                most = most.max(by_backlog);
            }
            let wish = terms::round_up(most).max(running);
            Wanted { opened: true, ..Wanted::of(wish, running) }
        }
        Direction::Down => Wanted { need, ..Wanted::of(need, running) },
        Direction::Neither => Wanted { need, ..Wanted::of(running, running) },
    }
}
