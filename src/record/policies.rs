//! The policies that a recording is replayed with: its own, or others in their place.

use super::error::Error;
use super::header::Header;
use crate::policy::{self, Policy, PolicySet};

impl Header {
    /// The policies that the recording was made with.
    ///
    /// # Errors
    /// One of them does not hold up with this version of Steelyard.
    pub fn recorded_policies(&self) -> Result<PolicySet, Error> {
        self.policies_with(&PolicySet::default())
    }

    /// The recording's policies with `others` in the place of those of the same name. Where there is one on each
    /// side it takes the other's place whatever its name. Policies that are replaced are not even parsed.
    ///
    /// # Errors
    /// One of `others` fits no class of the recording, or a policy that stays does not hold up.
    pub fn policies_with(&self, others: &PolicySet) -> Result<PolicySet, Error> {
        let recorded = self.policies();
        if let ([_], [only]) = (recorded, &others.policies[..]) {
            return Ok(PolicySet { policies: vec![only.clone()] });
        }
        let is_class = |policy: &&Policy| recorded.iter().any(|class| *class.name == *policy.plan.class);
        if let Some(stray) = others.policies.iter().find(|policy| !is_class(policy)) {
            let known: Vec<String> = recorded.iter().map(|class| format!("`{}`", class.name)).collect();
            return Err(Error::NoSuchClass { name: stray.plan.class.to_string(), known: known.join(", ") });
        }
        let policies = recorded.iter().map(|class| {
            match others.policies.iter().find(|policy| *policy.plan.class == *class.name) {
                Some(other) => Ok(other.clone()),
                None => parse(&class.name, &class.text),
            }
        });
        Ok(PolicySet { policies: policies.collect::<Result<_, _>>()? })
    }
}

fn parse(name: &str, text: &str) -> Result<Policy, Error> {
    let wrong = |source| Error::Policy { name: name.to_owned(), source };
    let mut policies = policy::parse(name, text).map_err(|diagnostics| wrong(diagnostics.into()))?;
    match (policies.pop(), policies.is_empty()) {
        (Some(policy), true) if *policy.plan.class == *name => Ok(policy),
        _ => Err(wrong("its text is not that one policy".into())),
    }
}
