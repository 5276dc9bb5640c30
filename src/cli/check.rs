//! `steelyard check`: is what the policy files say right, and what does it come to?

mod prometheus;
mod rbac;

use std::io::Write;
use std::path::PathBuf;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use self::prometheus::Surveyed;
use super::{Format, Output, Stdout};
use crate::cluster::Account;
use crate::policy::{self, Checked, Diagnostics, Explained, ExplainedFrom, Severity};

/// The options.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Policy files, or folders of *.yaml and *.yml
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub files: Vec<PathBuf>,
    /// Print the JSON Schema of policy files, for editors
    #[arg(long)]
    pub schema: bool,
    /// Print every field with its value and where it comes from: file, preset or default
    #[arg(long)]
    pub explain: bool,
    /// Ask this Prometheus every query once, and say what is wrong with what it gives
    #[arg(long, value_name = "URL", conflicts_with = "schema")]
    pub prometheus: Option<String>,
    /// The settings of `steelyard run`: how Prometheus is reached and how we show who we are
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub config: Option<PathBuf>,
    /// Print the roles that the daemon needs for these policies, and nothing more, for `kubectl apply`
    #[arg(long, conflicts_with_all = ["schema", "explain", "prometheus"])]
    pub rbac: bool,
    /// The namespace that the daemon runs in, for --rbac
    #[arg(long, value_name = "NAMESPACE", default_value = "steelyard", requires = "rbac")]
    pub namespace: String,
    /// The name of the daemon's ServiceAccount and Lease, for --rbac
    #[arg(long, value_name = "NAME", default_value = "steelyard", requires = "rbac")]
    pub account: String,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Says what is wrong; true: nothing forbids the use of the files.
///
/// # Errors
/// Stdout cannot be written, the settings are wrong, or there is no Prometheus that answers.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let mut stdout = Stdout::default();
    let yes = answer(args, &mut stdout).await?;
    stdout.flush()?;
    Ok(yes)
}

/// What [`run`] says, written to `out`.
///
/// # Errors
/// `out` cannot be written, the settings are wrong, or there is no Prometheus that answers.
pub async fn answer(args: Args, out: &mut impl Write) -> anyhow::Result<bool> {
    let Args { files, schema, explain, prometheus, config, rbac, namespace, account, output } = args;
    if schema {
        serde_json::to_writer_pretty(&mut *out, &policy::schema())?;
        writeln!(out)?;
        return Ok(true);
    }
    let paths = files.clone();
    let checked = tokio::task::spawn_blocking(move || policy::check(&paths)).await?;
    let faulty = checked.diagnostics.has_errors();
    if rbac && !faulty {
        // Warnings are no part of what `kubectl` reads.
        if !checked.diagnostics.is_empty() {
            let _ = writeln!(std::io::stderr(), "{}", checked.diagnostics.painted(output.color.on_stderr()));
        }
        rbac::print(&checked.set, Account { namespace, name: account }, output.format, out)?;
        return Ok(true);
    }
    let surveyed = match prometheus {
        Some(_) if faulty => {
            // Stdout is the answer; and to ask for some of the policies would look like having asked for all.
            let _ = writeln!(std::io::stderr(), "Prometheus is not asked before the policies are without fault");
            None
        }
        Some(url) => Some(prometheus::survey(url, config, files, &checked.set).await?),
        None => None,
    };
    let explained = if explain { checked.explained.as_slice() } else { &[] };
    match output.format {
        Format::Table => table(&checked, explained, surveyed.as_ref(), output.color.on_stdout(), out)?,
        Format::Json => json(&checked, explain.then_some(explained), surveyed.as_ref(), out)?,
    }
    Ok(!faulty && surveyed.is_none_or(|surveyed| surveyed.counts().0 == 0))
}

fn table(
    checked: &Checked,
    explained: &[Explained],
    surveyed: Option<&Surveyed>,
    colour: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    for policy in explained {
        // Queries are long: the last column needs no filling up.
        writeln!(out, "{} ({})\n{}\n", policy.policy, policy.file, fields(policy).trim_fmt())?;
    }
    if !checked.diagnostics.is_empty() {
        writeln!(out, "{}\n", checked.diagnostics.painted(colour))?;
    }
    if let Some(surveyed) = surveyed {
        surveyed.print(colour, out)?;
    }
    writeln!(out, "{}", summary(checked, surveyed))?;
    Ok(())
}

fn fields(policy: &Explained) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["FIELD", "FROM", "VALUE"]);
    for field in &policy.fields {
        let from = match &field.from {
            ExplainedFrom::File { line, column } => format!("file, {line}:{column}"),
            ExplainedFrom::Preset { preset } => format!("preset {preset}"),
            ExplainedFrom::Default => "default".to_owned(),
        };
        table.add_row([field.field.as_str(), from.as_str(), field.value.as_str()]);
    }
    table
}

fn summary(checked: &Checked, surveyed: Option<&Surveyed>) -> String {
    let (faults, warnings) = counts(&checked.diagnostics, surveyed);
    let read = count(checked.files, "file");
    match (faults, warnings) {
        (0, 0) => format!("{} in {read}: nothing is wrong", policies(checked.set.policies.len())),
        (0, _) => format!("{} in {read}: {}", policies(checked.set.policies.len()), count(warnings, "warning")),
        (_, 0) => format!("{read}: {}", count(faults, "fault")),
        _ => format!("{read}: {}, {}", count(faults, "fault"), count(warnings, "warning")),
    }
}

/// Faults and warnings, of the files and of what Prometheus gave.
fn counts(diagnostics: &Diagnostics, surveyed: Option<&Surveyed>) -> (usize, usize) {
    let faults = diagnostics.iter().filter(|problem| problem.severity == Severity::Error).count();
    let (there, warned) = surveyed.map(Surveyed::counts).unwrap_or_default();
    (faults + there, diagnostics.len() - faults + warned)
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn policies(number: usize) -> String {
    if number == 1 { "1 policy".to_owned() } else { format!("{number} policies") }
}

fn json(
    checked: &Checked,
    explained: Option<&[Explained]>,
    surveyed: Option<&Surveyed>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let problems: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|problem| {
            let at = problem.position.as_ref();
            json!({
                "severity": if problem.severity == Severity::Error { "error" } else { "warning" },
                "file": problem.file,
                "line": at.map(|at| at.line),
                "column": at.map(|at| at.column),
                "width": at.map(|at| at.width),
                "message": problem.message,
            })
        })
        .collect();
    let (faults, warnings) = counts(&checked.diagnostics, surveyed);
    let mut answer = json!({
        "files": checked.files,
        "policies": checked.set.policies.iter().map(|policy| policy.plan.class.to_string()).collect::<Vec<_>>(),
        "faults": faults,
        "warnings": warnings,
        "problems": problems,
    });
    if let Some(explained) = explained {
        answer["explained"] = serde_json::to_value(explained)?;
    }
    if let Some(surveyed) = surveyed {
        answer["prometheus"] = surveyed.to_json();
    }
    serde_json::to_writer(&mut *out, &answer)?;
    writeln!(out)?;
    Ok(())
}
