//! Draws a replay while it runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Played;
use crate::cli::draw::mark;
use crate::engine::{
    self, Action, Decision, Hold, JobIndex, JobObservation, Memories, Observations, Plans, Reading, Signal, Step,
    Timestamp,
};
use crate::policy::{Policy, PolicySet, Unit};
use crate::report::{Clock, Course, Mark, Panel, Quantity, Report, Series, Shape, Tone, Track};
use crate::run::{Gist, Sink, paired};

/// More jobs than that are not drawn: nobody would look at them.
const DRAWN: usize = 40;
/// Ticks are rarely closer than that, in seconds.
const STEP: f64 = 5.0;

/// Hands decisions on to another sink, and draws them where that is asked for.
pub struct Drawing<S> {
    inner: S,
    sketch: Option<Arc<Sketch>>,
}

/// What was drawn so far, to be looked at when the loop has ended.
#[derive(Debug)]
pub struct Sketch {
    played: Arc<Played>,
    /// Who decides.
    lanes: Vec<String>,
    /// For each class, whether its operators count bytes.
    bytes: Vec<bool>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    against: Option<(Plans, Memories)>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    places: HashMap<JobIndex, usize>,
    drafts: Vec<Draft>,
    undrawn: std::collections::HashSet<JobIndex>,
}

/// One job.
#[derive(Debug)]
struct Draft {
    name: String,
    bytes: bool,
    tracks: Tracks,
    marks: Vec<Mark>,
    told: [Option<Gist>; 2],
}

#[derive(Debug)]
struct Tracks {
    input: Track,
    throughput: Track,
    capacity: Track,
    backlog: Track,
    backlog_time: Track,
    running: Track,
    wished: Track,
    wanted: Track,
    other: Track,
    cpu: Track,
    busy: Track,
}

impl<S> Drawing<S> {
    /// That sink, and what is drawn beside it.
    pub fn new(inner: S, sketch: Option<Arc<Sketch>>) -> Self {
        Self { inner, sketch }
    }
}

impl<S: Sink + Send> Sink for Drawing<S> {
    async fn carry_out(&mut self, seen: &Observations, decisions: &[Decision]) -> anyhow::Result<()> {
        self.inner.carry_out(seen, decisions).await?;
        if let Some(sketch) = &self.sketch {
            sketch.draw(seen, decisions);
        }
        Ok(())
    }
}

