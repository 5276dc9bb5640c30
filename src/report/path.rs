//! SVG paths of a [`Track`], in a plot that is 1000 wide and 100 high; the browser stretches it.

use std::fmt::Write as _;

use super::scale::Scale;
use super::track::{Stretch, Track};

/// How wide a plot is in its own units.
pub(super) const WIDE: f64 = 1000.0;
/// How high.
pub(super) const HIGH: f64 = 100.0;

/// Two scales that make a place of a time and a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub time: Scale,
    pub value: Scale,
}

impl Frame {
    pub fn x(&self, at: f64) -> f64 {
        round(self.time.share(at) * WIDE)
    }

    pub fn y(&self, value: f64) -> f64 {
        round((1.0 - self.value.share(value)) * HIGH)
    }
}

/// To a hundredth: less than a pixel, and short in the file.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A line through the means.
pub(super) fn line(track: &Track, frame: Frame) -> String {
    let mut path = String::new();
    let mut begins = true;
    for stretch in track.stretches() {
        let Stretch::Values(at, bucket) = stretch else {
            begins = true;
            continue;
        };
        let _ = write!(path, "{}{} {}", if begins { 'M' } else { 'L' }, frame.x(at), frame.y(bucket.mean()));
        if begins {
            // A value between two gaps is a dot, not nothing.
            path.push_str("h.01");
        }
        begins = false;
    }
    path
}

/// The band between the smallest and the largest values; empty where the line says it all.
pub(super) fn band(track: &Track, frame: Frame) -> String {
    let mut path = String::new();
    let mut run: Vec<(f64, f64, f64)> = Vec::new();
    let mut close = |run: &mut Vec<(f64, f64, f64)>| {
        if run.iter().any(|(_, high, low)| low - high >= 0.5) {
            for (place, (x, high, _)) in run.iter().enumerate() {
                let _ = write!(path, "{}{x} {high}", if place == 0 { 'M' } else { 'L' });
            }
            for (x, _, low) in run.iter().rev() {
                let _ = write!(path, "L{x} {low}");
            }
            path.push('Z');
        }
        run.clear();
    };
    for stretch in track.stretches() {
        match stretch {
            Stretch::Gap => close(&mut run),
            Stretch::Values(at, bucket) => run.push((frame.x(at), frame.y(bucket.high), frame.y(bucket.low))),
        }
    }
    close(&mut run);
    path
}

/// A line of steps: a value holds until the next. Where several fell into one bucket, all that they covered is drawn.
/// `end`: until when the last value holds.
pub(super) fn steps(track: &Track, frame: Frame, end: f64) -> String {
    let mut path = String::new();
    // The height that is held, and until when it is known to.
    let mut held: Option<(f64, f64)> = None;
    for stretch in track.stretches() {
        let Stretch::Values(at, bucket) = stretch else {
            if let Some((_, until)) = held.take() {
                let _ = write!(path, "H{}", frame.x(until));
            }
            continue;
        };
        let (x, first, last) = (frame.x(at), frame.y(bucket.first), frame.y(bucket.last));
        let until = at + track.width();
        match held {
            Some((value, _)) if value == first && bucket.low == bucket.high => {
                held = Some((value, until));
                continue;
            }
            Some(_) => {
                let _ = write!(path, "H{x}V{first}");
            }
            None => {
                let _ = write!(path, "M{x} {first}h.01");
            }
        }
        let (low, high) = (frame.y(bucket.low), frame.y(bucket.high));
        if low != high {
            let _ = write!(path, "V{low}V{high}V{last}");
        }
        held = Some((last, until));
    }
    if held.is_some() {
        let _ = write!(path, "H{}", frame.x(end));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(span: f64, most: f64) -> Frame {
        Frame { time: Scale::new(0.0, span), value: Scale::new(0.0, most) }
    }

    fn track(values: &[Option<f64>]) -> Track {
        let mut track = Track::every(10.0);
        for (place, value) in values.iter().enumerate() {
            track.add(place as f64 * 10.0, *value);
        }
        track
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known() {
        let path = line(&track(&[Some(0.0), Some(10.0), None, Some(5.0)]), frame(40.0, 10.0));
        assert_eq!(path, "M0 100h.01L250 0M750 50h.01");
        assert_eq!(line(&track(&[None]), frame(40.0, 10.0)), "");
    }

    #[test]
    fn steps_hold_until_the_next() {
        let path = steps(&track(&[Some(2.0), Some(2.0), Some(4.0), Some(4.0)]), frame(40.0, 4.0), 40.0);
        assert_eq!(path, "M0 50h.01H500V0H1000");
        let broken = track(&[Some(2.0), Some(2.0), None, Some(4.0), None]);
        let broken = steps(&broken, frame(50.0, 4.0), 50.0);
        assert_eq!(broken, "M0 50h.01H400M600 0h.01H800", "a gap is not bridged");
    }

    #[test]
    fn what_fell_together_is_drawn_as_far_as_it_reached() {
        let mut both = Track::every(10.0);
        for (at, value) in [(0.0, 2.0), (10.0, 2.0), (12.0, 8.0), (14.0, 0.0), (16.0, 4.0), (20.0, 4.0)] {
            both.add(at, Some(value));
        }
        assert_eq!(steps(&both, frame(40.0, 8.0), 30.0), "M0 75h.01H250V75V100V0V50H750");
        assert_eq!(band(&both, frame(40.0, 8.0)), "M0 75L250 0L500 50L500 50L250 100L0 75Z");
        assert_eq!(band(&track(&[Some(1.0), Some(9.0)]), frame(40.0, 10.0)), "", "the line says it all");
    }

    #[test]
    fn thousands_of_points_make_no_path_of_thousands() {
        let mut track = Track::every(1.0);
        for second in 0..50_000 {
            track.add(f64::from(second), Some(f64::from(second % 7)));
        }
        let commands = |path: &str| path.chars().filter(char::is_ascii_alphabetic).count();
        let frame = frame(50_000.0, 7.0);
        assert!(commands(&line(&track, frame)) < 1100);
        assert!(commands(&band(&track, frame)) < 2200);
    }
}
