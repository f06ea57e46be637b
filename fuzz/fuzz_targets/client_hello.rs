//! Bytes that may be a ClientHello: read, fingerprinted, made a profile, compared with one.
#![no_main]

use std::sync::LazyLock;

use hotpool::profile::{ClientHello, Profile};
use libfuzzer_sys::fuzz_target;

static CHROME: LazyLock<Profile> = LazyLock::new(|| Profile::named("chrome").expect("it is compiled in"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(hello) = ClientHello::from_records(bytes) else { return };
    let _ = (hello.ja3_hash(), hello.ja4(), hello.ja4_r(), hello.ja4_o(), hello.ja4_ro());
    let _ = CHROME.differences(&hello, None);
    if let Ok(profile) = Profile::from_client_hello(bytes) {
        let _ = profile.differences(&hello, Some(&hello));
        let json = profile.to_json();
        let again = Profile::from_json("fuzz", &json).expect("what was written can be read");
        assert_eq!(again.to_json(), json);
    }
});
