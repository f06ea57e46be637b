//! HTTPS records from the name servers (RFC 9460).

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::rr::rdata::svcb::{SVCB, SvcParamKey, SvcParamValue};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::lookup::{Records, ask, in_hosts_file};
use super::settings::Settings;
use crate::error::Error;
use crate::resolve::host::{Host, without_dot};
use crate::resolve::service::HTTP1;
use crate::resolve::{Service, Services};

pub(super) async fn look_up(settings: &Settings, host: &str, port: u16) -> Result<Services, Error> {
    // Whoever is in the hosts file, or found by way of the search list, is not whom the name's records are about.
    if in_hosts_file(settings, host).is_some() {
        return Ok(Services::none(super::SETTINGS_VALIDITY));
    }
    let first = settings.candidates(host)?.into_iter().next();
    let host = without_dot(host);
    let absolute = first.filter(|name| plain(name) == host);
    // Too long a name has no records either.
    let Some(mut name) = absolute.and_then(|name| at_port(&name, port)) else {
        return Ok(Services::none(super::SETTINGS_VALIDITY));
    };
    let mut alias = None;
    let mut valid_for = Duration::MAX;
    for _ in 0..=MAX_ALIASES {
        let Records {
            records,
            valid_for: valid,
        } = ask(settings, name, RecordType::HTTPS).await?;
        valid_for = valid_for.min(valid);
        let records = records.iter().filter_map(|record| match &record.data {
            RData::HTTPS(https) => Some(&https.0),
            _ => None,
        });
        // RFC 9460 §2.4.1: where there is an alias, services beside it do not count.
        let (aliases, services): (Vec<&SVCB>, Vec<&SVCB>) =
            records.partition(|record| record.svc_priority == 0);
        // RFC 9460 §2.5.1: an alias of "." says that there is no such service, which a client may ignore.
        let Some(target) = aliases
            .iter()
            .map(|record| &record.target_name)
            .find(|target| !target.is_root())
        else {
            let services = services
                .into_iter()
                .filter_map(|record| service(record, host, port));
            let found = Services::new(services, valid_for);
            return Ok(match alias {
                Some(target) => found.with_alias(target),
                None => found,
            });
        };
        let target = target.clone();
        match Host::parse(&plain(&target)) {
            Ok(Host::Name(name)) => alias = Some(name),
            _ => return Ok(Services::none(valid_for)),
        }
        name = target;
    }
    // RFC 9460 §3.1: a chain too long or a loop is as if there were no records.
    Ok(Services::none(valid_for))
}

/// `None` for a record that asks for what is not understood here, or is not usable (RFC 9460 §8).
fn service(record: &SVCB, host: &str, origin_port: u16) -> Option<Service> {
    let mut service = Service {
        priority: record.svc_priority,
        target: target(&record.target_name, host)?,
        ..Service::default()
    };
    let mut has_default_protocol = true;
    for (key, value) in &record.svc_params {
        match value {
            SvcParamValue::Mandatory(keys) if !keys.0.iter().all(is_understood) => return None,
            SvcParamValue::Alpn(names) => {
                let names = names.0.iter().take(MAX_PROTOCOLS);
                service.protocols = names.map(|name| name.as_str().into()).collect();
            }
            SvcParamValue::NoDefaultAlpn => has_default_protocol = false,
            SvcParamValue::Port(0) => return None,
            SvcParamValue::Port(port) => {
                service.port = Some(*port).filter(|port| *port != origin_port);
            }
            SvcParamValue::Ipv4Hint(hints) => {
                let hints = hints.0.iter().take(MAX_HINTS);
                service
                    .address_hints
                    .extend(hints.map(|hint| IpAddr::V4(hint.0)));
            }
            SvcParamValue::Ipv6Hint(hints) => {
                let hints = hints.0.iter().take(MAX_HINTS);
                service
                    .address_hints
                    .extend(hints.map(|hint| IpAddr::V6(hint.0)));
            }
            SvcParamValue::EchConfigList(_) => service.has_ech = true,
            _ => tracing::trace!(?key, "an HTTPS record's parameter is passed over"),
        }
    }
    // Every service speaks it unless it says otherwise (RFC 9460 §9.3).
    if has_default_protocol && !service.speaks(HTTP1) {
        service.protocols.push(HTTP1.into());
    }
    // RFC 9460 §7.1.1: `no-default-alpn` without `alpn` contradicts itself.
    (!service.protocols.is_empty()).then_some(service)
}

/// `Some(None)` is the owner itself.
fn target(target: &Name, host: &str) -> Option<Option<Box<str>>> {
    if target.is_root() {
        return Some(None);
    }
    match Host::parse(&plain(target)) {
        Ok(Host::Name(name)) if *name == *host => Some(None),
        Ok(Host::Name(name)) => Some(Some(name)),
        _ => None,
    }
}

/// A record that insists on ECH is for clients that have it.
fn is_understood(key: &SvcParamKey) -> bool {
    matches!(
        key,
        SvcParamKey::Alpn
            | SvcParamKey::NoDefaultAlpn
            | SvcParamKey::Port
            | SvcParamKey::Ipv4Hint
            | SvcParamKey::Ipv6Hint
    )
}

/// RFC 9460 §9.1.
fn at_port(name: &Name, port: u16) -> Option<Name> {
    if port == HTTPS_PORT {
        return Some(name.clone());
    }
    let prefix = Name::from_ascii(format!("_{port}._https")).ok()?;
    prefix.append_domain(name).ok()
}

fn plain(name: &Name) -> String {
    let mut text = name.to_ascii();
    text.make_ascii_lowercase();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

const HTTPS_PORT: u16 = 443;

/// RFC 9460 §3.1 wants a limit on aliases, and names no number: as many CNAMEs as resolvers follow at the least.
const MAX_ALIASES: usize = 8;

/// More than there are to speak.
const MAX_PROTOCOLS: usize = 16;

/// Of one family in one record.
const MAX_HINTS: usize = 16;
