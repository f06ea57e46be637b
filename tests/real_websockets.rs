//! WebSockets with servers that we did not write: Python's `websockets`, and before it nghttpx, which translates HTTP/2's.
//!
//! What is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::certificates::Authority;
use common::check::quiet;
use common::process::{Process, folder, free_port, listening};
use common::request::{get, trusting};
use futures_util::SinkExt;
use hotpool::Pool;
use hotpool::client::websocket::WebSocket;
use hotpool::profile::Profile;
use hotpool::registry::Protocol;
use hotpool::websocket::{CloseCode, Message};
use http::Version;

/// Debian's, which has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";

/// Sends back what it is sent, and to `?` says what was agreed on. Arguments: port, folder of the certificate or nothing, compression.
const SERVER: &str = r#"
import asyncio, ssl, sys, websockets

async def echo(socket):
    async for message in socket:
        if message == "?":
            names = [extension.name for extension in socket.extensions]
            message = f"{socket.subprotocol} {names}"
        await socket.send(message)

async def main(port, folder, compression):
    tls = None
    if folder:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/key.pem")
    serving = websockets.serve(echo, "127.0.0.1", int(port), ssl=tls, subprotocols=["chat"],
        compression=compression or None, max_size=2**26)
    async with serving:
        await asyncio.Future()

asyncio.run(main(*sys.argv[1:]))
"#;

/// Ends with the value.
struct Server {
    _processes: Vec<Process>,
    authority: Authority,
    port: u16,
}

impl Server {
    /// Python's, by itself.
    async fn python(compression: &str) -> Option<Self> {
        let (authority, folder) = certified();
        let port = free_port();
        let python = python(port, Some(&folder), compression)?;
        let process = Process::start(python, folder)?;
        listening(&[port]).await;
        Some(Self {
            _processes: vec![process],
            authority,
            port,
        })
    }

    /// nghttpx with HTTP/2, and Python's behind it.
    async fn nghttpx() -> Option<Self> {
        let (authority, certified) = certified();
        let (port, behind) = (free_port(), free_port());
        let python = Process::start(python(behind, None, "deflate")?, folder("websockets"))?;
        let mut command = Command::new("nghttpx");
        command
            .arg(format!("--frontend=127.0.0.1,{port}"))
            .arg(format!("--backend=127.0.0.1,{behind}"))
            .args([
                "--conf=/dev/null",
                "--errorlog-file=/dev/null",
                "--workers=1",
            ])
            .arg(certified.join("key.pem"))
            .arg(certified.join("certificate.pem"));
        let nghttpx = Process::start(command, certified)?;
        listening(&[port, behind]).await;
        Some(Self {
            _processes: vec![nghttpx, python],
            authority,
            port,
        })
    }

    fn pool(&self, profile: Option<&str>) -> Pool {
        let builder = trusting(&self.authority);
        match profile {
            Some(profile) => builder.profile(Profile::named(profile).unwrap()),
            None => builder,
        }
        .build()
        .unwrap()
    }

    fn target(&self) -> String {
        format!("localhost:{}", self.port)
    }

    fn uri(&self) -> String {
        format!("wss://{}/", self.target())
    }
}

fn certified() -> (Authority, std::path::PathBuf) {
    let (authority, folder) = (Authority::new(), folder("websockets"));
    let certificate = authority.issue(&["localhost"]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("certificate.pem"), certificate.chain_pem).unwrap();
    fs::write(folder.join("key.pem"), certificate.key_pem).unwrap();
    (authority, folder)
}

fn python(port: u16, folder: Option<&Path>, compression: &str) -> Option<Command> {
    let found = Command::new(PYTHON)
        .args(["-c", "import websockets"])
        .output();
    if !found.is_ok_and(|found| found.status.success()) {
        let required = std::env::var_os("HOTPOOL_REQUIRE_REAL_SERVERS").is_some();
        assert!(!required, "python3-websockets is required");
        #[allow(clippy::print_stdout, reason = "a skipped test must be seen")]
        {
            println!("SKIP: Python's websockets are not installed");
        }
        return None;
    }
    let mut command = Command::new(PYTHON);
    command.args(["-c", SERVER, &port.to_string()]);
    command.arg(folder.unwrap_or_else(|| Path::new("")));
    command.arg(compression);
    Some(command)
}

