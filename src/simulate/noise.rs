//! Noise: one stream of random numbers for each source of it, so that one more of one kind does not reshuffle the rest.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A source of noise. The number stands in the seed: add at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// How many records arrive.
    Arrivals = 1,
    /// What the workers can do.
    Capacity = 2,
    /// What is measured as CPU.
    Cpu = 3,
}

/// Normally distributed noise of mean 0 that remembers its last value: `x' = r x + sqrt(1 - r^2) s e`, an autoregressive
/// process of first order whose standard deviation stays `s`.
#[derive(Debug, Clone)]
pub struct Noise {
    random: Pcg64Mcg,
    remembers: f64,
    fresh: f64,
    value: f64,
    spare: Option<f64>,
}

impl Noise {
    /// A stream of its own for each seed and source. `deviation` is the standard deviation, `remembers` in 0..1 the share of
    /// the last value that stays.
    pub fn new(seed: u64, stream: Stream, deviation: f64, remembers: f64) -> Self {
        // Seeds are small and follow each other: spread them, as the generator's first numbers would not.
        let state = mixed(mixed(seed).wrapping_add(stream as u64));
        let mut noise = Self {
            random: Pcg64Mcg::seed_from_u64(state),
            remembers,
            fresh: (1.0 - remembers * remembers).max(0.0).sqrt() * deviation,
            value: 0.0,
            spare: None,
        };
        // Begins as it goes on, not at 0.
        noise.value = deviation * noise.normal();
        noise
    }

    /// The next value.
    pub fn step(&mut self) -> f64 {
        if self.fresh > 0.0 {
            self.value = self.remembers * self.value + self.fresh * self.normal();
        }
        self.value
    }

    /// A normally distributed number (Marsaglia's polar method, which gives two at a time).
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Evenly distributed in 0..1.
    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the seed changes about half of the result's.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seed: u64, stream: Stream, deviation: f64, remembers: f64) -> Vec<f64> {
        let mut noise = Noise::new(seed, stream, deviation, remembers);
        (0..200_000).map(|_| noise.step()).collect()
    }

    #[test]
    fn it_has_the_deviation_and_the_memory_that_were_asked_for() {
        for (deviation, remembers) in [(0.05, 0.9), (0.03, 0.0), (0.15, 0.9)] {
            let x = series(1, Stream::Arrivals, deviation, remembers);
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let together = x.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / n;
            assert!(mean.abs() < 0.05 * deviation, "mean {mean}");
            assert!((variance.sqrt() / deviation - 1.0).abs() < 0.03, "deviation {}", variance.sqrt());
            assert!((together / variance - remembers).abs() < 0.02, "memory {}", together / variance);
        }
    }

    #[test]
    fn a_seed_and_a_source_make_a_stream_of_their_own() {
        let arrivals = series(1, Stream::Arrivals, 1.0, 0.0);
        assert_eq!(arrivals, series(1, Stream::Arrivals, 1.0, 0.0));
        for (other, name) in
            [(series(2, Stream::Arrivals, 1.0, 0.0), "seed"), (series(1, Stream::Capacity, 1.0, 0.0), "source")]
        {
            let together = arrivals.iter().zip(&other).map(|(x, y)| x * y).sum::<f64>() / arrivals.len() as f64;
            assert!(together.abs() < 0.01, "another {name}: {together}");
        }
    }

    #[test]
    fn no_deviation_is_no_noise() {
        assert!(series(7, Stream::Cpu, 0.0, 0.9).iter().all(|x| *x == 0.0));
    }
}
