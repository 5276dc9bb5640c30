//! What a width can process: a straight line of throughput over CPU for each width seen, and a table of what came of it.

/// A line through points, kept as running sums.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    squares: f64,
    products: f64,
}

impl Line {
    /// Adds a point (Welford's update).
    pub fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let before = x - self.mean_x;
        self.mean_x += before / self.count;
        self.mean_y += (y - self.mean_y) / self.count;
        self.squares += before * (x - self.mean_x);
        self.products += before * (y - self.mean_y);
    }

    /// Its value at `x`; where all points lie at one place, or it would fall, the line through the origin.
    pub fn at(&self, x: f64) -> Option<f64> {
        if self.count < 2.0 || self.mean_x <= 0.0 {
            return None;
        }
        // A spread of less than half a per cent of CPU says nothing about a slope.
        let slope = if self.squares / self.count > 0.005 * 0.005 { self.products / self.squares } else { 0.0 };
        let slope = if slope > 0.0 { slope } else { self.mean_y / self.mean_x };
        Some(self.mean_y + slope * (x - self.mean_x))
    }
}

/// Capacities by width, records/s.
#[derive(Debug, Clone, Default)]
pub struct Capacities {
    /// By width: the line, and what the table holds.
    seen: Vec<(Line, Option<f64>)>,
}

impl Capacities {
    /// For up to so many workers.
    pub fn new(most: u32) -> Self {
        Self { seen: vec![Default::default(); most as usize + 1] }
    }

    /// Adds what was seen at a width: mean CPU of its workers, and what they processed together.
    pub fn add(&mut self, width: u32, cpu: f64, processed: f64) {
        if let Some((line, _)) = self.seen.get_mut(width as usize) {
            line.add(cpu, processed);
        }
    }

    /// Takes what the line of the width says at full CPU into the table: half of it, half of what was there.
    pub fn update(&mut self, width: u32) {
        if let Some((line, table)) = self.seen.get_mut(width as usize)
            && let Some(new) = line.at(1.0)
        {
            *table = Some(table.map_or(new, |old| (old + new) / 2.0));
        }
    }

    /// What a width can process: what the table holds, or as much for each worker as at the present width. `None` while
    /// that has not been seen.
    pub fn of(&self, width: u32, present: u32) -> Option<f64> {
        let table = |width: u32| self.seen.get(width as usize).and_then(|(_, table)| *table);
        table(width).or_else(|| Some(table(present)? / f64::from(present) * f64::from(width)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_full_cpu_before_the_job_does() {
        let mut line = Line::default();
        assert_eq!(line.at(1.0), None);
        // 8 % idle, 1000/s at full.
        for load in [0.2, 0.3, 0.5, 0.4] {
            line.add(0.08 + 0.92 * load, 1000.0 * load);
        }
        assert!((line.at(1.0).unwrap() - 1000.0).abs() < 1e-6);
        // One place only, and a line that falls: through the origin.
        let mut flat = Line::default();
        flat.add(0.5, 400.0);
        flat.add(0.5, 600.0);
        assert_eq!(flat.at(1.0), Some(1000.0));
        let mut falling = Line::default();
        falling.add(0.4, 600.0);
        falling.add(0.6, 400.0);
        assert_eq!(falling.at(1.0), Some(1000.0));
    }

    #[test]
    fn the_table_goes_half_way_and_other_widths_are_proportional() {
        let mut capacities = Capacities::new(20);
        assert_eq!(capacities.of(4, 4), None);
        let fill = |capacities: &mut Capacities, per_cpu: f64| {
            for cpu in [0.2, 0.4, 0.6] {
                capacities.add(4, cpu, per_cpu * cpu);
            }
        };
        fill(&mut capacities, 1000.0);
        capacities.update(4);
        assert!((capacities.of(4, 4).unwrap() - 1000.0).abs() < 1e-9);
        assert!((capacities.of(10, 4).unwrap() - 2500.0).abs() < 1e-9);
        fill(&mut capacities, 500.0);
        capacities.update(4);
        // The line now says 750.
        assert!((capacities.of(4, 4).unwrap() - 875.0).abs() < 1e-9);
        assert_eq!(capacities.of(10, 9), None);
    }
}
