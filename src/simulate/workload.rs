//! Workloads: how many records arrive per second, by a file or a shape.

use std::f64::consts::TAU;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A load over time, without noise.
#[derive(Debug, Clone, PartialEq)]
pub enum Workload {
    /// Points in order of time: seconds, records per second.
    Trace {
        /// At least one, the first at 0.
        points: Vec<(f64, f64)>,
        /// Whether the load goes from point to point in a straight line rather than holding until the next.
        interpolate: bool,
    },
    /// The same all the time.
    Constant {
        /// Records per second.
        rate: f64,
    },
    /// One rate, then another.
    Step {
        /// Records per second before.
        from: f64,
        /// And after.
        to: f64,
        /// When, in seconds.
        at: f64,
    },
    /// A sine.
    Sine {
        /// Its lowest rate.
        low: f64,
        /// Its highest rate.
        high: f64,
        /// Seconds of one wave.
        period: f64,
        /// The share of a wave that is over at the start: 0 is the mean on its way up, 0.25 the highest.
        phase: f64,
    },
    /// Up in a straight line, then down at once.
    Sawtooth {
        /// The lowest rate.
        low: f64,
        /// The highest rate.
        high: f64,
        /// Seconds of one tooth.
        period: f64,
    },
    /// A rate with a higher one for a while.
    Spike {
        /// Records per second before and after.
        base: f64,
        /// Records per second within.
        peak: f64,
        /// When it begins, in seconds.
        at: f64,
        /// How long it lasts, in seconds.
        lasts: f64,
    },
}

/// Why there is no workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file cannot be read.
    #[error("failed to read the workload `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of it is none.
    #[error("{name}:{line}: {message}")]
    Line {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and the mend.
        message: String,
    },
    /// The text is no shape.
    #[error("`{text}` is no workload: {message}")]
    Shape {
        /// As it was given.
        text: String,
        /// What is wrong, and the mend.
        message: String,
    },
}

const HEADER: &str = "seconds,records_per_second";

impl Workload {
    /// A shape (`step:from=100,to=200,at=10m`), or the file of that name.
    ///
    /// # Errors
    /// It is neither, or something is wrong with it.
    pub fn load(text: &str, interpolate: bool) -> Result<Self, WorkloadError> {
        let shape = text.split(':').next().is_some_and(|name| SHAPES.iter().any(|(shape, _)| *shape == name));
        if shape {
            return text.parse();
        }
        let path = Path::new(text);
        if !path.exists() && !text.contains(['/', '.']) {
            let shapes: Vec<_> = SHAPES.iter().map(|(shape, _)| format!("`{shape}`")).collect();
            let message = format!("there is no such file, and the shapes are {}", shapes.join(", "));
            return Err(WorkloadError::Shape { text: text.to_owned(), message });
        }
        let read = std::fs::read_to_string(path);
        let file = read.map_err(|source| WorkloadError::Read { path: path.to_owned(), source })?;
        Self::trace(text, &file, interpolate)
    }

    /// The load of a CSV: a header line, then `seconds,records_per_second` in order of time.
    ///
    /// # Errors
    /// A line that is none.
    pub fn trace(name: &str, text: &str, interpolate: bool) -> Result<Self, WorkloadError> {
        let wrong =
            |line: usize, message: String| WorkloadError::Line { name: name.to_owned(), line: line + 1, message };
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        match lines.next() {
            Some((_, header)) if header.trim().replace(' ', "") == HEADER => {}
            _ => return Err(wrong(0, format!("the first line is the header: write `{HEADER}`"))),
        }
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let number =
                |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
            let pair = text.split_once(',').and_then(|(at, rate)| Some((number(at)?, number(rate)?)));
            let Some((at, rate)) = pair else {
                return Err(wrong(line, format!("`{}` is not two numbers from 0 on: write `60,1500`", text.trim())));
            };
            match points.last() {
                None if at != 0.0 => return Err(wrong(line, format!("the first line is for second 0, not {at}"))),
                Some((before, _)) if at <= *before => {
                    return Err(wrong(line, format!("{at} s is not after {before} s: sort the lines by time")));
                }
                _ => points.push((at, rate)),
            }
        }
        if points.is_empty() {
            return Err(wrong(1, "there is no load: write `0,1500`".to_owned()));
        }
        Ok(Self::Trace { points, interpolate })
    }

    /// Records per second at that second, at least 0.
    pub fn rate(&self, at: f64) -> f64 {
        match self {
            Self::Trace { points, interpolate } => {
                let next = points.partition_point(|(when, _)| *when <= at);
                let (start, rate) = points[next.saturating_sub(1)];
                match points.get(next).filter(|_| *interpolate && next > 0) {
                    Some((end, last)) => rate + (last - rate) * (at - start) / (end - start),
                    None => rate,
                }
            }
            Self::Constant { rate } => *rate,
            Self::Step { from, to, at: when } => {
                if at < *when {
                    *from
                } else {
                    *to
                }
            }
            Self::Sine { low, high, period, phase } => {
                (low + high) / 2.0 + (high - low) / 2.0 * (TAU * (at / period + phase)).sin()
            }
            Self::Sawtooth { low, high, period } => low + (high - low) * (at / period).fract(),
            Self::Spike { base, peak, at: when, lasts } => {
                if at >= *when && at < when + lasts {
                    *peak
                } else {
                    *base
                }
            }
        }
    }

    /// How long it lasts by itself: a trace to its last line and as long again as that line's distance from the one before.
    pub fn seconds(&self) -> Option<u32> {
        let Self::Trace { points, .. } = self else { return None };
        let (last, _) = points.last()?;
        let step = points.len().checked_sub(2).map(|before| last - points[before].0).filter(|_| last.is_finite())?;
        Some((last + step).ceil() as u32)
    }

    /// Its rates, second by second.
    pub fn rates(&self, seconds: u32) -> Vec<f64> {
        (0..seconds).map(|second| self.rate(f64::from(second)).max(0.0)).collect()
    }
}

