//! Who takes part: policies with their sweeps, and baselines.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::asked_wrongly;
use crate::policy::{self, Policy};
use crate::simulate::baselines::{Baseline, NAMES};
use crate::simulate::{Contender, baseline_names};

/// One contender, and which of them belong together.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    /// The policy's or the baseline's name, without its sweep.
    pub family: Arc<str>,
    pub contender: Contender,
    policy: Option<Arc<Policy>>,
}

/// All that were asked for, policies first, each policy as it is and then with each of the changes alone. `usual`: who is swept
/// takes part as named, too, before the sweep.
pub(super) fn entrants(
    files: &[PathBuf],
    baselines: &[String],
    sweeps: &[Sweep],
    changes: &[(&str, &str)],
    interval: Duration,
    usual: bool,
) -> anyhow::Result<Vec<Entrant>> {
    let interval = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX).max(1);
    let of_policies: Vec<Sweep> = sweeps.iter().filter(|sweep| sweep.baseline().is_none()).cloned().collect();
    let mut entrants = Vec::new();
    if !files.is_empty() {
        for policy in policy::load(files).map_err(asked_wrongly)?.policies {
            for fields in grid(&of_policies, usual) {
                entrants.push(swept(&policy, &fields, interval).map_err(asked_wrongly)?);
            }
            for (field, value) in changes {
                let fields = [((*field).to_owned(), (*value).to_owned())];
                entrants.push(swept(&policy, &fields, interval).map_err(asked_wrongly)?);
            }
        }
    }
    let baselines = listed(baselines);
    for baseline in &baselines {
        entrants.extend(as_baseline(baseline, sweeps, usual).map_err(asked_wrongly)?);
    }
    let named = |name: &str| baselines.iter().any(|text| text.split(':').next() == Some(name));
    if let Some(stray) = sweeps.iter().find(|sweep| sweep.baseline().is_some_and(|(name, _)| !named(name))) {
        let message = format!("the sweep of `{}` is of a baseline that does not take part: name it", stray.field);
        return Err(asked_wrongly(anyhow::anyhow!(message)));
    }
    Ok(entrants)
}

/// The baselines of a list, each with its settings: what has a `=` and no `:` belongs to the one before it.
fn listed(lists: &[String]) -> Vec<String> {
    let mut baselines: Vec<String> = Vec::new();
    for piece in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|piece| !piece.is_empty()) {
        match baselines.last_mut() {
            Some(last) if piece.contains('=') && !piece.contains(':') => {
                last.push(if last.contains(':') { ',' } else { ':' });
                last.push_str(piece);
            }
            _ => baselines.push(piece.to_owned()),
        }
    }
    baselines
}

/// A baseline, with each combination of its sweeps.
fn as_baseline(text: &str, sweeps: &[Sweep], usual: bool) -> anyhow::Result<Vec<Entrant>> {
    let family: Arc<str> = text.into();
    let entrant =
        |name: Arc<str>| Entrant { family: Arc::clone(&family), contender: Contender::Baseline { name }, policy: None };
    if baseline_names().contains(&text) && !NAMES.contains(&text) {
        return Ok(vec![entrant(text.into())]);
    }
    let baseline: Baseline = text.parse()?;
    let own = |sweep: &Sweep| {
        let (name, setting) = sweep.baseline()?;
        (name == baseline.name()).then(|| Sweep { field: setting.to_owned(), values: sweep.values.clone() })
    };
    let own: Vec<Sweep> = sweeps.iter().filter_map(own).collect();
    grid(&own, usual)
        .into_iter()
        .map(|settings| {
            let mut swept = baseline.clone();
            for (setting, value) in &settings {
                swept.set(setting, value)?;
            }
            Ok(entrant(swept.to_string().into()))
        })
        .collect()
}

fn swept(policy: &Policy, fields: &[(String, String)], interval: u32) -> anyhow::Result<Entrant> {
    let changed = changed(policy, fields)?;
    let family = Arc::clone(&policy.plan.class);
    let settings: Vec<_> = fields.iter().map(|(path, value)| format!("{path}={value}")).collect();
    let name =
        if settings.is_empty() { Arc::clone(&family) } else { format!("{family} {}", settings.join(" ")).into() };
    let contender = Contender::Policy { name, policy: Arc::clone(&changed), interval };
    Ok(Entrant { family, contender, policy: Some(changed) })
}

fn changed(policy: &Policy, fields: &[(String, String)]) -> anyhow::Result<Arc<Policy>> {
    let changed = policy::with_fields(policy, fields).map_err(anyhow::Error::msg);
    changed.map(Arc::new).with_context(|| {
        let all: Vec<_> = fields.iter().map(|(path, value)| format!("{path}={value}")).collect();
        format!("the policy `{}` does not go with {}", policy.plan.class, all.join(" "))
    })
}

impl Entrant {
    /// The most workers that it may order; a baseline does not say.
    pub fn most_workers(&self) -> Option<u32> {
        self.policy.as_ref().map(|policy| policy.plan.limits.max_workers)
    }

