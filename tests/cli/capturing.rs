//! Running `hotpool capture`.

use std::process::Stdio;
use std::time::Duration;

use hotpool::profile::HelloCapture;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::run::{command, no_file};

/// Far more than anything here takes, also on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that captures, with all of its files.
pub struct Capturing {
    pub port: u16,
    pub out: String,
    pub hellos: String,
    pub openings: String,
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

/// How it ended.
#[derive(Debug)]
pub struct Captured {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: Vec<String>,
}

impl Capturing {
    pub async fn start(name: &str, flags: &[&str]) -> Self {
        let file = |end: &str| no_file(&format!("capture-{name}.{end}"));
        let (out, hellos, openings) = (file("json"), file("hex"), file("opening"));
        let files = ["--hello-out", &hellos, "--opening-out", &openings];
        let mut child = command(&["capture", "--listen", "127.0.0.1:0"])
            .args(files)
            .args(flags.iter().map(|flag| match *flag {
                "OUT" => out.as_str(),
                flag => flag,
            }))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = timeout(PATIENCE, stderr.next_line()).await.unwrap();
        let line = line.unwrap().unwrap();
        let address = line.strip_prefix("listening on https://127.0.0.1:");
        let port = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Self {
            port,
            out,
            hellos,
            openings,
            child,
            stderr,
        }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// The next line on standard error that has `wanted` in it.
    pub async fn says(&mut self, wanted: &str) -> String {
        let find = async {
            loop {
                let line = self.stderr.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("never said {wanted}"));
                assert!(!line.contains("panicked"), "{line}");
                if line.contains(wanted) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, find).await.unwrap()
    }

    pub fn interrupt(&self) {
        let id = self.child.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        assert!(kill.unwrap().success());
    }

    pub async fn ended(mut self) -> Captured {
        let ended = async {
            let mut stdout = String::new();
            let mut pipe = self.child.stdout.take().unwrap();
            pipe.read_to_string(&mut stdout).await.unwrap();
            let mut stderr = Vec::new();
            while let Some(line) = self.stderr.next_line().await.unwrap() {
                assert!(!line.contains("panicked"), "{line}");
                stderr.push(line);
            }
            Captured {
                status: self.child.wait().await.unwrap().code(),
                stdout,
                stderr,
            }
        };
        timeout(PATIENCE, ended).await.unwrap()
    }
}

/// The captures in a file.
pub fn hellos(path: &str) -> Vec<HelloCapture> {
    HelloCapture::from_text(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn object(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A program of the system, unless there is none.
pub fn installed(program: &str, version: &str) -> Option<Command> {
    let found = std::process::Command::new(program).arg(version).output();
    if found.is_err() {
        println!("SKIP: {program} is not installed");
        return None;
    }
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Some(command)
}
