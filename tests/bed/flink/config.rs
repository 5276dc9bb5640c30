//! How Flink is started without its shell scripts, which the Python package does not have.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use super::{METRICS_PORT, Spec};

/// In MB; the JobManager of a small job needs no more.
pub const JOB_MANAGER_HEAP: u32 = 256;
/// What a TaskManager's heap holds besides its tasks, in MB.
pub const FRAMEWORK_HEAP: u32 = 128;

/// Of `config.sh`'s list for Java 17, what a job without Python and Hadoop needs; the last one is for the bed's own HTTP provider.
const OPENS: [&str; 13] = [
    "java.base/java.lang=ALL-UNNAMED",
    "java.base/java.net=ALL-UNNAMED",
    "java.base/java.io=ALL-UNNAMED",
    "java.base/java.nio=ALL-UNNAMED",
    "java.base/sun.nio.ch=ALL-UNNAMED",
    "java.base/java.text=ALL-UNNAMED",
    "java.base/java.time=ALL-UNNAMED",
    "java.base/java.util=ALL-UNNAMED",
    "java.base/java.lang.reflect=ALL-UNNAMED",
    "java.base/java.util.concurrent=ALL-UNNAMED",
    "java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "java.base/java.util.concurrent.locks=ALL-UNNAMED",
    "jdk.httpserver/sun.net.httpserver=ALL-UNNAMED",
];

/// Times as numbers, so that the log can be read as the truth of when the job stopped and started.
const LOGGING: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{UNIX_MILLIS} %-5p %c{1} - %m%n
";

/// Writes `config.yaml` and the logging's properties into the cluster's folder.
pub fn write(folder: &Path, spec: &Spec, job_manager: Ipv4Addr) {
    let mut lines = vec![
        "scheduler-mode: reactive".to_owned(),
        format!("jobmanager.rpc.address: {job_manager}"),
        format!("jobmanager.bind-host: {job_manager}"),
        format!("rest.address: {job_manager}"),
        format!("rest.bind-address: {job_manager}"),
        "rest.port: '8081'".to_owned(),
        format!("jobmanager.memory.heap.size: {JOB_MANAGER_HEAP}m"),
        "taskmanager.numberOfTaskSlots: 1".to_owned(),
        // Without the scripts nobody derives these.
        "taskmanager.cpu.cores: 1.0".to_owned(),
        format!("taskmanager.memory.framework.heap.size: {FRAMEWORK_HEAP}m"),
        "taskmanager.memory.framework.off-heap.size: 64m".to_owned(),
        "taskmanager.memory.jvm-metaspace.size: 256m".to_owned(),
        "taskmanager.memory.jvm-overhead.min: 64m".to_owned(),
        "taskmanager.memory.jvm-overhead.max: 64m".to_owned(),
        format!("taskmanager.memory.task.heap.size: {}m", spec.task_heap),
        "taskmanager.memory.task.off-heap.size: 0m".to_owned(),
        "taskmanager.memory.managed.size: 0m".to_owned(),
        "taskmanager.memory.network.min: 8m".to_owned(),
        "taskmanager.memory.network.max: 8m".to_owned(),
        // Small, so that few records hide in buffers between tasks, where no metric counts them.
        "taskmanager.memory.segment-size: 4kb".to_owned(),
        "taskmanager.network.memory.buffers-per-channel: 1".to_owned(),
        "taskmanager.network.memory.floating-buffers-per-gate: 1".to_owned(),
        "execution.checkpointing.interval: 10s".to_owned(),
        "metrics.reporter.prom.factory.class: org.apache.flink.metrics.prometheus.PrometheusReporterFactory".to_owned(),
        // Quoted: 1.20 ignores a port that is a plain number.
        format!("metrics.reporter.prom.port: '{METRICS_PORT}'"),
    ];
    for line in &spec.config {
        let key = line.split(':').next().unwrap_or_default();
        lines.retain(|known| known.split(':').next() != Some(key));
        lines.push(line.clone());
    }
    std::fs::write(folder.join("config.yaml"), lines.join("\n") + "\n").expect("a file");
    std::fs::write(folder.join("log4j.properties"), LOGGING).expect("a file");
}

/// A JVM for one of Flink's entry points. SerialGC and C1 keep it small: under 300 MB, a few per cent of a core.
pub fn java(spec: &Spec, own_address: &Path, folder: &Path, address: Ipv4Addr, heap: u32, main: &str) -> Command {
    let lib = spec.flink.join("lib");
    let jars = spec.jars.iter().map(|jar| jar.display().to_string()).chain([own_address.display().to_string()]);
    let class_path: Vec<String> = jars.chain([format!("{}/*", lib.display())]).collect();
    let mut command = Command::new("java");
    command
        .arg(format!("-Xmx{heap}m"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxMetaspaceSize=256m", "-XX:-UsePerfData"])
        // On a machine that starts a dozen JVMs at once the default of 10 s is not enough; Flink's own option for it,
        // `pekko.startup-timeout`, sets a key that Pekko does not read.
        .arg("-Dpekko.remote.classic.startup-timeout=120s")
        .arg("-Dcom.sun.net.httpserver.HttpServerProvider=bed.OwnAddress")
        .arg(format!("-Dbed.address={address}"))
        .arg(format!("-Dlog4j.configurationFile={}", folder.join("log4j.properties").display()))
        .arg(format!("-Djava.io.tmpdir={}", folder.display()));
    for open in OPENS {
        command.arg("--add-opens").arg(open);
    }
    command
        .args(["-cp", &class_path.join(":"), main, "--configDir"])
        .arg(folder)
        .env("FLINK_LIB_DIR", &lib)
        .env("FLINK_PLUGINS_DIR", spec.flink.join("plugins"))
        .env("FLINK_CONF_DIR", folder);
    command
}
