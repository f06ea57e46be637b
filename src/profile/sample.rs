//! Hellos without a connection: what a profile's client would send now.

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, X25519};
use aws_lc_rs::kem::{DecapsulationKey, ML_KEM_768, ML_KEM_1024};
use rand::{Rng, RngExt};

use super::template::{
    HelloDraw, HelloInputs, HelloTemplate, HybridKey, KeyShares, PreSharedKey, listed_key_length,
};
use super::write::{vector8, vector16};
use super::{HelloCapture, Profile, ProfileError};

/// What a sampled hello is for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SampleOptions {
    /// The host dialled: a name, or an address, which is not sent. Default: `www.example.test`.
    pub host: String,
    /// The application protocols wanted; of the profile's, those among them are offered. Default: all of the profile's.
    pub protocols: Option<Vec<String>>,
    /// Whether a session is resumed by a pre-shared key. Default: no.
    pub resumed: bool,
    /// Whether the session's ticket allows early data, which the client then offers if it ever does. Default: no.
    pub early_data: bool,
    /// The group that the server's HelloRetryRequest asks for, by IANA's name or in hex. Default: there is none.
    pub retry: Option<String>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            host: "www.example.test".to_owned(),
            protocols: None,
            resumed: false,
            early_data: false,
            retry: None,
        }
    }
}

/// The records of one connection's hellos.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SampledHello {
    /// The record of the first hello.
    pub first: Vec<u8>,
    /// The record of the hello after the HelloRetryRequest asked for.
    pub retry: Option<Vec<u8>>,
}

impl Profile {
    /// A hello that the profile's client could send: drawn anew at each call, its keys real ones. The ticket and its binder are random
    /// bytes of the length that OpenSSL's have, since there is no server that gave one.
    ///
    /// # Errors
    ///
    /// The profile is [`rustls`](Self::rustls), which has no fixed hello; the retry's group is unknown or has no keys here; the hello
    /// does not fit into a record.
    pub fn sample(
        &self,
        options: &SampleOptions,
        rng: &mut impl Rng,
    ) -> Result<SampledHello, ProfileError> {
        let error = |fault: String| ProfileError::new(self.name(), fault);
        let template = self
            .hello_template()
            .ok_or_else(|| error("sends rustls's own hello, which no profile fixes".to_owned()))?;
        let sampler = Sampler::new(template, options, rng);
        let mut draw = template.draw(rng);
        let shares: Vec<(u16, &[u8])> = sampler
            .shares
            .iter()
            .map(|(group, key)| (*group, &**key))
            .collect();
        let first = sampler.record(template, &mut draw, KeyShares::Offered(&shares), false);
        let first = first.map_err(|long| error(long.to_string()))?;
        let Some(group) = &options.retry else {
            return Ok(SampledHello { first, retry: None });
        };
        let number = super::document::Registry::Group
            .number(group)
            .ok_or_else(|| error(format!("{group} is no group")))?;
        let key = key(number).ok_or_else(|| error(format!("{group} has no keys here")))?;
        let retry = sampler.record(
            template,
            &mut draw,
            KeyShares::Requested(number, &key),
            true,
        );
        Ok(SampledHello {
            first,
            retry: Some(retry.map_err(|long| error(long.to_string()))?),
        })
    }
}

impl SampledHello {
    /// As [`HelloCapture`] has it.
    ///
    /// # Errors
    ///
    /// None of what [`Profile::sample`] gives.
    pub fn capture(&self) -> Result<HelloCapture, super::HelloError> {
        let hello = |records: &Vec<u8>| super::ClientHello::from_records(records);
        let mut capture = HelloCapture::new(hello(&self.first)?);
        capture.retry = self.retry.as_ref().map(hello).transpose()?;
        Ok(capture)
    }
}

/// A server that keeps state in its tickets, as OpenSSL's does, gives one of this length.
const TICKET: usize = 208;

/// A binder of SHA-384, which is what OpenSSL's first cipher suite hashes with.
const BINDER: usize = 48;

/// What one connection brings.
struct Sampler<'a> {
    options: &'a SampleOptions,
    random: [u8; 32],
    session_id: [u8; 32],
    shares: Vec<(u16, Vec<u8>)>,
    pre_shared_key: Vec<u8>,
}

impl<'a> Sampler<'a> {
    fn new(template: &HelloTemplate, options: &'a SampleOptions, rng: &mut impl Rng) -> Self {
        Self {
            options,
            random: rng.random(),
            session_id: rng.random(),
            shares: shares(template),
            pre_shared_key: pre_shared_key(rng),
        }
    }

