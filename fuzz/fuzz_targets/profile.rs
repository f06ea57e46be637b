//! Text that may be a profile file.
#![no_main]

use hotpool::profile::{Profile, SampleOptions};
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;

fuzz_target!(|text: &str| {
    match Profile::from_json("fuzz", text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(profile) => {
            let options = SampleOptions::default();
            if let Ok(sampled) = profile.sample(&options, &mut StdRng::seed_from_u64(1)) {
                let capture = sampled.capture().expect("what is sampled can be read");
                let _ = profile.differences(&capture.hello, None);
            }
        }
    }
});
