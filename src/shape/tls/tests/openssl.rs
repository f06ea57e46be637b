//! Handshakes with `openssl s_server`, skipped with a line where it is not installed.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{Authority, Client, Cut, Identity, Probe};
use super::templates::{chromium, firefox};
use crate::profile::ClientHello;
use crate::profile::template::{Content, HelloTemplate};
use crate::shape::tls::{Failure, Outcome, Resume};

const PROFILES: [fn() -> HelloTemplate; 2] = [chromium, firefox];

struct OpenSsl {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
    authority: Authority,
}

impl OpenSsl {
    fn start(flags: &[&str]) -> Option<Self> {
        let authority = Authority::new();
        let identity = authority.issue(|_| {});
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let name = format!("hotpool-shape-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("certificate.pem"), &identity.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), &identity.key_pem).unwrap();
        fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
        // With early data it serves no pages, and lives as long as its input.
        let (page, input) = match flags.contains(&"-early_data") {
            true => ("-quiet", Stdio::piped()),
            false => ("-www", Stdio::null()),
        };
        let process = Command::new("openssl")
            .current_dir(&folder)
            .args(["s_server", page, "-quiet", "-accept"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["-cert", "certificate.pem", "-key", "key.pem"])
            .args(flags)
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                let required = std::env::var_os("HOTPOOL_REQUIRE_REAL_SERVERS").is_some();
                assert!(!required, "openssl is required: {error}");
                #[allow(clippy::print_stdout, reason = "a skipped test must be seen")]
                {
                    println!("SKIP: openssl is not installed ({error})");
                }
                return None;
            }
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            #[allow(clippy::disallowed_methods, reason = "before the runtime has work")]
            // Between tries to connect: the server does not say when it listens.
            thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            process,
            folder,
            address,
            authority,
        })
    }

    async fn visit(&self, client: &Client, resume: Resume) -> Result<Visit, Failure> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let (io, written) = Probe::new(tcp, Cut::default());
        let seed = u64::try_from(written.bytes().len()).unwrap();
        let (mut stream, outcome) = client.connect_resuming(io, seed, resume).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        let mut page = Vec::new();
        let _ = timeout(PAGE, stream.read_to_end(&mut page)).await;
        let connection = stream.get_ref().get_ref().1;
        Ok(Visit {
            kind: connection.handshake_kind().unwrap(),
            page: String::from_utf8_lossy(&page).into_owned(),
            hello: written.hello(),
            outcome,
        })
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where there is no page, as long as this for the tickets.
const PAGE: Duration = Duration::from_secs(1);

struct Visit {
    kind: HandshakeKind,
    page: String,
    hello: ClientHello,
    outcome: Outcome,
}

/// Three visits with each profile; OpenSSL says on its page what it agreed to.
async fn visits(flags: &[&str], first: HandshakeKind, says: &str) -> Vec<Visit> {
    let Some(server) = OpenSsl::start(flags) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for profile in PROFILES {
        let client = Client::new(profile(), &server.authority);
        for number in 0..3 {
            let visit = server.visit(&client, Resume::IfPossible).await.unwrap();
            assert!(visit.page.contains(says), "{says} in {}", visit.page);
            let expected = match number {
                0 => first,
                _ => HandshakeKind::Resumed,
            };
            assert_eq!(visit.kind, expected, "{flags:?} {number}");
            let reused = if number == 0 {
                "New, TLS"
            } else {
                "Reused, TLS"
            };
            assert!(visit.page.contains(reused), "{}", visit.page);
            all.push(visit);
        }
    }
    all
}

#[tokio::test]
async fn tls13_fresh_and_resumed() {
    let visits = visits(&["-tls1_3"], HandshakeKind::Full, "TLSv1.3").await;
    for visit in visits {
        assert_eq!(visit.outcome.group(), Some(29));
        assert_eq!(visit.outcome.hello, Some(visit.hello));
    }
}

#[tokio::test]
async fn tls12_fresh_and_resumed() {
    for visit in visits(&["-tls1_2"], HandshakeKind::Full, "TLSv1.2").await {
        assert_eq!(visit.outcome.group(), None);
    }
}

/// As Safari and curl do, by the id that the server gave.
#[tokio::test]
async fn tls12_resumed_without_tickets() {
    let Some(server) = OpenSsl::start(&["-tls1_2"]) else {
        return;
    };
    let mut template = chromium();
    template
        .extensions
        .retain(|extension| extension.content != Content::SessionTicket);
    template.extensions.iter_mut().for_each(|extension| {
        extension.pinned = true;
    });
    let client = Client::new(template, &server.authority);
    for kind in [
        HandshakeKind::Full,
        HandshakeKind::Resumed,
        HandshakeKind::Resumed,
    ] {
        let visit = server.visit(&client, Resume::IfPossible).await.unwrap();
        assert_eq!(visit.kind, kind);
        assert_eq!(visit.hello.session_id().len(), 32);
        assert!(visit.hello.extension(35).is_none());
    }
    let visit = server.visit(&client, Resume::Never).await.unwrap();
    assert_eq!(visit.kind, HandshakeKind::Full);
}

