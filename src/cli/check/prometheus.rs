//! `check --prometheus`: what the policies' queries give, now and there.

mod findings;
mod show;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use self::findings::{Finding, Weight, findings};
use super::super::asked_wrongly;
use crate::engine::Timestamp;
use crate::policy::PolicySet;
use crate::run::Clock;
use crate::run::settings::{Flags, Layers};
use crate::signals::{self, Client, PolicySurvey};

/// What Prometheus gave for every policy, and what is wrong with it.
pub(super) struct Surveyed {
    url: String,
    at: Timestamp,
    policies: Vec<(PolicySurvey, Vec<Finding>)>,
}

impl Surveyed {
    /// How many faults and warnings there are.
    pub fn counts(&self) -> (usize, usize) {
        let all = || self.policies.iter().flat_map(|(_, findings)| findings);
        let of = |weight| all().filter(|finding| finding.weight == weight).count();
        (of(Weight::Fault), of(Weight::Warning))
    }

    /// For people.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn print(&self, colour: bool, out: &mut impl Write) -> std::io::Result<()> {
        show::table(self, colour, out)
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        show::json(self)
    }
}

/// Asks what the policies ask, once.
///
/// # Errors
/// The settings are wrong (the asker's fault), or there is no Prometheus that answers.
pub(super) async fn survey(
    url: String,
    config: Option<PathBuf>,
    files: Vec<PathBuf>,
    policies: &PolicySet,
) -> anyhow::Result<Surveyed> {
    let flags = Flags { prometheus_url: Some(url), policies: files, ..Flags::default() };
    let connection = Layers::of_process(config, flags).read().map_err(asked_wrongly)?.prometheus;
    let client = Client::new(&connection).map_err(asked_wrongly)?;
    let at = Clock::wall().now();
    let surveys = signals::survey(&client, policies, at).await.context("failed to ask Prometheus")?;
    let policies = surveys.into_iter().map(|survey| {
        let findings = findings(&survey);
        (survey, findings)
    });
    Ok(Surveyed { url: client.url().to_owned(), at, policies: policies.collect() })
}
