//! Records a live run. A recording's header holds its policies, so a reload of policies begins another file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::engine::{Decision, Observations, Timestamp};
use crate::policy::PolicySet;
use crate::record::{Header, Writer};
use crate::run::{Clock, Recorder, Rules};

/// One file after the other.
pub(super) struct Recording {
    path: PathBuf,
    step: Duration,
    clock: Clock,
    policies: Arc<PolicySet>,
    writer: Option<Writer>,
}

impl Recording {
    /// Begins with that file, or beside it where it is there: a restart must not wipe the recording of what led to it.
    pub fn create(path: &Path, step: Duration, policies: Arc<PolicySet>, clock: Clock) -> anyhow::Result<Self> {
        let mut recording = Self { path: path.to_owned(), step, clock, policies, writer: None };
        recording.begin()?;
        Ok(recording)
    }

    fn begin(&mut self) -> anyhow::Result<&mut Writer> {
        let now = self.clock.now();
        let file = if self.path.exists() { beside(&self.path, now) } else { self.path.clone() };
        let header = Header::new(self.step, &self.policies).with_created(now);
        let writer = Writer::create(&file, &header)?;
        tracing::info!(file = %file.display(), "recording");
        Ok(self.writer.insert(writer))
    }
}

impl Recorder for Recording {
    fn record(
        &mut self,
        rules: &Rules,
        seen: &Observations,
        decisions: &[Decision],
        at: Timestamp,
    ) -> anyhow::Result<()> {
        if self.policies != rules.policies {
            self.finish().context("failed to end the recording of the policies before")?;
            self.policies = Arc::clone(&rules.policies);
        }
        let policies = Arc::clone(&self.policies);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.begin()?,
        };
        Ok(writer.write(at, seen, &policies, Some(decisions))?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.writer.take().map_or(Ok(()), Writer::finish)?)
    }
}

/// `fleet.jsonl.zst` -> `fleet-1795229314.jsonl.zst`.
fn beside(path: &Path, now: Timestamp) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = name.split_at(name.find('.').unwrap_or(name.len()));
    path.with_file_name(format!("{stem}-{}{ending}", now.as_millis() / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.jsonl.zst");
        let clock = Clock::showing(|| Timestamp::from_millis(1_795_229_314_078));
        for _ in 0..2 {
            let mut recording =
                Recording::create(&path, Duration::from_secs(15), Arc::default(), clock.clone()).unwrap();
            recording.finish().unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["fleet-1795229314.jsonl.zst", "fleet.jsonl.zst"]);
    }
}