#[tokio::test]
async fn a_retry_fresh_and_resumed() {
    let flags = ["-tls1_3", "-groups", "P-384"];
    let first = HandshakeKind::FullWithHelloRetryRequest;
    for visit in visits(&flags, first, "TLSv1.3").await {
        assert_eq!(visit.outcome.group(), Some(24));
    }
}

#[tokio::test]
async fn groups_of_firefox() {
    for (name, number) in [("X25519", 29), ("P-256", 23), ("P-521", 25)] {
        let Some(server) = OpenSsl::start(&["-groups", name]) else {
            return;
        };
        let client = Client::new(firefox(), &server.authority);
        let visit = server.visit(&client, Resume::IfPossible).await.unwrap();
        assert_eq!(visit.outcome.group(), Some(number));
        assert_eq!(visit.hello.key_share_groups(), [0x11ec, 29, 23]);
        let by_retry = visit.kind == HandshakeKind::FullWithHelloRetryRequest;
        assert_eq!(by_retry, number == 25, "{name}");
    }
}

#[tokio::test]
async fn curves_in_tls12() {
    for name in ["X25519", "P-256", "P-384", "P-521"] {
        let Some(server) = OpenSsl::start(&["-tls1_2", "-groups", name]) else {
            return;
        };
        let client = Client::new(firefox(), &server.authority);
        server.visit(&client, Resume::IfPossible).await.unwrap();
    }
}

#[tokio::test]
async fn client_certificates() {
    for version in ["-tls1_3", "-tls1_2"] {
        let flags = [
            version,
            "-Verify",
            "1",
            "-CAfile",
            "authority.pem",
            "-verify_return_error",
        ];
        let Some(server) = OpenSsl::start(&flags) else {
            return;
        };
        for profile in PROFILES {
            let own: Identity = server.authority.issue(|_| {});
            let client = Client::with_identity(profile(), &server.authority, Some(own));
            let visit = server.visit(&client, Resume::IfPossible).await.unwrap();
            assert!(visit.page.contains("Client certificate"), "{}", visit.page);
            let anonymous = Client::new(profile(), &server.authority);
            // In TLS 1.3 the server's alert comes after the client's handshake is over.
            if let Ok(visit) = server.visit(&anonymous, Resume::IfPossible).await {
                assert_eq!(visit.page, "");
            }
        }
    }
}

#[tokio::test]
async fn early_data_is_offered_and_not_sent() {
    let Some(server) = OpenSsl::start(&["-tls1_3", "-early_data", "-no_anti_replay"]) else {
        return;
    };
    for (profile, offers) in [(firefox(), true), (chromium(), false)] {
        let client = Client::new(profile, &server.authority);
        for number in 0..3 {
            let visit = server.visit(&client, Resume::IfPossible).await.unwrap();
            let offered = visit.hello.extension(42).is_some();
            assert_eq!(offered, offers && number > 0, "{number}");
            assert_eq!(visit.kind == HandshakeKind::Resumed, number > 0);
        }
    }
}

#[tokio::test]
async fn a_suite_that_nobody_has_is_named() {
    for (flags, suite) in [
        (["-cipher", "ECDHE-ECDSA-AES128-SHA"], "0xc009"),
        (["-cipher", "ECDHE-ECDSA-AES256-SHA"], "0xc00a"),
    ] {
        let Some(server) = OpenSsl::start(&[&["-tls1_2"][..], &flags].concat()) else {
            return;
        };
        let client = Client::new(firefox(), &server.authority);
        let failure = server
            .visit(&client, Resume::IfPossible)
            .await
            .err()
            .unwrap();
        match suite {
            // Not even listed by the profile: the server found none that both have.
            "0xc009" => assert!(failure.error.to_string().contains("HandshakeFailure")),
            _ => {
                let fault = failure.fault.unwrap().to_string();
                assert!(
                    fault.contains("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA (0xc00a)"),
                    "{fault}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_group_that_nobody_has_is_named() {
    let Some(server) = OpenSsl::start(&["-tls1_3", "-groups", "ffdhe2048"]) else {
        return;
    };
    let client = Client::new(firefox(), &server.authority);
    let failure = server
        .visit(&client, Resume::IfPossible)
        .await
        .err()
        .unwrap();
    let fault = failure.fault.unwrap().to_string();
    assert!(fault.contains("group ffdhe2048 (0x0100)"), "{fault}");
}
