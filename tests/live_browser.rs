//! Reports in a real browser: Chromium opens the file, its script runs to its end, and the numbers are there.

#[expect(dead_code, reason = "each target with real components uses a part of it")]
#[path = "support/component.rs"]
mod component;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a pointer does that rests in the middle of the first plot; what it reads there goes into the title.
const POINTER: &str = "<script>
  const plot = document.querySelector('.course .plot');
  const box = plot.getBoundingClientRect();
  plot.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width / 2 }));
  const read = [...document.querySelector('.course').querySelectorAll('output')].map((output) => output.textContent);
  document.documentElement.dataset.read = document.querySelector('.course .now').textContent + ' ' + read.join(' ');
</script>";

fn steelyard(folder: &Path, arguments: &[&str]) -> Output {
    let ran = Command::new(env!("CARGO_BIN_EXE_steelyard")).args(arguments).current_dir(folder).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran
}

/// The document as the browser has it once all scripts ran. It has no network: the file is all there is.
fn opened(chromium: &Path, folder: &Path, report: &str) -> String {
    let page = folder.join("opened.html");
    let text = std::fs::read_to_string(folder.join(report)).unwrap();
    std::fs::write(&page, text.replace("</body>", &format!("{POINTER}</body>"))).unwrap();
    let profile = tempfile::tempdir_in(folder).unwrap();
    // GNU timeout ends a browser that hangs, whatever becomes of this test.
    let ran = Command::new("timeout")
        .arg("240")
        .arg(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--window-size=1000,800",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{:?}\n{log}", ran.status);
    // What the page itself says goes to the console, which is logged with this mark.
    let said: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "the page complains: {said:?}");
    let dom = String::from_utf8(ran.stdout).unwrap();
    assert!(dom.contains("data-script=\"whole\""), "the script did not run to its end");
    dom
}

/// What the pointer read: the time, and a value for each line.
fn read(dom: &str) -> Vec<&str> {
    let start = dom.split("data-read=\"").nth(1).expect("the pointer read something");
    start.split('"').next().unwrap().split(' ').collect()
}

fn chromium() -> Option<PathBuf> {
    component::program("CHROMIUM", "chromium")
}

#[test]
fn a_replay_is_drawn_for_both_policies() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recording = format!("{ROOT}/fixtures/beam-step-up/recording.jsonl.zst");
    let policy = std::fs::read_to_string(format!("{ROOT}/fixtures/beam-step-up/policy.yaml")).unwrap();
    let eager = policy.replace("backlogTimeAbove: 60s", "backlogTimeAbove: 30s");
    assert_ne!(policy, eager);
    std::fs::write(folder.path().join("eager.yaml"), eager).unwrap();
    let against = Command::new(env!("CARGO_BIN_EXE_steelyard"))
        .args(["replay", &recording, "--against", "eager.yaml", "--report", "report.html"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(against.status.code(), Some(1), "they differ: {}", String::from_utf8_lossy(&against.stderr));
    let dom = opened(&chromium, folder.path(), "report.html");
    for shown in
        ["lane-d/orders", "Backlog time", "wanted by the other", "scale 1 -&gt; 3", "scale 1 -&gt; 2", "against"]
    {
        assert!(dom.contains(shown), "{shown}");
    }
    let read = read(&dom);
    // The middle of 02:48:34 to 02:59:34, to the second.
    assert!(read[0].starts_with("02:54:0"), "{read:?}");
    // From the test bed: one worker manages about 170 KB/s while 320 arrive.
    let processed: f64 = read[1].strip_suffix('K').expect("thousands of bytes").parse().unwrap();
    assert!((150.0..190.0).contains(&processed), "{read:?}");
}

#[test]
fn a_simulation_is_drawn_with_its_scores() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let plant = format!("{ROOT}/benches/scenarios/S9/plant.yaml");
    let policy = format!("{ROOT}/benches/scenarios/policies/seed.yaml");
    let arguments = [
        "simulate",
        "--workload",
        "step:from=50000,to=90000,at=5m",
        "--duration",
        "30m",
        "--plant",
        &plant,
        "--policy",
        &policy,
        "--baseline",
        "static,clairvoyant",
        "--seeds",
        "2",
        "--format",
        "json",
        "--report",
        "report.html",
    ];
    let ran = steelyard(folder.path(), &arguments);
    let scores: Vec<Value> =
        String::from_utf8(ran.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(scores.len(), 6);
    let dom = opened(&chromium, folder.path(), "report.html");
    // The mean of two seeds is their median.
    for policy in ["seed", "static", "clairvoyant"] {
        let hours =
            scores.iter().filter(|line| line["policy"] == policy).map(|line| line["worker_hours"].as_f64().unwrap());
        let median = format!("<td>{:.1}", hours.sum::<f64>() / 2.0);
        assert!(dom.contains(policy) && dom.contains(&median), "{policy}: {median}");
    }
    for shown in
        ["Input and capacity", "late above 1m", "class=\"front\"", "worker-hours, times those of the clairvoyant"]
    {
        assert!(dom.contains(shown), "{shown}");
    }
    let read = read(&dom);
    assert_eq!(read[0], "0:15:00", "{read:?}");
    assert!(read.len() > 8 && read[1..].iter().all(|value| !value.is_empty()), "{read:?}");
}
