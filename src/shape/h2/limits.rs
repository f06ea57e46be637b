//! An h2 that enforces what the opening announces.

use h2::client::Builder;

use super::credit::connection_window;
use super::head::MAX_31_BIT;
use crate::config::Shares;
use crate::profile::http2::Http2Template;

/// What a response's headers may weigh where the opening announces no limit, as Firefox's does, whose own it is.
const LARGEST_UNANNOUNCED_HEADER_LIST: u32 = 384 * 1024;

// What the protocol allows for SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2); h2 panics at anything else.
const SMALLEST_FRAME: u32 = 1 << 14;
const LARGEST_FRAME: u32 = (1 << 24) - 1;

/// For a connection whose stream is shaped by `template`. Windows are as announced, since servers count on them; a head may be smaller
/// than that, which is only advice to the server (RFC 9113 §6.5.2).
pub(crate) fn client(template: &Http2Template, shares: &Shares) -> Builder {
    let limits = template.limits();
    let frame = limits.max_frame_size.clamp(SMALLEST_FRAME, LARGEST_FRAME);
    let header_list = head_limit(template, shares);
    let mut builder = Builder::new();
    builder
        .header_table_size(limits.header_table_size)
        .enable_push(limits.enable_push)
        .initial_window_size(limits.stream_window.min(MAX_31_BIT))
        .initial_connection_window_size(connection_window(template))
        .max_frame_size(frame)
        .max_header_list_size(header_list)
        .max_send_buffer_size(shares.upload)
        // Nobody asks for pushes. Where the opening allows them, h2 refuses each (RFC 9113 §8.4.2); those that it took in would fill
        // the connection's window with what nobody reads.
        .max_concurrent_streams(0);
    builder
}

/// What a response's head may weigh.
pub(crate) fn head_limit(template: &Http2Template, shares: &Shares) -> u32 {
    let announced = template.limits().max_header_list_size;
    announced
        .unwrap_or(LARGEST_UNANNOUNCED_HEADER_LIST)
        .min(shares.profiled_head)
}
