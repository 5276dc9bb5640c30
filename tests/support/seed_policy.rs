//! A policy of the preset `seed`, which several tests share but for its signals.

/// The policy `seed` with these lines of `spec.signals`, each behind a line break and four spaces.
macro_rules! seed_policy {
    ($signals:literal) => {
        concat!(
            "
apiVersion: steelyard.dev/v1alpha1
kind: ScalingPolicy
metadata: { name: seed }
spec:
  preset: seed
  limits: { maxWorkers: 100 }
  signals:
    by: { namespace: namespace, name: app, operator: operator_name }
    rateWindow: 1m
    scrapeInterval: 15s",
            $signals
        )
    };
}

pub(crate) use seed_policy;