impl Sketch {
    /// An empty one, for a recording that is decided by these policies, and `against` others.
    pub fn new(played: Arc<Played>, policies: &PolicySet, against: Option<Plans>) -> Self {
        let bytes = |policy: &Policy| {
            policy.signals.iter().any(|one| one.signal == Signal::Backlog && one.unit == Some(Unit::Bytes))
        };
        let lanes =
            if against.is_some() { vec!["policy".to_owned(), "against".to_owned()] } else { vec!["policy".to_owned()] };
        let state = State {
            against: against.map(|plans| (plans, Memories::default())),
            first: None,
            last: None,
            places: HashMap::new(),
            drafts: Vec::new(),
            undrawn: std::collections::HashSet::new(),
        };
        let bytes = policies.policies.iter().map(bytes).collect();
        Self { played, lanes, bytes, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, seen: &Observations, decisions: &[Decision]) {
        let Some(at) = self.played.at() else { return };
        let mut state = self.state();
        let first = *state.first.get_or_insert(at);
        state.last = Some(at);
        let seconds = at.since(first).as_secs_f64();
        let others = state.against.as_mut().map(|(plans, memories)| engine::tick(plans, memories, seen, at));
        for (job, decision) in paired(seen, decisions) {
            let bytes = self.bytes.get(usize::from(job.class.0)).copied().unwrap_or_default();
            if let Some(draft) = state.draft(job, bytes) {
                draft.see(seconds, job, decision);
                draft.decide(seconds, 0, job, decision);
            }
        }
        for (job, decision) in others.iter().flat_map(|others| paired(seen, others)) {
            if let Some(place) = state.places.get(&job.index).copied() {
                state.drafts[place].decide(seconds, 1, job, decision);
            }
        }
    }

    /// The report, when the replay has ended.
    pub fn report(&self, title: &str) -> Report {
        let mut state = self.state();
        let Some((first, last)) = state.first.zip(state.last) else {
            return Report {
                title: title.to_owned(),
                notes: vec!["The recording holds no tick.".to_owned()],
                ..Report::default()
            };
        };
        let span = last.since(first).as_secs_f64();
        let undrawn = state.undrawn.len();
        let mut drafts: Vec<Draft> = state.drafts.drain(..).collect();
        drafts.sort_by(|one, other| one.name.cmp(&other.name));
        let notes = match undrawn {
            0 => Vec::new(),
            more => vec![format!("{more} more jobs are in the recording: the first {DRAWN} that it names are drawn.")],
        };
        let facts = [("from", first.to_string()), ("to", last.to_string()), ("replayed", self.played.summary())];
        Report {
            title: title.to_owned(),
            facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            comparisons: Vec::new(),
            courses: drafts.into_iter().map(|draft| draft.course(first, span, &self.lanes)).collect(),
            notes,
        }
    }
}

impl State {
    fn draft(&mut self, job: &JobObservation, bytes: bool) -> Option<&mut Draft> {
        let place = match self.places.get(&job.index) {
            Some(place) => *place,
            None if self.drafts.len() < DRAWN => {
                self.drafts.push(Draft::new(job.id.to_string(), bytes));
                self.places.insert(job.index, self.drafts.len() - 1);
                self.drafts.len() - 1
            }
            None => {
                self.undrawn.insert(job.index);
                return None;
            }
        };
        self.drafts.get_mut(place)
    }
}

impl Draft {
    fn new(name: String, bytes: bool) -> Self {
        let track = || Track::every(STEP);
        let tracks = Tracks {
            input: track(),
            throughput: track(),
            capacity: track(),
            backlog: track(),
            backlog_time: track(),
            running: track(),
            wished: track(),
            wanted: track(),
            other: track(),
            cpu: track(),
            busy: track(),
        };
        Self { name, bytes, tracks, marks: Vec::new(), told: [None, None] }
    }

    /// What was measured.
    fn see(&mut self, at: f64, job: &JobObservation, decision: &Decision) {
        let judged: Vec<_> = job
            .operators
            .iter()
            .filter_map(|operator| Some((operator.throughput.fresh(), operator.backlog?.fresh())))
            .collect();
        let sum =
            |values: &mut dyn Iterator<Item = Option<f64>>| values.sum::<Option<f64>>().filter(|_| !judged.is_empty());
        // The longest is what counts: operators that wait do not wait for each other.
        let longest = judged.iter().map(|(throughput, backlog)| match (*throughput, *backlog) {
            (_, Some(backlog)) if backlog <= 0.0 => Some(0.0),
            (Some(throughput), Some(backlog)) if throughput > 0.0 => Some(backlog / throughput),
            _ => None,
        });
        let longest = longest.collect::<Option<Vec<f64>>>().and_then(|all| all.into_iter().reduce(f64::max));
        let tracks = &mut self.tracks;
        tracks.throughput.add(at, sum(&mut judged.iter().map(|(throughput, _)| *throughput)));
        tracks.backlog.add(at, sum(&mut judged.iter().map(|(_, backlog)| *backlog)));
        tracks.backlog_time.add(at, longest);
        tracks.input.add(at, input(decision));
        tracks.capacity.add(at, capacity(decision));
        tracks.running.add(at, job.running.fresh());
        tracks.wished.add(at, job.wished.fresh());
        tracks.cpu.add(at, job.cpu.fresh());
        tracks.busy.add(at, job.busy.fresh());
    }

    /// What is decided by one of those who decide.
    fn decide(&mut self, at: f64, lane: usize, job: &JobObservation, decision: &Decision) {
        let track = if lane == 0 { &mut self.tracks.wanted } else { &mut self.tracks.other };
        track.add(at, wanted(job, decision));
        let gist = Gist::of(decision);
        if self.told[lane].replace(gist) != Some(gist) {
            self.marks.push(mark(at, lane, decision));
        }
    }

