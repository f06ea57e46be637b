//! Running the command.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How a command ended.
#[derive(Debug)]
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard output as JSON, line by line.
    pub fn objects(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Standard output as one JSON object.
    pub fn object(&self) -> Value {
        let [object] = <[Value; 1]>::try_from(self.objects()).unwrap();
        object
    }

    pub fn error_kind(&self) -> String {
        self.object()["error"]["kind"].as_str().unwrap().to_owned()
    }
}

/// The command, not yet started, without settings from the environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotpool"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOTPOOL_")) {
        command.env_remove(name);
    }
    command.args(arguments).kill_on_drop(true);
    command
}

pub async fn hotpool(arguments: &[&str]) -> Run {
    finish(command(arguments), "").await
}

pub async fn finish(mut command: Command, stdin: &str) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A command that does not read it may have closed it.
    let _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    let output = child.wait_with_output().await.unwrap();
    Run {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file of the test's own; `name` is unique among the tests.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = no_file(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Where a file of the test's own can be: there is none.
pub fn no_file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path.to_str().unwrap().to_owned()
}
