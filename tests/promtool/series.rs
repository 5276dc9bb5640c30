//! Series as promtool takes them: labels, and a sample at each scrape or none.

use serde_json::{Value, json};

/// Seconds between two scrapes, as the shipped policies take for granted.
pub const STEP: usize = 15;

/// The scrapes of a test have the numbers `0..=LAST`: eleven minutes.
pub const LAST: usize = 44;

/// What one scrape left of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// Nothing: there was no scrape, or the series was not in it and had not been before.
    None,
    /// Prometheus' mark that the series has ended: it was in the last scrape and is not in this one.
    Stale,
    Is(f64),
}

/// The scrapes at which something is there: from the first on, up to the one that misses it.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    pub from: usize,
    pub until: usize,
}

/// All the time.
pub const ALWAYS: Life = Life { from: 0, until: LAST + 1 };

impl Life {
    pub const fn from(from: usize) -> Self {
        Self { from, ..ALWAYS }
    }

    pub const fn until(until: usize) -> Self {
        Self { until, ..ALWAYS }
    }
}

/// One series.
#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub samples: Vec<Sample>,
}

impl Series {
    /// `value`: of the number of a scrape.
    pub fn new(name: &str, labels: &[(&str, &str)], life: Life, value: impl Fn(usize) -> f64) -> Self {
        let sample = |scrape: usize| match scrape {
            _ if scrape >= life.from && scrape < life.until => Sample::Is(value(scrape)),
            _ if scrape == life.until => Sample::Stale,
            _ => Sample::None,
        };
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), labels, samples: (0..=LAST).map(sample).collect() }
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    /// As an entry of promtool's `input_series`.
    pub fn to_json(&self) -> Value {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let samples = self.samples.iter().map(|sample| match sample {
            Sample::None => "_".to_owned(),
            Sample::Stale => "stale".to_owned(),
            Sample::Is(value) => value.to_string(),
        });
        let values: Vec<String> = samples.collect();
        json!({ "series": format!("{}{{{}}}", self.name, labels.join(", ")), "values": values.join(" ") })
    }
}

/// Changes that a trap makes to series.
pub trait Edit {
    /// Replaces the samples of a metric, of those series that have a label of that value, at some scrapes.
    fn replace(self, metric: &str, label: (&str, &str), scrapes: impl IntoIterator<Item = usize>, with: Sample)
    -> Self;
    /// Prometheus is away: no samples, and no marks that anything has ended.
    fn gap(self, scrapes: impl IntoIterator<Item = usize>) -> Self;
    /// A pod is not scraped any more.
    fn unscraped(self, pod: &str, from: usize) -> Self;
    /// Without a metric.
    fn without(self, metric: &str) -> Self;
    /// Two replicas of Prometheus (or of an exporter) show every series whose name begins so.
    fn twice(self, prefix: &str, label: &str) -> Self;
}

impl Edit for Vec<Series> {
    fn replace(
        mut self,
        metric: &str,
        label: (&str, &str),
        scrapes: impl IntoIterator<Item = usize>,
        with: Sample,
    ) -> Self {
        let scrapes: Vec<usize> = scrapes.into_iter().collect();
        let mut found = false;
        for series in self.iter_mut().filter(|one| one.name.ends_with(metric) && one.label(label.0) == Some(label.1)) {
            found = true;
            for scrape in &scrapes {
                if matches!(series.samples[*scrape], Sample::Is(_)) {
                    series.samples[*scrape] = with;
                }
            }
        }
        assert!(found, "no series {metric} has {label:?}");
        self
    }

    fn gap(mut self, scrapes: impl IntoIterator<Item = usize>) -> Self {
        let scrapes: Vec<usize> = scrapes.into_iter().collect();
        for series in &mut self {
            for scrape in &scrapes {
                series.samples[*scrape] = Sample::None;
            }
        }
        self
    }

    fn unscraped(mut self, pod: &str, from: usize) -> Self {
        for series in self.iter_mut().filter(|one| one.name.starts_with("flink") && one.label("pod") == Some(pod)) {
            for (scrape, sample) in series.samples.iter_mut().enumerate().skip(from) {
                *sample = if scrape == from { Sample::Stale } else { Sample::None };
            }
        }
        self
    }

    fn without(mut self, metric: &str) -> Self {
        let before = self.len();
        self.retain(|one| !one.name.ends_with(metric));
        assert_ne!(self.len(), before, "there is no {metric}");
        self
    }

    fn twice(self, prefix: &str, label: &str) -> Self {
        let mut all = Self::new();
        for series in self {
            if !series.name.starts_with(prefix) {
                all.push(series);
                continue;
            }
            for replica in ["a", "b"] {
                let mut series = series.clone();
                series.labels.retain(|(name, _)| name != label);
                series.labels.push((label.to_owned(), replica.to_owned()));
                all.push(series);
            }
        }
        all
    }
}
