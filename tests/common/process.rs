//! Programs that a test starts, and ends with the value.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::wait::until;

/// A program and its folder; ends with the value.
pub struct Process {
    child: Child,
    folder: PathBuf,
}

impl Process {
    /// Starts `command`, or says that it is not installed.
    pub fn start(mut command: Command, folder: PathBuf) -> Option<Self> {
        let child = installed(silent(&mut command).spawn(), &command)?;
        Some(Self { child, folder })
    }

    /// As [`start`](Self::start), with what it prints in `output`.
    pub fn start_printing(mut command: Command, folder: PathBuf, output: File) -> Option<Self> {
        let started = silent(&mut command).stdout(output).spawn();
        let child = installed(started, &command)?;
        Some(Self { child, folder })
    }

    /// Runs `command` to its end, which must be a success.
    pub fn run(mut command: Command) -> Option<()> {
        let status = installed(silent(&mut command).status(), &command)?;
        assert!(status.success(), "{command:?}: {status}");
        Some(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nginx's master ends its workers on SIGTERM; SIGKILL would leave them.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub fn folder(name: &str) -> PathBuf {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("hotpool-{name}-{}-{number}", std::process::id()))
}

/// No two of a program's are the same: the system may give one that was just released again.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if GIVEN.lock().insert(port) {
            return port;
        }
    }
}

pub async fn listening(ports: &[u16]) {
    for port in ports {
        let address = SocketAddr::from(([127, 0, 0, 1], *port));
        until("the server listens", || {
            std::net::TcpStream::connect(address).is_ok()
        })
        .await;
    }
}

fn silent(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// `None`, and a line that says so, if the program is not there.
fn installed<T>(started: io::Result<T>, command: &Command) -> Option<T> {
    match started {
        Ok(started) => Some(started),
        Err(error) => {
            let program = command.get_program().to_string_lossy().into_owned();
            let required = std::env::var_os("HOTPOOL_REQUIRE_REAL_SERVERS").is_some();
            assert!(!required, "{program} is required: {error}");
            #[allow(clippy::print_stdout, reason = "a skipped test must be seen")]
            {
                println!("SKIP: {program} is not installed ({error})");
            }
            None
        }
    }
}
