//! BoringSSL's server against NSS's client, for what BoringSSL's own client cannot do. It is skipped where NSS's tools are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use interop::{Scenario, Server};

#[test]
fn a_delegated_credential() {
    let server = Server::start(Scenario {
        delegated_credential: true,
        ..Scenario::default()
    });
    let Some(client) = Nss::new(&server) else {
        return;
    };
    for (flags, scheme) in [
        (&[][..], "ecdsa_secp256r1_sha256"),
        (&["-B"], "ecdsa_secp384r1_sha384"),
    ] {
        let _client = client.connect(&server, flags);
        let report = server.report();
        assert_eq!(report.agreed().signature.as_deref(), Some(scheme));
    }
}

/// A database that trusts a server's authority; removed with the value.
struct Nss(PathBuf);

impl Nss {
    fn new(server: &Server) -> Option<Self> {
        let port = server.address().port();
        let folder = format!("hotpool-interop-nss-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let this = Self(folder);
        let authority = this.0.join("authority.pem");
        fs::write(&authority, server.authority().pem()).unwrap();
        let database = format!("sql:{}", this.0.display());
        for arguments in [
            &["-N", "--empty-password"][..],
            &["-A", "-n", "authority", "-t", "C,,", "-i", path(&authority)],
        ] {
            let mut certutil = Command::new("certutil");
            certutil.args(["-d", &database]).args(arguments);
            match certutil.output() {
                Ok(output) => assert!(output.status.success(), "{output:?}"),
                Err(error) => {
                    let required = std::env::var_os("HOTPOOL_REQUIRE_REAL_SERVERS").is_some();
                    assert!(!required, "certutil is required: {error}");
                    println!("SKIP: certutil is not installed ({error})");
                    return None;
                }
            }
        }
        Some(this)
    }

    /// Stays after the handshake, until the value goes.
    fn connect(&self, server: &Server, flags: &[&str]) -> Process {
        let mut client = Command::new("tstclnt");
        client.args(["-h", "127.0.0.1", "-a", "localhost", "-p"]);
        client.arg(server.address().port().to_string());
        client.args(["-Q", "-d", &format!("sql:{}", self.0.display())]);
        client.args(flags).stdin(Stdio::null());
        client.stdout(Stdio::null()).stderr(Stdio::null());
        Process(client.spawn().unwrap())
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Nss {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