/// The shapes and their parameters; those that may be left out with what holds then.
type Parameters = &'static [(&'static str, Option<f64>)];
const SHAPES: [(&str, Parameters); 5] = [
    ("constant", &[("rate", None)]),
    ("step", &[("from", None), ("to", None), ("at", None)]),
    ("sine", &[("low", None), ("high", None), ("period", None), ("phase", Some(0.0))]),
    ("sawtooth", &[("low", None), ("high", None), ("period", None)]),
    ("spike", &[("base", None), ("peak", None), ("at", None), ("for", None)]),
];

/// `NAME:PARAMETER=VALUE,...`. Times are `90s` or `1h30m`, rates plain numbers.
impl FromStr for Workload {
    type Err = WorkloadError;

    fn from_str(text: &str) -> Result<Self, WorkloadError> {
        let wrong = |message: String| WorkloadError::Shape { text: text.to_owned(), message };
        let (name, given) = text.split_once(':').unwrap_or((text, ""));
        let Some((shape, parameters)) = SHAPES.iter().find(|(shape, _)| *shape == name) else {
            let shapes: Vec<_> = SHAPES.iter().map(|(shape, _)| format!("`{shape}`")).collect();
            return Err(wrong(format!("the shapes are {}", shapes.join(", "))));
        };
        let names = || parameters.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut values: Vec<Option<f64>> = vec![None; parameters.len()];
        for part in given.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong(format!("`{part}` has no `=`: write `{shape}:NAME=VALUE`")))?;
            let place = parameters
                .iter()
                .position(|(name, _)| *name == key.trim())
                .ok_or_else(|| wrong(format!("`{key}` is none of {}", names())))?;
            let is_time = matches!(key.trim(), "at" | "period" | "for");
            values[place] = Some(parsed(value.trim(), is_time).map_err(|why| wrong(format!("`{key}` {why}")))?);
        }
        let value = |place: usize| {
            let (name, default) = parameters[place];
            values[place].or(default).ok_or_else(|| wrong(format!("`{name}` is missing: give {}", names())))
        };
        let workload = match *shape {
            "constant" => Self::Constant { rate: value(0)? },
            "step" => Self::Step { from: value(0)?, to: value(1)?, at: value(2)? },
            "sine" => Self::Sine { low: value(0)?, high: value(1)?, period: value(2)?, phase: value(3)? },
            "sawtooth" => Self::Sawtooth { low: value(0)?, high: value(1)?, period: value(2)? },
            _ => Self::Spike { base: value(0)?, peak: value(1)?, at: value(2)?, lasts: value(3)? },
        };
        match workload {
            Self::Sine { period, .. } | Self::Sawtooth { period, .. } if period <= 0.0 => {
                Err(wrong("`period` is above 0".to_owned()))
            }
            workload => Ok(workload),
        }
    }
}

fn parsed(text: &str, is_time: bool) -> Result<f64, String> {
    if is_time {
        return humantime::parse_duration(text)
            .map(|time| time.as_secs_f64())
            .map_err(|_| format!("is `{text}`: write a time with its unit, `90s` or `1h`"));
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| format!("is `{text}`: write a number from 0 on"))
}
