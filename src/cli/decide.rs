//! `steelyard decide`: what would you do with these numbers?

mod history;

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Format, Output, Stdout, asked_wrongly};
use crate::engine::Decision;
use crate::policy::{self, Policy, PolicySet};
use crate::record::JsonFault;
use crate::record::wire::WireJob;

const INPUT: &str = r#"The numbers are one JSON object:

  {"workers": 10, "running_for": "1h", "cpu": 0.5, "max_parallelism": 128, "partitions": 64,
   "operators": {"read": {"throughput": 1000, "backlog": 180000, "growth": 200}}}

`workers` is what runs; `wished`, what the spec asks for, is the same unless given. Coverage is 1 and age 0 unless
given; what else is left out is missing, and so is null; "stale" and "NaN" are possible too. It is taken that the world
has stood like this for longer than every window of the policy. The policy's mode is not looked at."#;

/// The options.
#[derive(Debug, clap::Args)]
#[command(after_long_help = INPUT)]
pub struct Args {
    /// The policy file that decides (may be repeated)
    #[arg(long, value_name = "FILE", required = true)]
    policy: Vec<PathBuf>,
    /// Which of its policies, where there are several
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// The numbers, as JSON; `-` is stdin
    #[arg(default_value = "-", value_name = "JSON")]
    numbers: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Decides once.
///
/// # Errors
/// The policy or the numbers cannot be used, or stdout cannot be written.
pub async fn run(args: Args) -> anyhow::Result<bool> {
    let Args { policy, class, numbers, output } = args;
    let policies = policy::load(&policy).map_err(asked_wrongly)?;
    let (name, text) = read(&numbers).map_err(asked_wrongly)?;
    // serde would take a list for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(asked_wrongly(anyhow::anyhow!("{name} holds no JSON object: write {{\"workers\": 10, ...}}")));
    }
    let job = serde_json::from_str::<WireJob<'_>>(&text)
        .map_err(|error| JsonFault::new(&error, 1))
        .with_context(|| format!("failed to understand {name}"))
        .map_err(asked_wrongly)?;
    let wanted = class.or_else(|| job.class.as_ref().map(|class| class.0.to_string()));
    let decision = history::decide(choose(policies, wanted.as_deref())?, &job);
    print(output, &decision)?;
    Ok(true)
}

/// The text to decide about, and what to call it.
fn read(path: &Path) -> anyhow::Result<(String, String)> {
    if path != Path::new("-") {
        let name = format!("`{}`", path.display());
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {name}"))?;
        return Ok((name, text));
    }
    if io::stdin().is_terminal() {
        // Otherwise it looks as if it hung.
        let _ = writeln!(io::stderr(), "reading the numbers from the terminal: end them with Ctrl-D");
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("failed to read stdin")?;
    Ok(("stdin".to_owned(), text))
}

/// The policy of that name, or the only one.
fn choose(policies: PolicySet, wanted: Option<&str>) -> anyhow::Result<Policy> {
    let names: Vec<String> = policies.policies.iter().map(|policy| format!("`{}`", policy.plan.class)).collect();
    let names = names.join(", ");
    let mut fitting =
        policies.policies.into_iter().filter(|policy| wanted.is_none_or(|name| *policy.plan.class == *name));
    match (fitting.next(), fitting.next(), wanted) {
        (Some(policy), None, _) => Ok(policy),
        (None, _, Some(wanted)) => Err(asked_wrongly(anyhow::anyhow!("there is no policy `{wanted}`, only {names}"))),
        (None, _, None) => Err(asked_wrongly(anyhow::anyhow!("the files hold no policy"))),
        (Some(_), Some(_), _) => {
            Err(asked_wrongly(anyhow::anyhow!("there are several policies: choose with --class, one of {names}")))
        }
    }
}

fn print(output: Output, decision: &Decision) -> anyhow::Result<()> {
    let mut stdout = Stdout::default();
    match output.format {
        Format::Json => {
            serde_json::to_writer(&mut stdout, &decision.answer())?;
            writeln!(stdout)?;
        }
        Format::Table => {
            let (bold, plain) = if output.color.on_stdout() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            writeln!(stdout, "{bold}{}{plain}", decision.action)?;
            for step in &decision.because {
                writeln!(stdout, "  {step}")?;
            }
        }
    }
    stdout.flush()?;
    Ok(())
}