    fn record(
        &self,
        template: &HelloTemplate,
        draw: &mut HelloDraw,
        key_shares: KeyShares<'_>,
        retry: bool,
    ) -> Result<Vec<u8>, super::template::HelloTooLong> {
        let protocols: Option<Vec<&[u8]>> = self
            .options
            .protocols
            .as_ref()
            .map(|names| names.iter().map(String::as_bytes).collect());
        let message = template.render(
            &HelloInputs {
                random: &self.random,
                session_id: &self.session_id,
                host: &self.options.host,
                is_name: self.options.host.parse::<std::net::IpAddr>().is_err(),
                protocols: protocols.as_deref(),
                key_shares,
                ticket: &[],
                pre_shared_key: self
                    .options
                    .resumed
                    .then_some(PreSharedKey(&self.pre_shared_key)),
                early_data: self.options.early_data,
                cookie: None,
                retry,
            },
            draw,
        )?;
        let mut record = vec![HANDSHAKE];
        record.extend(template.record_version(retry).to_be_bytes());
        record.extend(
            u16::try_from(message.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes(),
        );
        record.extend(message);
        Ok(record)
    }
}

/// The body of a `pre_shared_key` extension with one identity and its binder (RFC 8446 section 4.2.11).
fn pre_shared_key(rng: &mut impl Rng) -> Vec<u8> {
    const AGE: usize = 4;
    let mut random = |length: usize| -> Vec<u8> { (0..length).map(|_| rng.random()).collect() };
    let (ticket, age, binder) = (random(TICKET), random(AGE), random(BINDER));
    let mut body = Vec::new();
    vector16(&mut body, |out| {
        vector16(out, |out| out.extend(ticket));
        out.extend(age);
    });
    vector16(&mut body, |out| vector8(out, |out| out.extend(binder)));
    body
}

/// ContentType `handshake`.
const HANDSHAKE: u8 = 22;

/// A key for each of the template's groups whose keys are known here.
fn shares(template: &HelloTemplate) -> Vec<(u16, Vec<u8>)> {
    let mut shares: Vec<(u16, Vec<u8>)> = Vec::new();
    for group in template.numbers(KEY_SHARE) {
        if let Some(key) = key(group).or_else(|| listed_key(group)) {
            shares.push((group, key));
        }
    }
    let hybrid = shares
        .iter()
        .find(|(group, _)| *group == X25519MLKEM768)
        .map(|(_, key)| key.clone());
    if let (HybridKey::Shared, Some(hybrid)) = (template.hybrid_key, hybrid)
        && let Some(separate) = hybrid.last_chunk::<32>()
    {
        for (_, key) in shares
            .iter_mut()
            .filter(|(group, _)| *group == X25519_GROUP)
        {
            *key = separate.to_vec();
        }
    }
    shares
}

const KEY_SHARE: u16 = 51;
const X25519_GROUP: u16 = 0x001d;
const X25519MLKEM768: u16 = 0x11ec;

/// A fresh public key, as a key share carries it.
fn key(group: u16) -> Option<Vec<u8>> {
    match group {
        0x0017 => agreement(&ECDH_P256),
        0x0018 => agreement(&ECDH_P384),
        0x0019 => agreement(&ECDH_P521),
        X25519_GROUP => agreement(&X25519),
        0x0201 => encapsulation(&ML_KEM_768),
        0x0202 => encapsulation(&ML_KEM_1024),
        // draft-ietf-tls-ecdhe-mlkem section 4.1: the curve's key is first but for X25519.
        0x11eb => Some([agreement(&ECDH_P256)?, encapsulation(&ML_KEM_768)?].concat()),
        X25519MLKEM768 => Some([encapsulation(&ML_KEM_768)?, agreement(&X25519)?].concat()),
        _ => None,
    }
}

/// Random bytes in place of a key that nobody could use, as on a connection.
fn listed_key(group: u16) -> Option<Vec<u8>> {
    let mut key = vec![0; listed_key_length(group)?];
    rand::rng().fill(key.as_mut_slice());
    Some(key)
}

fn agreement(algorithm: &'static Algorithm) -> Option<Vec<u8>> {
    let key = PrivateKey::generate(algorithm)
        .ok()?
        .compute_public_key()
        .ok()?;
    Some(key.as_ref().to_vec())
}

fn encapsulation(algorithm: &'static aws_lc_rs::kem::Algorithm) -> Option<Vec<u8>> {
    let key = DecapsulationKey::generate(algorithm).ok()?;
    Some(
        key.encapsulation_key()
            .ok()?
            .key_bytes()
            .ok()?
            .as_ref()
            .to_vec(),
    )
}

#[cfg(test)]
mod tests;