    fn course(self, first: Timestamp, span: f64, lanes: &[String]) -> Course {
        let Self { name, bytes, tracks, marks, told: _ } = self;
        let Tracks { input, throughput, capacity, backlog, backlog_time, running, wished, wanted, other, cpu, busy } =
            tracks;
        let (rate, amount) = match bytes {
            true => (Quantity::BytesPerSecond, Quantity::Bytes),
            false => (Quantity::RecordsPerSecond, Quantity::Records),
        };
        let line = |name: &str, tone, track| Series { name: name.to_owned(), tone, shape: Shape::Line, track };
        let steps = |name: &str, tone, track| Series { name: name.to_owned(), tone, shape: Shape::Steps, track };
        let panel = |title: &str, quantity, series| Panel { title: title.to_owned(), quantity, series, limit: None };
        let against = lanes.len() > 1;
        Course {
            name,
            facts: Vec::new(),
            clock: Clock::Utc(first),
            span,
            panels: vec![
                panel(
                    "Input and capacity",
                    rate,
                    vec![
                        line("what the workers can process, as learned", Tone::Capacity, capacity),
                        line("processed", Tone::Throughput, throughput),
                        line("arrives, as the rule sees it", Tone::Input, input),
                    ],
                ),
                panel("Backlog", amount, vec![line("waits", Tone::Waiting, backlog)]),
                panel(
                    "Backlog time",
                    Quantity::Seconds,
                    vec![line("backlog / processed per second", Tone::Waiting, backlog_time)],
                ),
                panel(
                    "Workers",
                    Quantity::Workers,
                    vec![
                        steps("run", Tone::Running, running),
                        steps("ordered in the spec", Tone::Wished, wished),
                        steps(if against { "wanted by the policy" } else { "wanted" }, Tone::Wanted, wanted),
                        steps("wanted by the other", Tone::Other, other),
                    ],
                ),
                panel(
                    "Load of a worker",
                    Quantity::Share,
                    vec![line("CPU", Tone::Cpu, cpu), line("busy", Tone::Busy, busy)],
                ),
            ],
            lanes: lanes.to_vec(),
            marks,
        }
    }
}

/// What arrives, over all operators that are judged, as the rule sees it; `None` where a part of it is not known.
fn input(decision: &Decision) -> Option<f64> {
    // The level of the input where the preset has one, else what is processed and how the backlog grows.
    let levels: Vec<f64> = decision
        .because
        .iter()
        .filter_map(|step| match step {
            Step::Input { input, .. } => Some(*input),
            _ => None,
        })
        .collect();
    if !levels.is_empty() {
        return Some(levels.iter().sum());
    }
    let parts = decision.because.iter().filter_map(|step| match step {
        Step::Operator { throughput, backlog: Some(_), slope, .. } => {
            let known = Reading::from(*throughput).fresh().zip(slope.growth());
            Some(known.map(|(throughput, growth)| throughput + growth.max(0.0)))
        }
        _ => None,
    });
    whole(parts)
}

/// What the workers that run can process, over all operators; `None` where it is not known of each.
fn capacity(decision: &Decision) -> Option<f64> {
    whole(decision.because.iter().filter_map(|step| match step {
        Step::Input { capacity, .. } => Some(capacity.get()),
        _ => None,
    }))
}

/// The sum of all parts, where there is one and each is known.
fn whole(parts: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let parts: Vec<f64> = parts.collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.iter().sum())
}

/// How many workers are wanted: what runs, where that is enough and not too much; `None` while there is doubt.
fn wanted(job: &JobObservation, decision: &Decision) -> Option<f64> {
    if let Some(wish) = decision.wish() {
        return Some(f64::from(wish.0));
    }
    match &decision.action {
        Action::Hold(Hold::WithinBand | Hold::Stabilizing { .. } | Hold::AtMax { .. } | Hold::AtMin) => {
            job.running.fresh()
        }
        Action::Hold(Hold::Rescaling { wished, .. }) => Some(f64::from(wished.0)),
        _ => None,
    }
}
