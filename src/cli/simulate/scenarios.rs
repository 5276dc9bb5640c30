//! All scenarios, all contenders, several downtimes: the table that the README shows.

use std::io::Write as _;
use std::sync::Arc;

use super::ablation::{self, Variant};
use super::contest::Entrant;
use super::held::{self, Cell};
use super::results::{Line, Row, Setting};
use super::{Bout, Stdout, draw, show, worlds};
use crate::cli::Format;
use crate::report::Comparison;
use crate::simulate::marks::Marks;
use crate::simulate::peers::{self, Peers};
use crate::simulate::{OtherWorld, OtherWorldError, PlantSpec, Scenario, World};

/// What is to be run.
pub(super) struct Program {
    pub scenarios: Vec<Scenario>,
    /// Where the scenarios are laid in other worlds: these.
    pub worlds: Option<Vec<OtherWorld>>,
    /// In seconds.
    pub downtimes: Vec<f64>,
    pub entrants: Vec<Entrant>,
    /// Seconds of quiet beginning.
    pub quiet: u32,
    /// What the real Flink autoscaler scored.
    pub peers: Peers,
    /// What is shown of what came out.
    pub view: View,
}

/// What is shown of what came out.
pub(super) enum View {
    /// Everybody's scores, side by side.
    Scores,
    /// Each beside its marks.
    Marks(Marks),
    /// Each policy beside itself with one thing changed.
    Ablation,
}

/// One scenario at one downtime.
pub(super) struct Stage<'a> {
    pub other: Option<&'a OtherWorld>,
    pub scenario: &'a Scenario,
    pub downtime: f64,
    pub world: World,
}

impl Stage<'_> {
    fn setting(&self) -> Setting<'_> {
        let world = self.other.map(|other| other.name.as_str());
        Setting { world, scenario: &self.scenario.name, downtime: self.downtime }
    }
}

