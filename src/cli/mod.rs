//! The command line: one file per subcommand, each with its `Args` and `async fn run(args) -> anyhow::Result<bool>`.
//!
//! Answers go to stdout through [`Stdout`], all else to stderr. `Ok(true)` is yes, `Ok(false)` no; an error is ours
//! unless it is marked as [`AskedWrongly`].

pub mod check;
pub mod decide;
pub mod demo;
mod draw;
mod exit;
mod line;
mod output;
pub mod record;
pub mod replay;
pub mod run;
pub mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{AskedWrongly, Exit, asked_wrongly};
pub use output::{Color, Format, Output, Stdout};

/// Scales Apache Beam jobs on Kubernetes by what Prometheus says about them.
#[derive(Debug, Parser)]
#[command(name = "steelyard", version, after_help = exit::AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Observe and decide for every job, tick after tick
    Run(run::Args),
    /// See it at work, without a Prometheus or a cluster
    Demo(demo::Args),
    /// Check policy files
    Check(check::Args),
    /// One decision from the numbers that you give
    Decide(decide::Args),
    /// Record what a policy's queries say over a time range
    Record(record::Args),
    /// Decide again over a recording
    Replay(replay::Args),
    /// Let policies meet a modelled job, and score them
    Simulate(Box<simulate::Args>),
}

impl Command {
    async fn run(self) -> anyhow::Result<bool> {
        match self {
            Self::Run(args) => run::run(args).await,
            Self::Demo(args) => demo::run(args).await,
            Self::Check(args) => check::run(args).await,
            Self::Decide(args) => decide::run(args).await,
            Self::Record(args) => record::run(args).await,
            Self::Replay(args) => replay::run(args).await,
            Self::Simulate(args) => simulate::run(*args).await,
        }
    }
}

/// Parses the arguments of this process, does what they ask for, prints the error if there is one.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are answers; a pipe that closed under them is none of our business.
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() { Exit::AskedWrongly } else { Exit::Yes }.into();
        }
    };
    let result = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    let result = result.and_then(|runtime| {
        let result = runtime.block_on(cli.command.run());
        // A blocked name look-up must not keep a finished command alive.
        runtime.shutdown_background();
        result
    });
    let exit = Exit::of(&result);
    if let (Err(error), Exit::AskedWrongly | Exit::Failed) = (&result, exit) {
        eprintln!("error: {error:#}");
    }
    exit.into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
