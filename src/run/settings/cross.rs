//! What no field can say alone, over all layers.

use reqwest::Url;

use super::layers::Layer;
use crate::policy::Diagnostics;
use crate::policy::Severity::Error;
use crate::policy::fields::{Kind, Text, Value};
use crate::policy::shape::is_open;
use crate::policy::source::Span;
use crate::policy::values::Found;
use crate::telemetry::LogLevel;

/// Reports what is wrong with the layers together. `whole`: nothing is missing because a file could not be read;
/// `file` is what problems of no layer are told of.
pub(super) fn check(layers: &[Layer], file: Option<&str>, whole: bool, problems: &mut Diagnostics) {
    let mut checker = Checker { layers, file: file.unwrap_or("settings"), problems };
    if whole {
        checker.missing();
    }
    checker.interval();
    checker.log_level();
    checker.credentials();
    checker.pairs();
}

struct Checker<'a> {
    layers: &'a [Layer],
    file: &'a str,
    problems: &'a mut Diagnostics,
}

impl<'a> Checker<'a> {
    /// The value that is in force, and the layer that gives it.
    fn found(&self, path: &str) -> Option<(&'a Layer, &'a Found)> {
        self.layers.iter().rev().find_map(|layer| Some((layer, layer.values.found(path)?)))
    }

    /// The uppermost layer that has this section or list.
    fn section(&self, path: &str) -> Option<(&'a Layer, Span)> {
        self.layers.iter().rev().find_map(|layer| Some((layer, layer.values.key(path)?)))
    }

    fn is_doubtful(&self, path: &str) -> bool {
        self.layers.iter().any(|layer| layer.values.is_doubtful(path))
    }

    fn push(&mut self, layer: &Layer, at: Span, message: String) {
        self.problems.push(Error, &layer.source, at, message);
    }

    fn missing(&mut self) {
        if self.found("prometheus.url").is_none() && !self.is_doubtful("prometheus.url") {
            let mend = "write it into steelyard.yaml, set STEELYARD__PROMETHEUS__URL or give --prometheus URL";
            self.problems.file_error(self.file, format!("`prometheus.url` is not set: {mend}"));
        }
        let list = self.section("policies");
        let named = list.is_some_and(|(layer, _)| layer.values.len("policies") > 0);
        if !named && !self.is_doubtful("policies") {
            let message = "no policy is named: write `policies: [FILE]`, or give --policy FILE".to_owned();
            match list.filter(|(layer, _)| layer.is_given) {
                Some((layer, at)) => self.push(layer, at, message),
                None => self.problems.file_error(self.file, message),
            }
        }
    }

    fn interval(&mut self) {
        if let Some((layer, found)) = self.found("interval")
            && let Value::Duration(interval) = found.value
            && interval.subsec_nanos() != 0
        {
            let message = format!("`interval` is {}: a whole number of seconds is meant: round it", found.text);
            self.push(layer, found.at, message);
        }
    }

    fn log_level(&mut self) {
        if let Some((layer, found)) = self.found("log.level")
            && let Err(why) = found.text.parse::<LogLevel>()
        {
            // A long text may have taken more along than a level.
            let why = if is_open(Kind::Text(Text::Any), &found.text) { why } else { why.replace(&found.text, "***") };
            self.push(layer, found.at, why);
        }
    }

    /// Every way in which we could show who we are, as they stand.
    fn credentials(&mut self) {
        let mut given: Vec<(String, &Layer, Span)> = Vec::new();
        for name in ["bearer_token", "bearer_token_file"] {
            let found = self.found(&format!("prometheus.{name}"));
            given.extend(found.map(|(layer, found)| (name.to_owned(), layer, found.at)));
        }
        let basic = self.section("prometheus.basic_auth");
        given.extend(basic.map(|(layer, at)| ("basic_auth".to_owned(), layer, at)));
        for layer in self.layers {
            let headers = layer.values.entries("prometheus.headers");
            let header = headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            given.extend(header.map(|(name, found)| (format!("headers.{name}"), layer, found.at)));
        }
        let url = self.found("prometheus.url").filter(|(_, found)| has_user(&found.text));
        given.extend(url.map(|(layer, found)| ("url".to_owned(), layer, found.at)));
        given.sort_by_key(|(_, layer, at)| (self.layers.iter().position(|one| std::ptr::eq(one, *layer)), at.start));
        if let [(first, ..), rest @ ..] = &given[..] {
            for (name, layer, at) in rest {
                let message = format!("`{name}` gives credentials, and so does `{first}`: keep one of them");
                self.push(layer, *at, message);
            }
        }
    }

    fn pairs(&mut self) {
        let found = |name: &str| self.found(&format!("prometheus.{name}"));
        let mut faults = Vec::new();
        if let (Some(_), Some((layer, second))) = (found("basic_auth.password"), found("basic_auth.password_file")) {
            faults.push((layer, second.at, "`password_file` and `password` are given: keep one of them".to_owned()));
        }
        for (one, other) in [
            ("tls.cert_file", "tls.key_file"),
            ("tls.key_file", "tls.cert_file"),
            ("basic_auth.password", "basic_auth.username"),
        ] {
            if let (Some((layer, given)), None) = (found(one), found(other))
                && !self.is_doubtful(&format!("prometheus.{other}"))
            {
                faults.push((layer, given.at, format!("`{one}` needs `{other}`: add it")));
            }
        }
        let user = ["username", "password"].iter().any(|name| found(&format!("basic_auth.{name}")).is_some());
        if let Some((layer, at)) = self.section("prometheus.basic_auth").filter(|_| !user)
            && !self.is_doubtful("prometheus.basic_auth")
        {
            faults.push((layer, at, "`basic_auth` is without `username`: add it".to_owned()));
        }
        faults.into_iter().for_each(|(layer, at, message)| self.push(layer, at, message));
    }
}

fn has_user(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}
