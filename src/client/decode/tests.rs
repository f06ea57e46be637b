use std::io;

use async_compression::tokio::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use async_compression::{Level, zstd::CParameter};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::codings::{Coding, applied, decoder};

const BROWSER: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

fn text() -> Vec<u8> {
    b"The quick brown fox. ".repeat(5000)
}

async fn all(mut reader: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn decode(coded: Vec<u8>, codings: &[Coding]) -> io::Result<Vec<u8>> {
    all(decoder(io::Cursor::new(coded), codings)).await
}

#[tokio::test]
async fn each_coding_is_taken_off() {
    let text = text();
    let plain = text.as_slice();
    for (coding, coded) in [
        (Coding::Gzip, all(GzipEncoder::new(plain)).await.unwrap()),
        (Coding::Deflate, all(ZlibEncoder::new(plain)).await.unwrap()),
        (
            Coding::Deflate,
            all(DeflateEncoder::new(plain)).await.unwrap(),
        ),
        (
            Coding::Brotli,
            all(BrotliEncoder::new(plain)).await.unwrap(),
        ),
        (Coding::Zstd, all(ZstdEncoder::new(plain)).await.unwrap()),
    ] {
        assert!(coded.len() < text.len() / 20, "{coding:?}");
        let cut = coded[..coded.len() / 2].to_vec();
        assert_eq!(decode(coded, &[coding]).await.unwrap(), text, "{coding:?}");
        let fault = decode(cut, &[coding]).await;
        assert!(fault.is_err(), "{coding:?}");
        decode(b"\x07certainly not".to_vec(), &[coding])
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn codings_on_top_of_each_other_are_taken_off_from_the_last() {
    let text = text();
    let inner = all(BrotliEncoder::new(text.as_slice())).await.unwrap();
    let coded = all(GzipEncoder::new(inner.as_slice())).await.unwrap();
    let decoded = decode(coded, &[Coding::Brotli, Coding::Gzip]).await;
    assert_eq!(decoded.unwrap(), text);
}

#[tokio::test]
async fn several_members_are_one_file() {
    let mut coded = all(GzipEncoder::new(&b"one, "[..])).await.unwrap();
    coded.extend(all(GzipEncoder::new(&b"two"[..])).await.unwrap());
    let decoded = decode(coded, &[Coding::Gzip]).await;
    assert_eq!(decoded.unwrap(), b"one, two");
}

#[tokio::test]
async fn a_zstd_window_of_more_than_8_mib_is_refused() {
    let text = vec![7; 20 << 20];
    for (log, fine) in [(23, true), (24, false)] {
        let window = [CParameter::window_log(log)];
        let encoder =
            ZstdEncoder::with_quality_and_params(text.as_slice(), Level::Fastest, &window);
        let coded = all(encoder).await.unwrap();
        assert_eq!(decode(coded, &[Coding::Zstd]).await.is_ok(), fine, "{log}");
    }
}

#[test]
fn only_known_codings_that_were_asked_for_are_taken_off() {
    let codings = |values: &[&str], accepted: &HeaderValue| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, value.parse().unwrap());
        }
        applied(&headers, accepted)
    };
    assert_eq!(codings(&["gzip"], &BROWSER), Some(vec![Coding::Gzip]));
    assert_eq!(codings(&["X-GZIP"], &BROWSER), Some(vec![Coding::Gzip]));
    assert_eq!(
        codings(&["identity, br", "zstd"], &BROWSER),
        Some(vec![Coding::Brotli, Coding::Zstd])
    );
    for values in [
        &[][..],
        &["identity"],
        &["compress"],
        &["gzip, compress"],
        &["br,br,br,br,br"],
    ] {
        assert_eq!(codings(values, &BROWSER), None, "{values:?}");
    }
    let gzip = HeaderValue::from_static("gzip;q=1.0, *;q=0.1");
    assert_eq!(codings(&["br"], &gzip), None);
    assert_eq!(codings(&["gzip"], &gzip), Some(vec![Coding::Gzip]));
}
