//! A server with everything on, for a browser: `cargo run -p interop --example browser -- CONNECTIONS FILE`. It writes its
//! authority's certificate to the file, prints its address, then a report of each connection as a line of JSON, and ends
//! after so many.

use interop::{Alps, Compression, Scenario, Server};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let connections = arguments.next();
    let connections = connections.map_or(1, |count| count.parse().expect("a number"));
    let server = Server::start(Scenario {
        alpn: &["h2", "http/1.1"],
        alps: Some(Alps {
            new_codepoint: true,
            settings: Vec::new(),
        }),
        sct: Some(Scenario::sct_list(&[b"a timestamp"])),
        ocsp: Some(b"a response".to_vec()),
        compression: vec![Compression::Brotli, Compression::Zlib, Compression::Zstd],
        ech: true,
        early_data: true,
        delegated_credential: true,
        ..Scenario::default()
    });
    if let Some(file) = arguments.next() {
        std::fs::write(file, server.authority().pem()).expect("a file to write");
    }
    println!("https://{}/", server.target());
    for _ in 0..connections {
        println!("{}", server.report().json());
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "the last answer has no event of its own"
    )]
    std::thread::sleep(std::time::Duration::from_secs(1));
}