/// Messages of many sizes, some of which compress and some do not, one after the other and several at once.
async fn talk(socket: &mut WebSocket) {
    let mut noise = 1_u32;
    let mut random = |length: usize| {
        let mut bytes = Vec::with_capacity(length);
        for _ in 0..length {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend(noise.to_be_bytes().first());
        }
        bytes
    };
    for length in [0, 1, 125, 126, 1000, 65_535, 65_536, 1 << 20] {
        for message in [
            Message::text("käse ".repeat(length / 5)),
            Message::binary(random(length)),
        ] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.recv().await.unwrap().unwrap(), message, "{length}");
        }
    }
    for number in 0..200 {
        socket
            .feed(Message::text(format!("message {number}")))
            .await
            .unwrap();
    }
    socket.flush().await.unwrap();
    for number in 0..200 {
        let message = socket.recv().await.unwrap().unwrap();
        assert_eq!(message, Message::text(format!("message {number}")));
    }
}

/// What the server says was agreed on.
async fn agreed(socket: &mut WebSocket) -> String {
    socket.send(Message::text("?")).await.unwrap();
    socket.recv().await.unwrap().unwrap().to_string()
}

#[tokio::test]
async fn pythons_websockets_understand_every_profile_over_http1() {
    let Some(server) = Server::python("deflate").await else {
        return;
    };
    for (profile, compressed) in [
        (None, false),
        (Some("chrome"), true),
        (Some("firefox"), true),
        (Some("safari"), true),
        (Some("curl"), false),
    ] {
        let pool = server.pool(profile);
        let mut socket = pool
            .websocket(server.uri())
            .subprotocols(["soup", "chat"])
            .await
            .unwrap();
        assert_eq!(socket.subprotocol(), Some("chat"));
        assert_eq!(socket.is_compressed(), compressed, "{profile:?}");
        let names = if compressed {
            "['permessage-deflate']"
        } else {
            "[]"
        };
        assert_eq!(agreed(&mut socket).await, format!("chat {names}"));
        talk(&mut socket).await;
        let goodbye = socket.close(CloseCode::Normal, "done").await.unwrap();
        assert_eq!(goodbye.unwrap().code, CloseCode::Normal);
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn compression_is_offered_or_not_as_the_caller_wishes() {
    let Some(server) = Server::python("deflate").await else {
        return;
    };
    for (profile, wish) in [(None, true), (Some("chrome"), false), (Some("curl"), true)] {
        let pool = server.pool(profile);
        let opening = pool.websocket(server.uri()).compression(wish);
        let mut socket = opening.await.unwrap();
        assert_eq!(socket.is_compressed(), wish, "{profile:?}");
        talk(&mut socket).await;
        socket.close(CloseCode::Normal, "").await.unwrap();
        quiet(&pool).await;
    }
    let Some(server) = Server::python("").await else {
        return;
    };
    let pool = server.pool(Some("chrome"));
    let mut socket = pool.websocket(server.uri()).await.unwrap();
    assert!(!socket.is_compressed(), "the server does not");
    talk(&mut socket).await;
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn nghttpx_understands_every_profile_over_http2() {
    let Some(server) = Server::nghttpx().await else {
        return;
    };
    for profile in [
        None,
        Some("chrome"),
        Some("firefox"),
        Some("safari"),
        Some("curl"),
    ] {
        let pool = server.pool(profile);
        assert!(pool.preheat([server.target()]).await.is_complete());
        let mut socket = pool
            .websocket(server.uri())
            .subprotocols(["chat"])
            .await
            .unwrap();
        assert_eq!(
            socket.connection().protocol(),
            Protocol::Http2,
            "{profile:?}"
        );
        assert_eq!(socket.subprotocol(), Some("chat"));
        talk(&mut socket).await;
        let connection = pool.get(server.target()).await.unwrap();
        connection.send(get()).await.unwrap();
        assert_eq!(connection.id(), socket.connection().id());
        drop(connection);
        let goodbye = socket.close(CloseCode::Normal, "done").await.unwrap();
        assert_eq!(goodbye.unwrap().code, CloseCode::Normal, "{profile:?}");
        let opening = pool.websocket(server.uri()).version(Version::HTTP_11);
        let mut upgraded = opening.await.unwrap();
        assert_eq!(upgraded.connection().protocol(), Protocol::Tls);
        talk(&mut upgraded).await;
        drop(upgraded);
        quiet(&pool).await;
    }
}
