//! A scenario as BoringSSL's settings.

use boring::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode,
    SslVerifyMode, SslVersion, select_next_proto,
};
use boring::x509::X509;

use crate::credential::Authority;
use crate::scenario::{Scenario, Version};
use crate::{ech, native, report};

/// The context, and the ECH configurations that it knows.
pub(crate) fn context(
    scenario: &Scenario,
    authority: &Authority,
    name: &str,
) -> (SslContext, Vec<u8>) {
    let mut context = SslContext::builder(SslMethod::tls()).unwrap();
    let newest = match scenario.version {
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    };
    context
        .set_min_proto_version(Some(SslVersion::TLS1_2))
        .unwrap();
    context.set_max_proto_version(Some(newest)).unwrap();
    if let Some(groups) = scenario.groups {
        context.set_curves_list(groups).unwrap();
    }
    if let Some(suites) = scenario.suites {
        context.set_strict_cipher_list(suites).unwrap();
    }
    identity(&mut context, scenario, authority, name);
    alpn(&mut context, scenario.alpn);
    sessions(&mut context, scenario);
    context.set_info_callback(|ssl, _, _| report::note_signature(ssl));
    if let Some(list) = &scenario.sct {
        native::set_sct_list(&context, list);
    }
    if let Some(response) = &scenario.ocsp {
        native::set_ocsp_response(&context, response);
    }
    if let Some(ids) = &scenario.trust_anchors {
        native::set_available_trust_anchors(&context, ids);
    }
    for algorithm in &scenario.compression {
        algorithm.add_to(&context);
    }
    let mut configs = Vec::new();
    if scenario.ech {
        let keys;
        (keys, configs) = ech::keys();
        context.set_ech_keys(&keys).unwrap();
    }
    (context.build(), configs)
}

/// A connection to be, with what is set for each.
pub(crate) fn connection(context: &SslContext, scenario: &Scenario) -> Ssl {
    let ssl = Ssl::new(context).unwrap();
    if let Some(alps) = &scenario.alps {
        for protocol in scenario.alpn {
            native::set_settings(&ssl, protocol, &alps.settings, alps.new_codepoint);
        }
    }
    ssl
}

fn identity(
    context: &mut SslContextBuilder,
    scenario: &Scenario,
    authority: &Authority,
    name: &str,
) {
    let identity = authority.issue_with(name, scenario.rsa, scenario.ballast);
    if scenario.delegated_credential {
        identity.delegate_to(context, scenario);
    }
    context.set_certificate(&identity.x509()).unwrap();
    context.set_private_key(&identity.private_key()).unwrap();
    if scenario.client_certificate {
        let authority = X509::from_pem(authority.pem().as_bytes()).unwrap();
        context.add_client_ca(&authority).unwrap();
        context.cert_store_mut().add_cert(authority).unwrap();
        context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
}

fn alpn(context: &mut SslContextBuilder, protocols: &[&str]) {
    let mut ours = Vec::new();
    for protocol in protocols {
        ours.push(protocol.len() as u8);
        ours.extend(protocol.as_bytes());
    }
    context.set_alpn_select_callback(move |_, theirs| {
        let chosen = select_next_proto(&ours, theirs).ok_or(AlpnError::NOACK)?;
        // The answer must be a part of the client's list, by lifetime.
        let at = theirs
            .windows(chosen.len())
            .position(|part| part == chosen)
            .ok_or(AlpnError::NOACK)?;
        Ok(&theirs[at..at + chosen.len()])
    });
}

fn sessions(context: &mut SslContextBuilder, scenario: &Scenario) {
    context.set_session_id_context(b"interop").unwrap();
    // By ticket alone, so that what is switched off is off.
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    if !scenario.tickets {
        context.set_options(SslOptions::NO_TICKET);
    }
    if scenario.early_data {
        native::enable_early_data(context);
    }
}
