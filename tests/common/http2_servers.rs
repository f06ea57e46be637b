//! HTTP/2 servers of Debian: nginx, nghttpd, h2o and Apache, each a child in the foreground with a folder of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hotpool::Pool;
use hotpool::pool::PoolBuilder;

use super::certificates::Authority;
use super::process::{Process, folder, free_port, listening};
use super::request::trusting;

/// Where Debian's `apache2-bin` has its modules.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Program {
    Nginx,
    Nghttpd,
    H2o,
    Apache,
}

impl Program {
    pub const ALL: [Self; 4] = [Self::Nginx, Self::Nghttpd, Self::H2o, Self::Apache];

    /// Whether `GET /echo` answers with the request's `cookie`, a bar, and its `x-own`.
    pub fn echoes_headers(self) -> bool {
        self != Self::Nghttpd
    }

    /// Whether `POST /echo` answers with the request's body.
    pub fn echoes_bodies(self) -> bool {
        self != Self::Nginx
    }
}

/// Ends with the value.
pub struct Http2Server {
    pub program: Program,
    _process: Process,
    folder: PathBuf,
    authority: Authority,
    port: u16,
}

impl Http2Server {
    /// Those that are installed, as they are by default.
    pub async fn all() -> Vec<Self> {
        let mut servers = Vec::new();
        for program in Program::ALL {
            servers.extend(Self::start(program, &[]).await);
        }
        servers
    }

