//! A server that writes without reading has to stop, and until then costs no more than buffers.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::timeout;

use super::client::Client;
use super::server::{Frame, Server};
use super::templates::{chromium, firefox};
use crate::shape::h2::head::SETTINGS;

const PING: u8 = 6;

/// What h2 and the stream take before they have to write and cannot: their buffers, with room to spare.
const MOST: usize = 256 * 1024;

#[tokio::test(start_paused = true)]
async fn settings_and_pings_that_cannot_be_acknowledged() {
    let table = Frame::new(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 9]);
    let empty = Frame::new(SETTINGS, 0, 0, &[]);
    let ping = Frame::new(PING, 0, 0, &[0; 8]);
    for template in [chromium(), firefox()] {
        for frame in [&table, &empty, &ping] {
            let (near, far) = duplex(16 * 1024);
            let client = Client::new(template.clone(), near).await;
            let mut server = Server::accept(far).await;
            let (bytes, mut written) = (frame.to_bytes(), 0);
            // Time stands still as long as anybody can go on.
            while let Ok(done) = timeout(Duration::from_secs(1), server.io.write_all(&bytes)).await
            {
                done.unwrap();
                written += bytes.len();
                assert!(written < MOST, "{frame:?}");
            }
            drop(client);
        }
    }
}
