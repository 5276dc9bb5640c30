//! A mean over hours that costs two numbers.

use std::time::Duration;

/// The mean width is that of the last hours: what the job usually costs.
const MEAN_OVER: Duration = Duration::from_secs(6 * 3600);

/// A mean that forgets: of all there was at first, of the last [`MEAN_OVER`] later.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Mean {
    value: f64,
    seconds: f64,
}

impl Mean {
    /// One that another process kept.
    pub fn of_all_its_time(value: f64) -> Self {
        Self { value, seconds: MEAN_OVER.as_secs_f64() }
    }

    /// Takes in a value that stood for so long.
    pub fn take(&mut self, value: f64, span: Duration) {
        let span = span.as_secs_f64().max(1e-3);
        self.seconds = (self.seconds + span).min(MEAN_OVER.as_secs_f64());
        self.value += (value - self.value) * (span / self.seconds).min(1.0);
    }

    /// `None`: nothing was taken in yet.
    pub fn value(&self) -> Option<f64> {
        (self.seconds > 0.0).then_some(self.value)
    }
}
