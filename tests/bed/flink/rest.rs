//! What the JobManager says of its job.

use serde_json::Value;

/// The job as the REST API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// Another one after each restart of the JobManager.
    pub id: String,
    /// `RUNNING`, `RESTARTING`, `CREATED`, ...
    pub state: String,
    /// Name, ordered width and running subtasks of each task.
    pub tasks: Vec<(String, usize, usize)>,
}

impl JobState {
    /// The width of the widest task; `None` while a subtask does not run.
    pub fn running_width(&self) -> Option<usize> {
        let whole = self.state == "RUNNING" && self.tasks.iter().all(|(_, width, running)| width == running);
        self.tasks.iter().map(|(_, width, _)| *width).max().filter(|_| whole)
    }
}

/// The only job of the cluster; `None`: nobody answers, or there is none yet.
pub async fn job(client: &reqwest::Client, url: &str) -> Option<JobState> {
    let jobs = get(client, &format!("{url}/jobs/overview")).await?;
    let id = jobs["jobs"][0]["jid"].as_str()?.to_owned();
    let job = get(client, &format!("{url}/jobs/{id}")).await?;
    let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok());
    let mut tasks = Vec::new();
    for task in job["vertices"].as_array()? {
        let name = task["name"].as_str()?.to_owned();
        tasks.push((name, count(&task["parallelism"])?, count(&task["tasks"]["RUNNING"])?));
    }
    Some(JobState { id, state: job["state"].as_str()?.to_owned(), tasks })
}

async fn get(client: &reqwest::Client, url: &str) -> Option<Value> {
    client.get(url).send().await.ok()?.error_for_status().ok()?.json().await.ok()
}
