//! Firefox without a window, told by Marionette (its own remote protocol) which page to visit, whatever its certificate.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::capturing::PATIENCE;

pub struct Firefox {
    child: Child,
    marionette: Mutex<TcpStream>,
}

impl Firefox {
    pub async fn start() -> Self {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let profile = format!("{}/firefox", env!("CARGO_TARGET_TMPDIR"));
        let _ = std::fs::remove_dir_all(&profile);
        std::fs::create_dir_all(&profile).unwrap();
        let preferences = format!("user_pref(\"marionette.port\", {port});\n");
        std::fs::write(format!("{profile}/user.js"), preferences).unwrap();
        let child = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--marionette", "--profile"])
            .arg(&profile)
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let connect = async {
            loop {
                if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
                    return stream;
                }
                // Between tries: nothing tells when the browser listens.
                sleep(Duration::from_millis(50)).await;
            }
        };
        let mut stream = timeout(PATIENCE, connect).await.unwrap();
        // It greets.
        message(&mut stream).await;
        let firefox = Self {
            child,
            marionette: Mutex::new(stream),
        };
        let capabilities = json!({"acceptInsecureCerts": true});
        firefox.command("WebDriver:NewSession", capabilities).await;
        firefox
    }

    /// Until the page is loaded with all that belongs to it.
    pub async fn visit(&self, url: &str) {
        self.command("WebDriver:Navigate", json!({"url": url}))
            .await;
    }

    pub async fn quit(mut self) {
        let quit = self.command("Marionette:Quit", json!({"flags": ["eForceQuit"]}));
        // It may be gone before it answers.
        let _ = timeout(Duration::from_secs(5), quit).await;
        let _ = timeout(Duration::from_secs(10), self.child.wait()).await;
    }

    async fn command(&self, name: &str, parameters: Value) {
        let mut stream = self.marionette.lock().await;
        let text = json!([0, 1, name, parameters]).to_string();
        let framed = format!("{}:{text}", text.len());
        stream.write_all(framed.as_bytes()).await.unwrap();
        let answer = timeout(PATIENCE, message(&mut stream)).await.unwrap();
        assert!(answer[2].is_null(), "{name}: {answer}");
    }
}

/// A length, a colon, JSON.
async fn message(stream: &mut TcpStream) -> Value {
    let mut length = 0;
    loop {
        match stream.read_u8().await {
            Ok(b':') => break,
            Ok(digit) => length = 10 * length + usize::from(digit - b'0'),
            // The browser has ended.
            Err(_) => return Value::Null,
        }
    }
    let mut text = vec![0; length];
    stream.read_exact(&mut text).await.unwrap();
    serde_json::from_slice(&text).unwrap()
}
