//! The header table's size changes at any time, and the server can read every header block.

use std::time::Duration;

use http::Request;
use proptest::prelude::*;
use tokio::io::duplex;
use tokio::time::timeout;

use super::client::Client;
use super::server::Server;
use super::templates::{chromium, firefox, okhttp};
use crate::profile::http2::Http2Template;

#[derive(Clone, Debug)]
enum Step {
    /// SETTINGS with these header table sizes.
    Settings(Vec<u32>),
    /// Requests, with so much to put in the table.
    Requests(Vec<u16>),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![
        Just(0),
        1_u32..400,
        Just(4096),
        Just(65_536),
        Just(u32::MAX)
    ];
    prop_oneof![
        prop::collection::vec(size, 0..4).prop_map(Step::Settings),
        prop::collection::vec(0_u16..400, 1..4).prop_map(Step::Requests),
    ]
}

fn request(number: usize, length: u16) -> Request<()> {
    let path = if number.is_multiple_of(3) { "" } else { "same" };
    Request::get(format!("https://www.example.test/{path}"))
        .header("x-number", (number % 4).to_string())
        .header("x-filler", "f".repeat(length.into()))
        .header("cookie", "a=b")
        .header("cookie", "a=a much longer one, which is not a secret")
        .body(())
        .unwrap()
}

async fn play(template: Http2Template, steps: Vec<Step>) {
    let (near, far) = duplex(1 << 20);
    let mut client = Client::new(template, near).await;
    let mut server = Server::accept(far).await;
    let (mut asked, mut answers) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Settings(sizes) => {
                let entries: Vec<_> = sizes.iter().map(|size| (1, *size)).collect();
                server.settings(&entries).await;
            }
            Step::Requests(lengths) => {
                for length in lengths {
                    let request = request(asked.len(), length);
                    asked.push(request.clone());
                    let (answer, _) = client.sender.send_request(request, true).unwrap();
                    answers.push(answer);
                    // Sometimes the acknowledgement is first, sometimes the request.
                    if length % 2 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }
    for request in asked {
        let (_, fields) = server.headers().await;
        let sent = fields.iter().filter(|(name, _)| !name.starts_with(':'));
        let wanted = request.headers();
        let wanted = wanted
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        assert!(sent.map(|(name, value)| (&**name, &**value)).eq(wanted));
        let path = fields.iter().find(|(name, _)| name == ":path").unwrap();
        assert_eq!(path.1, request.uri().path().as_bytes());
    }
}

proptest! {
    #[test]
    fn the_server_reads_every_block(
        template in prop_oneof![Just(chromium()), Just(firefox()), Just(okhttp())],
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // A connection that hangs is a failure too.
        let patience = Duration::from_secs(60);
        runtime.block_on(async { timeout(patience, play(template, steps)).await }).unwrap();
    }
}