    /// `more`: nghttpd's further flags, or further lines of the others' configuration.
    pub async fn start(program: Program, more: &[&str]) -> Option<Self> {
        let authority = Authority::new();
        let certificate = authority.issue(&["localhost"]);
        let folder = folder("http2");
        fs::create_dir_all(folder.join("files/put")).unwrap();
        fs::write(folder.join("certificate.pem"), certificate.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), certificate.key_pem).unwrap();
        let port = free_port();
        let command = match program {
            Program::Nginx => nginx(&folder, port, more),
            Program::Nghttpd => nghttpd(&folder, port, more),
            Program::H2o => h2o(&folder, port, more),
            Program::Apache => apache(&folder, port, more),
        };
        let output = File::create(folder.join("output")).unwrap();
        let process = Process::start_printing(command, folder.clone(), output);
        if process.is_none() {
            let _ = fs::remove_dir_all(&folder);
        }
        let process = process?;
        listening(&[port]).await;
        Some(Self {
            program,
            _process: process,
            folder,
            authority,
            port,
        })
    }

    /// Serves a file.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.join("files").join(name), content).unwrap();
    }

    /// What nghttpd prints about every frame.
    pub fn output(&self) -> String {
        self.read("output")
    }

    /// nginx's complaints, and what it notes about clients.
    pub fn errors(&self) -> String {
        self.read("errors")
    }

    /// Apache's record of requests, headers in the order and the case in which they came: `+id|GET / HTTP/1.1|Host:localhost|...`.
    pub fn requests(&self) -> String {
        self.read("requests")
    }

    /// Of this profile, and with one connection.
    pub fn pool(&self, profile: &str) -> Pool {
        self.builder(profile).build().unwrap()
    }

    pub fn builder(&self, profile: &str) -> PoolBuilder {
        let builder = trusting(&self.authority).profile(profile);
        builder.max_connections_per_host(1)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn target(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// nginx takes up new workers and lets the old ones end their connections.
    pub async fn reload(&self) {
        let mut command = tokio::process::Command::new("nginx");
        command.arg("-c").arg(self.folder.join("nginx.conf"));
        command.args(["-s", "reload"]).stderr(Stdio::null());
        assert!(command.status().await.unwrap().success());
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.join(name)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn nginx(folder: &Path, port: u16, more: &[&str]) -> Command {
    let (path, more) = (folder.display(), more.join("\n"));
    // As root, nginx would give its workers a user who must not write here.
    let configuration = format!(
        "user root; pid {path}/nginx.pid; error_log {path}/errors info; worker_processes 1; daemon off;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n access_log off; default_type application/octet-stream; types {{ text/plain txt; }}\n\
         client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
         uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
         ssl_certificate {path}/certificate.pem; ssl_certificate_key {path}/key.pem;\n\
         client_max_body_size 64m; large_client_header_buffers 4 128k;\n\
         gzip on; gzip_types text/plain;\n{more}\n\
         server {{ listen 127.0.0.1:{port} ssl http2; root {path}/files;\n\
         location = /echo {{ return 200 \"$http_cookie|$http_x_own\"; }}\n\
         location /put/ {{ dav_methods PUT; }} }}\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), configuration).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(folder.join("nginx.conf"));
    command
}

fn nghttpd(folder: &Path, port: u16, more: &[&str]) -> Command {
    let mut command = Command::new("nghttpd");
    command.args(["--address=127.0.0.1", "--echo-upload", "--verbose"]);
    command.arg("-d").arg(folder.join("files")).args(more);
    command.arg(port.to_string());
    command.arg(folder.join("key.pem"));
    command.arg(folder.join("certificate.pem"));
    command
}

fn h2o(folder: &Path, port: u16, more: &[&str]) -> Command {
    let (path, more) = (folder.display(), more.join("\n"));
    let configuration = format!(
        r##"
listen:
  host: 127.0.0.1
  port: {port}
  ssl:
    certificate-file: {path}/certificate.pem
    key-file: {path}/key.pem
    ocsp-update-interval: 0
num-threads: 1
compress: [ br, gzip ]
file.mime.addtypes:
  text/plain: .txt
{more}
hosts:
  default:
    paths:
      /:
        file.dir: {path}/files
      /echo:
        mruby.handler: |
          Proc.new do |env|
            body = "#{{env["HTTP_COOKIE"]}}|#{{env["HTTP_X_OWN"]}}"
            body = env["rack.input"].read if env["REQUEST_METHOD"] == "POST"
            [200, {{"content-type" => "application/octet-stream"}}, [body]]
          end
"##
    );
    fs::write(folder.join("h2o.conf"), configuration).unwrap();
    let mut command = Command::new("h2o");
    command.arg("-c").arg(folder.join("h2o.conf"));
    command
}

fn apache(folder: &Path, port: u16, more: &[&str]) -> Command {
    let (path, more) = (folder.display(), more.join("\n"));
    let script = "function handle(r)\n\
         if r.method == 'POST' then r:write(r:requestbody())\n\
         else r:write((r.headers_in['Cookie'] or '') .. '|' .. (r.headers_in['x-own'] or '')) end\n\
         return apache2.OK\nend\n";
    fs::write(folder.join("echo.lua"), script).unwrap();
    let modules = [
        "mpm_event",
        "authz_core",
        "ssl",
        "http2",
        "filter",
        "deflate",
        "brotli",
        "mime",
        "lua",
        "log_forensic",
    ];
    let mut configuration: String = modules
        .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"))
        .concat();
    configuration += &format!(
        "ServerRoot {path}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {path}/apache.pid\n\
         ErrorLog {path}/errors\nDefaultRuntimeDir {path}\nMutex file:{path}\nForensicLog {path}/requests\n\
         TypesConfig /dev/null\nAddType text/plain .txt\nAddOutputFilterByType BROTLI_COMPRESS;DEFLATE text/plain\n\
         StartServers 1\nServerLimit 1\nThreadsPerChild 64\nMaxRequestWorkers 64\nMaxKeepAliveRequests 0\n\
         LimitRequestFieldSize 131072\nLimitRequestBody 0\nProtocols h2 http/1.1\nSSLEngine on\nSSLSessionCache none\n\
         SSLCertificateFile {path}/certificate.pem\nSSLCertificateKeyFile {path}/key.pem\nDocumentRoot {path}/files\n\
         LuaMapHandler /echo {path}/echo.lua handle\n<Directory />\nRequire all granted\n</Directory>\n{more}\n"
    );
    fs::write(folder.join("apache.conf"), configuration).unwrap();
    let mut command = Command::new("apache2");
    // One process, in the foreground.
    command.args(["-X", "-f"]).arg(folder.join("apache.conf"));
    command
}
