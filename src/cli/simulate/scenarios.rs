//! All scenarios, all contenders, several downtimes: the table that the README shows.

use std::io::Write as _;

use super::contest::Entrant;
use super::results::{Line, Row, Setting};
use super::{Bout, Stdout, draw, show};
use crate::cli::Format;
use crate::report::Comparison;
use crate::simulate::peers::{self, Peers};
use crate::simulate::{Scenario, World};

/// What is to be run.
pub(super) struct Program {
    pub scenarios: Vec<Scenario>,
    /// In seconds.
    pub downtimes: Vec<f64>,
    pub entrants: Vec<Entrant>,
    /// Seconds of quiet beginning.
    pub quiet: u32,
    /// What the real Flink autoscaler scored.
    pub peers: Peers,
}

/// One scenario at one downtime.
pub(super) struct Stage<'a> {
    scenario: &'a Scenario,
    downtime: f64,
    world: World,
}

impl Program {
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let at = |downtime: &f64| {
            let downtime = *downtime;
            self.scenarios.iter().map(move |scenario| Stage {
                scenario,
                downtime,
                world: scenario.world(Some(downtime), self.quiet),
            })
        };
        self.downtimes.iter().flat_map(at).collect()
    }

    /// One for each stage and entrant, in that order.
    pub fn bouts(&self, stages: &[Stage<'_>]) -> anyhow::Result<Vec<Bout>> {
        let mut bouts = Vec::new();
        for stage in stages {
            let plant = &stage.world.plant;
            let fields = [
                ("limits.maxWorkers".to_owned(), plant.max_workers.to_string()),
                ("signals.rateWindow".to_owned(), format!("{}s", plant.metrics.rate_window)),
                ("signals.scrapeInterval".to_owned(), format!("{}s", plant.metrics.scrape)),
            ];
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
            let Stage { scenario, downtime, world } = stage;
            let title = format!("{}: {}, D = {downtime} s", scenario.name, scenario.title);
            let mut comparison = draw::comparison(&title, rows, world.plant.lag_objective);
            let real =
                |source: &peers::Source| self.peers.get(*downtime, &scenario.name, *source).map(|peer| (*source, peer));
            comparison.rows.extend(peers::SHOWN.iter().filter_map(real).map(|(source, peer)| draw::peer(source, peer)));
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
                let scenario = Setting { scenario: &stage.scenario.name, downtime: stage.downtime };
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
}
