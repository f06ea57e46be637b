//! The test servers of OpenSSL, GnuTLS and NSS, one connection one request: each answers in HTTP and closes.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use hotpool::{Pool, Trust};

use super::certificates::{Authority, Certificate};
use super::process::{Process, folder, free_port, listening};

/// Ends with the value.
pub struct TlsServer {
    _process: Process,
    authority: Authority,
    port: u16,
}

impl TlsServer {
    /// `openssl s_server`, which answers with a page about the connection.
    pub async fn openssl(flags: &[&str]) -> Option<Self> {
        Self::openssl_with(flags, |authority| authority.issue(&["localhost"])).await
    }

    /// As [`openssl`](Self::openssl), with an RSA key.
    pub async fn openssl_rsa(flags: &[&str]) -> Option<Self> {
        Self::openssl_with(flags, |authority| authority.issue_rsa(&["localhost"])).await
    }

    /// `gnutls-serv`, which answers with a page about the connection. It listens on all addresses.
    pub async fn gnutls(flags: &[&str]) -> Option<Self> {
        Self::start("gnutls", |folder, port| {
            let mut command = Command::new("gnutls-serv");
            command.args(["--http", "--disable-client-cert", "--port"]);
            command.arg(port.to_string()).arg("--x509certfile");
            command.arg(folder.join("certificate.pem"));
            command.arg("--x509keyfile").arg(folder.join("key.pem"));
            command.args(flags);
            Some(command)
        })
        .await
    }

    /// NSS's `selfserv`, which answers with the request. It listens on all addresses.
    pub async fn nss(flags: &[&str]) -> Option<Self> {
        Self::start("nss", |folder, port| {
            nss_database(folder)?;
            let mut command = Command::new("selfserv");
            command.args(["-D", "-n", "server", "-d", &database(folder), "-p"]);
            command.arg(port.to_string()).args(flags);
            Some(command)
        })
        .await
    }

    /// A pool that trusts this server.
    pub fn pool(&self) -> Pool {
        Pool::builder().trust(self.trust()).build().unwrap()
    }

    pub fn trust(&self) -> Trust {
        Trust::only(self.authority.pem().as_bytes()).unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn target(&self) -> String {
        format!("localhost:{}", self.port)
    }

    async fn openssl_with(
        flags: &[&str],
        issue: impl FnOnce(&Authority) -> Certificate,
    ) -> Option<Self> {
        Self::start_with("openssl", issue, |folder, port| {
            let mut command = Command::new("openssl");
            command.args(["s_server", "-www", "-quiet", "-accept"]);
            command.arg(format!("127.0.0.1:{port}"));
            command.arg("-cert").arg(folder.join("certificate.pem"));
            command.arg("-key").arg(folder.join("key.pem")).args(flags);
            Some(command)
        })
        .await
    }

    async fn start(
        name: &str,
        command: impl FnOnce(&Path, u16) -> Option<Command>,
    ) -> Option<Self> {
        Self::start_with(name, |authority| authority.issue(&["localhost"]), command).await
    }

    async fn start_with(
        name: &str,
        issue: impl FnOnce(&Authority) -> Certificate,
        command: impl FnOnce(&Path, u16) -> Option<Command>,
    ) -> Option<Self> {
        let authority = Authority::new();
        let certificate = issue(&authority);
        let folder = folder(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
        fs::write(folder.join("certificate.pem"), certificate.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), certificate.key_pem).unwrap();
        let port = free_port();
        let process = command(&folder, port).and_then(|it| Process::start(it, folder.clone()));
        if process.is_none() {
            let _ = fs::remove_dir_all(&folder);
        }
        let process = process?;
        listening(&[port]).await;
        Some(Self {
            _process: process,
            authority,
            port,
        })
    }
}

/// NSS takes a key only out of its database, and into it only from PKCS #12.
fn nss_database(folder: &Path) -> Option<()> {
    let (database, bundle) = (database(folder), folder.join("server.p12"));
    let mut create = Command::new("certutil");
    create.args(["-N", "--empty-password", "-d", &database]);
    let mut export = Command::new("openssl");
    export.args(["pkcs12", "-export", "-name", "server", "-passout", "pass:"]);
    export.arg("-in").arg(folder.join("certificate.pem"));
    export.arg("-inkey").arg(folder.join("key.pem"));
    export.arg("-out").arg(&bundle);
    let mut import = Command::new("pk12util");
    import.args(["-d", &database, "-W", "", "-K", "", "-i"]);
    import.arg(&bundle);
    for command in [create, export, import] {
        Process::run(command)?;
    }
    Some(())
}

fn database(folder: &Path) -> String {
    format!("sql:{}", folder.display())
}