    /// The same with these fields of its policy, for a scenario; a baseline as it is.
    pub fn with(&self, fields: &[(String, String)]) -> anyhow::Result<Contender> {
        match (&self.contender, &self.policy) {
            (Contender::Policy { name, interval, .. }, Some(policy)) => {
                let policy = changed(policy, fields)?;
                Ok(Contender::Policy { name: Arc::clone(name), policy, interval: *interval })
            }
            (contender, _) => Ok(contender.clone()),
        }
    }
}

/// `FIELD=A,B,C`.
#[derive(Debug, Clone)]
pub struct Sweep {
    field: String,
    values: Vec<String>,
}

impl Sweep {
    /// The baseline and the setting, where it is of one.
    fn baseline(&self) -> Option<(&str, &str)> {
        self.field.split_once('.').filter(|(name, _)| NAMES.contains(name))
    }
}

impl std::str::FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if NAMES.contains(&text) {
            let (setting, values) = text.parse::<Baseline>().map_err(|error| error.to_string())?.frontier();
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            return Ok(Self { field: format!("{text}.{setting}"), values });
        }
        let (field, values) = text.split_once('=').ok_or("write FIELD=A,B,C, such as scaleUp.cpuAbove=0.8,0.9")?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if field.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err("write FIELD=A,B,C, such as scaleUp.cpuAbove=0.8,0.9".to_owned());
        }
        Ok(Self { field: field.trim().to_owned(), values })
    }
}

/// Every combination of the sweeps' values; without sweeps, and before them where `usual`, one that changes nothing.
fn grid(sweeps: &[Sweep], usual: bool) -> Vec<Vec<(String, String)>> {
    let nothing = (usual && !sweeps.is_empty()).then(Vec::new);
    let all = sweeps.iter().fold(vec![Vec::new()], |grid, sweep| {
        let with = |point: &Vec<(String, String)>, value: &String| {
            let mut point = point.clone();
            point.push((sweep.field.clone(), value.clone()));
            point
        };
        grid.iter().flat_map(|point| sweep.values.iter().map(move |value| with(point, value))).collect()
    });
    nothing.into_iter().chain(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_take_settings_and_sweeps() {
        let named = |baselines: &[&str], sweeps: &[&str], usual: bool| -> Result<Vec<String>, String> {
            let baselines: Vec<String> = baselines.iter().map(|text| (*text).to_owned()).collect();
            let sweeps: Vec<Sweep> = sweeps.iter().map(|text| text.parse().unwrap()).collect();
            let entrants = entrants(&[], &baselines, &sweeps, &[], Duration::from_secs(15), usual)
                .map_err(|error| format!("{error:#}"))?;
            Ok(entrants.iter().map(|entrant| format!("{} {}", entrant.family, entrant.contender.name())).collect())
        };
        let names = |baselines: &[&str], sweeps: &[&str]| named(baselines, sweeps, false);
        let told = |lines: &[&str]| Ok(lines.iter().map(|line| (*line).to_owned()).collect());
        assert_eq!(names(&["ds2,clairvoyant"], &[]), told(&["ds2 ds2", "clairvoyant clairvoyant"]));
        assert_eq!(
            names(&["flinkTuned:target=0.6,window=2m,ds2"], &["ds2.factor=1,2"]),
            told(&[
                "flinkTuned:target=0.6,window=2m flinkTuned:target=0.6,window=2m",
                "ds2 ds2:factor=1",
                "ds2 ds2:factor=2",
            ])
        );
        assert_eq!(
            named(&["ds2,hpaCpu"], &["ds2.factor=1"], true),
            told(&["ds2 ds2", "ds2 ds2:factor=1", "hpaCpu hpaCpu"]),
            "as named, once, and before its sweep"
        );
        let frontier = names(&["hpaCpu"], &["hpaCpu"]).unwrap();
        assert!(frontier.len() > 4 && frontier[0] == "hpaCpu hpaCpu:target=0.95", "{frontier:?}");
        let stray = names(&["ds2"], &["hpaCpu.target=0.5"]).unwrap_err();
        assert!(stray.contains("the sweep of `hpaCpu.target` is of a baseline that does not take part"), "{stray}");
        for wrong in [&["ds3"][..], &["ds2:factr=1"], &["clairvoyant:a=1"]] {
            assert!(names(wrong, &[]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_grid_has_every_combination() {
        let sweep = |text: &str| text.parse::<Sweep>().unwrap();
        assert_eq!((grid(&[], false), grid(&[], true)), (vec![vec![]], vec![vec![]]));
        assert_eq!(grid(&[sweep("a=1")], true), [vec![], vec![("a".to_owned(), "1".to_owned())]]);
        let grid = grid(&[sweep("a=1,2"), sweep("b.c=x, y,z")], false);
        let told: Vec<String> = grid
            .iter()
            .map(|point| point.iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(told, ["a=1 b.c=x", "a=1 b.c=y", "a=1 b.c=z", "a=2 b.c=x", "a=2 b.c=y", "a=2 b.c=z"]);
        for wrong in ["a", "=1", "a=1,,2", "a="] {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }
}