impl Program {
    /// One for each world, downtime and scenario, in that order.
    ///
    /// # Errors
    /// A world does not go with a scenario.
    pub fn stages(&self) -> Result<Vec<Stage<'_>>, OtherWorldError> {
        let worlds: Vec<Option<&OtherWorld>> = match &self.worlds {
            None => vec![None],
            Some(worlds) => worlds.iter().map(Some).collect(),
        };
        let mut stages = Vec::new();
        for other in worlds {
            // Where the world says how long a restart takes, once is enough.
            let once = other.is_some_and(OtherWorld::sets_downtime);
            for downtime in &self.downtimes[..if once { 1 } else { self.downtimes.len() }] {
                for scenario in &self.scenarios {
                    let world = match other {
                        None => scenario.world(Some(*downtime), self.quiet),
                        Some(other) => {
                            let plant = other.plant(scenario, Some(*downtime))?;
                            World::new(Arc::new(plant), &scenario.rates, self.quiet)
                        }
                    };
                    stages.push(Stage { other, scenario, downtime: world.plant.downtime, world });
                }
            }
        }
        Ok(stages)
    }

    /// One for each stage and entrant, in that order.
    pub fn bouts(&self, stages: &[Stage<'_>]) -> anyhow::Result<Vec<Bout>> {
        let mut bouts = Vec::new();
        for stage in stages {
            let fields = fields(&stage.world.plant);
            for entrant in &self.entrants {
                let contender = entrant.with(&fields)?;
                bouts.push(Bout { world: stage.world.clone(), family: entrant.family.clone(), contender });
            }
        }
        Ok(bouts)
    }

    /// What came out, to be drawn.
    pub fn comparisons(&self, stages: &[Stage<'_>], rows: &[Row]) -> Vec<Comparison> {
        let drawn = |(stage, rows): (&Stage<'_>, &[Row])| {
            let Stage { other, scenario, downtime, world } = stage;
            let place = other.map_or_else(String::new, |other| format!("{}, ", other.name));
            let title = format!("{place}{}: {}, D = {downtime} s", scenario.name, scenario.title);
            let mut comparison = draw::comparison(&title, rows, world.plant.lag_objective);
            let real =
                |source: &peers::Source| self.peers.get(*downtime, &scenario.name, *source).map(|peer| (*source, peer));
            let known = if other.is_none() { &peers::SHOWN[..] } else { &[] };
            comparison.rows.extend(known.iter().filter_map(real).map(|(source, peer)| draw::peer(source, peer)));
            comparison.mark_efficient(draw::BOUND);
            comparison
        };
        stages.iter().zip(rows.chunks(self.entrants.len())).map(drawn).collect()
    }

    /// Prints what came out.
    pub fn print(&self, stages: &[Stage<'_>], rows: &[Row], format: Format) -> anyhow::Result<()> {
        let mut stdout = Stdout::default();
        let per_stage = self.entrants.len();
        if format == Format::Json {
            for (stage, rows) in stages.iter().zip(rows.chunks(per_stage)) {
                let scenario = stage.setting();
                for row in rows {
                    for (seed, scores) in &row.scores {
                        let line = Line { scenario: Some(scenario), policy: &row.name, seed: *seed, scores };
                        serde_json::to_writer(&mut stdout, &line)?;
                        writeln!(stdout)?;
                    }
                }
            }
            stdout.flush()?;
            return Ok(());
        }
        match &self.view {
            View::Scores => {}
            View::Marks(marks) => return self.held(marks, stages, rows, stdout),
            View::Ablation => return self.ablation(stages, rows, stdout),
        }
        if self.worlds.is_some() {
            write!(stdout, "{}", worlds::tables(stages, rows, per_stage))?;
            stdout.flush()?;
            return Ok(());
        }
        for (downtime, stages) in stages.chunks(self.scenarios.len()).enumerate() {
            let rows = &rows[downtime * stages.len() * per_stage..][..stages.len() * per_stage];
            let mut header = vec![format!("D = {} s", stages[0].downtime)];
            header.extend(rows[..per_stage].iter().map(|row| row.name.to_string()));
            let scored = |source: &peers::Source| {
                stages.iter().any(|stage| self.peers.get(stage.downtime, &stage.scenario.name, *source).is_some())
            };
            let shown: Vec<_> = peers::SHOWN.into_iter().filter(scored).collect();
            header.extend(shown.iter().map(|(settings, source)| format!("real Flink {source}, {settings}")));
            let body: Vec<Vec<String>> = stages
                .iter()
                .zip(rows.chunks(per_stage))
                .map(|(stage, rows)| {
                    let name = format!("{}: {}", stage.scenario.name, stage.scenario.title);
                    let real = |source: &peers::Source| {
                        self.peers
                            .get(stage.downtime, &stage.scenario.name, *source)
                            .map_or_else(String::new, show::peer)
                    };
                    std::iter::once(name).chain(rows.iter().map(show::five)).chain(shown.iter().map(real)).collect()
                })
                .collect();
            writeln!(stdout, "{}", show::markdown(&header, &body))?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Each contender beside its marks: a table for each downtime, and a sentence.
    fn held(&self, marks: &Marks, stages: &[Stage<'_>], rows: &[Row], mut out: Stdout) -> anyhow::Result<()> {
        for place in 0..self.entrants.len() {
            let (mut all, mut name) = (Vec::new(), "");
            for (stage, rows) in stages.iter().zip(rows.chunks(self.entrants.len())) {
                let (row, scenario) = (&rows[place], &*stage.scenario.name);
                let rival = self.peers.get(stage.downtime, scenario, held::RIVAL);
                all.push(Cell { scenario, mark: marks.get(stage.downtime, scenario), rival, row });
                name = &row.name;
            }
            for (cells, stages) in all.chunks(self.scenarios.len()).zip(stages.chunks(self.scenarios.len())) {
                writeln!(out, "{}", held::table(stages[0].downtime, name, cells))?;
            }
            writeln!(out, "{}", held::summary(name, &all))?;
        }
        out.flush()?;
        Ok(())
    }

    /// Each policy with one thing changed at a time.
    fn ablation(&self, stages: &[Stage<'_>], rows: &[Row], mut out: Stdout) -> anyhow::Result<()> {
        let variant = |place: usize| -> Variant<'_> {
            stages
                .iter()
                .zip(rows.chunks(self.entrants.len()))
                .map(|(stage, rows)| (&*stage.scenario.name, stage.downtime, &rows[place]))
                .collect()
        };
        let each = ablation::CHANGES.len() + 1;
        for base in (0..self.entrants.len()).step_by(each) {
            let changed: Vec<_> = (base + 1..base + each).map(variant).collect();
            writeln!(out, "{}", ablation::table(&self.downtimes, &variant(base), &changed))?;
        }
        out.flush()?;
        Ok(())
    }
}

/// What a policy says of its job, whoever writes it: what it can have, and how its metrics come.
fn fields(plant: &PlantSpec) -> Vec<(String, String)> {
    let metrics = &plant.metrics;
    let mut fields = vec![
        ("limits.maxWorkers", plant.max_workers.to_string()),
        ("signals.rateWindow", format!("{}s", metrics.rate_window)),
        ("signals.scrapeInterval", format!("{}s", metrics.scrape)),
    ];
    if metrics.backlog_commit > 0.0 {
        fields.push(("signals.backlog.commitInterval", format!("{}s", metrics.backlog_commit)));
    }
    if metrics.delay > 0.0 {
        // What always comes late is not stale because of that.
        fields.push(("signals.staleAfter", format!("{}s", 60.0 + metrics.delay)));
    }
    fields.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
}
