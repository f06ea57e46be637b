//! From template, draw and inputs to bytes.

use std::fmt;

use super::inner;
use super::{
    Content, ExtensionTemplate, HelloDraw, HelloInputs, HelloTemplate, KeyShares, PreSharedKey,
    Presence, Value,
};
use crate::profile::write::{vector8, vector16};

/// What the legacy session id of a hello is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionId {
    Empty,
    /// 32 random bytes, or the id of a TLS 1.2 session.
    Random,
}

/// A hello that no single record can carry; none that any client sends is near that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HelloTooLong;

impl fmt::Display for HelloTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the ClientHello does not fit into one record")
    }
}

impl std::error::Error for HelloTooLong {}

impl HelloTemplate {
    /// The handshake message: type, length, body.
    pub(crate) fn render(
        &self,
        inputs: &HelloInputs<'_>,
        draw: &mut HelloDraw,
    ) -> Result<Vec<u8>, HelloTooLong> {
        let mut body = Vec::with_capacity(TYPICAL_LENGTH);
        body.extend(self.legacy_version.to_be_bytes());
        body.extend(inputs.random);
        vector8(&mut body, |out| match self.session_id {
            SessionId::Empty => {}
            SessionId::Random => out.extend_from_slice(inputs.session_id),
        });
        vector16(&mut body, |out| numbers(&self.cipher_suites, draw, out));
        vector8(&mut body, |out| {
            out.extend_from_slice(&self.compression_methods);
        });
        let preamble = self.preamble(inputs);
        debug_assert_eq!(preamble.length, body.len());
        let mut extensions = Extensions {
            template: self,
            inputs,
            draw,
            preamble,
        };
        let list = extensions.render();
        vector16(&mut body, |out| out.extend_from_slice(&list));
        if HEADER + body.len() > MAXIMUM_FRAGMENT {
            return Err(HelloTooLong);
        }
        let mut message = vec![CLIENT_HELLO];
        message.extend_from_slice(
            body.len()
                .to_be_bytes()
                .last_chunk::<3>()
                .unwrap_or(&[0; 3]),
        );
        message.append(&mut body);
        Ok(message)
    }

    const fn preamble(&self, inputs: &HelloInputs<'_>) -> Preamble {
        let session_id = match self.session_id {
            SessionId::Empty => 0,
            SessionId::Random => inputs.session_id.len(),
        };
        let suites = 2 + 2 * self.cipher_suites.len();
        Preamble {
            length: 2 + 32 + 1 + session_id + suites + 1 + self.compression_methods.len(),
            session_id,
        }
    }

    /// The version in the header of the record that carries the hello.
    pub(crate) const fn record_version(&self, retry: bool) -> u16 {
        if retry {
            self.retry_record_version
        } else {
            self.record_version
        }
    }
}

/// How long the payload of a GREASE ECH extension would be in this hello, for a template that sizes it like a real one.
pub(crate) fn inner_payload_length(
    template: &HelloTemplate,
    inputs: &HelloInputs<'_>,
    draw: &HelloDraw,
) -> usize {
    let extensions = Extensions {
        template,
        inputs,
        draw: &mut draw.clone(),
        preamble: template.preamble(inputs),
    };
    template.ech().map_or(0, |ech| {
        inner::length(
            &ech.payload,
            extensions.preamble,
            inputs,
            &extensions.bodies(),
        )
    })
}

/// Renders the list of extensions, which takes three passes: ECH's length depends on the others', padding's on ECH's.
struct Extensions<'a> {
    template: &'a HelloTemplate,
    inputs: &'a HelloInputs<'a>,
    draw: &'a mut HelloDraw,
    preamble: Preamble,
}

/// The body before its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preamble {
    pub(super) length: usize,
    /// How much of it is the session id.
    pub(super) session_id: usize,
}

impl<'a> Extensions<'a> {
    fn render(&mut self) -> Vec<u8> {
        let mut bodies = self.bodies();
        self.ech(&mut bodies);
        self.padding(&mut bodies);
        let mut list = Vec::with_capacity(TYPICAL_LENGTH);
        for (id, body, _) in &bodies {
            if let Some(body) = body {
                list.extend(id.to_be_bytes());
                vector16(&mut list, |out| out.extend_from_slice(body));
            }
        }
        list
    }

    /// Numbers and bodies, in the order drawn; without those that depend on the others'.
    fn bodies(&self) -> Vec<(u16, Option<Vec<u8>>, &'a ExtensionTemplate)> {
        let template = self.template;
        let ordered = self
            .draw
            .order
            .iter()
            .filter_map(|index| template.extensions.get(*index));
        ordered
            .map(|extension| {
                (
                    extension.id.number(self.draw),
                    self.body(extension),
                    extension,
                )
            })
            .collect()
    }

    /// The body of an extension that is sent, unless it depends on the others'.
    fn body(&self, extension: &ExtensionTemplate) -> Option<Vec<u8>> {
        let resuming = self.inputs.pre_shared_key.is_some();
        if extension.presence == Presence::NotResuming && resuming {
            return None;
        }
        let mut out = Vec::new();
        match &extension.content {
            Content::Alpn(names) => {
                let names = names.iter().map(|name| &**name);
                protocols(names.filter(|name| self.is_wanted(name)), &mut out)?;
            }
            Content::ApplicationSettings(names) => {
                let names = names.iter().map(|name| &**name);
                protocols(names.filter(|name| self.is_offered(name)), &mut out)?;
            }
            Content::Bytes(bytes) => out.extend_from_slice(bytes),
            Content::Cookie => out.extend_from_slice(self.inputs.cookie?),
            Content::EarlyData => {
                (self.inputs.early_data && resuming && !self.inputs.retry).then_some(())?;
            }
            Content::Ech(_) | Content::Padding { .. } => return None,
            Content::KeyShare(groups) => vector16(&mut out, |out| self.key_shares(groups, out)),
            Content::List8(values) => vector8(&mut out, |out| numbers(values, self.draw, out)),
            Content::List16(values) => vector16(&mut out, |out| numbers(values, self.draw, out)),
            Content::PreSharedKey => {
                let PreSharedKey(body) = self.inputs.pre_shared_key?;
                out.extend_from_slice(body);
            }
            Content::ServerName => {
                self.inputs.is_name.then_some(())?;
                server_name(self.inputs.host, &mut out);
            }
            Content::SessionTicket => out.extend_from_slice(self.inputs.ticket),
            Content::TrustAnchors { ids, .. } => vector16(&mut out, |out| {
                for id in ids {
                    vector8(out, |out| out.extend_from_slice(id));
                }
            }),
        }
        Some(out)
    }

    fn is_wanted(&self, name: &[u8]) -> bool {
        self.inputs
            .protocols
            .is_none_or(|wanted| wanted.contains(&name))
    }

    /// Whether ALPN offers it.
    fn is_offered(&self, name: &[u8]) -> bool {
        self.is_wanted(name)
            && self
                .template
                .extensions
                .iter()
                .any(|extension| match &extension.content {
                    Content::Alpn(names) => names.iter().any(|offered| **offered == *name),
                    _ => false,
                })
    }

    fn key_shares(&self, groups: &[Value], out: &mut Vec<u8>) {
        let mut share = |group: u16, key: &[u8]| {
            out.extend(group.to_be_bytes());
            vector16(out, |out| out.extend_from_slice(key));
        };
        match self.inputs.key_shares {
            KeyShares::Requested(group, key) => share(group, key),
            KeyShares::Offered(keys) => {
                for group in groups {
                    let number = group.number(self.draw);
                    let known = keys.iter().find(|(group, _)| *group == number);
                    match (group, known) {
                        (Value::Grease(_), _) => share(number, GREASE_KEY),
                        (Value::Fixed(_), Some((_, key))) => share(number, key),
                        (Value::Fixed(_), None) => {
                            if let Some(length) = self.template.listed_key_length(number) {
                                share(number, &self.draw.listed_key(number, length));
                            }
                        }
                    }
                }
            }
        }
    }

    fn ech(&mut self, bodies: &mut [(u16, Option<Vec<u8>>, &ExtensionTemplate)]) {
        let Some(mut ech) = self.draw.ech.take() else {
            return;
        };
        let filler = self.draw.filler();
        let inner = |payload: &_| inner::length(payload, self.preamble, self.inputs, bodies);
        let mut body = Vec::new();
        if let Some(template) = self.template.ech() {
            ech.write(template, &mut body, inner, |bytes| {
                HelloDraw::fill(filler, bytes);
            });
        }
        for (_, slot, extension) in bodies.iter_mut() {
            if matches!(extension.content, Content::Ech(_)) {
                *slot = Some(std::mem::take(&mut body));
            }
        }
        self.draw.ech = Some(ech);
    }

    fn padding(&self, bodies: &mut [(u16, Option<Vec<u8>>, &ExtensionTemplate)]) {
        let sent: usize = bodies
            .iter()
            .filter_map(|(_, body, _)| body.as_ref())
            .map(|body| EXTENSION_HEADER + body.len())
            .sum();
        let length = HEADER + self.preamble.length + LIST_LENGTH + sent;
        for (_, slot, extension) in bodies.iter_mut() {
            if let Content::Padding { from, length: to } = extension.content
                && (from..to).contains(&length)
            {
                // At least one byte: some servers choke on an empty extension at the end (RFC 7685 section 3).
                *slot = Some(vec![0; to.saturating_sub(length + EXTENSION_HEADER).max(1)]);
            }
        }
    }
}

/// A list of protocol names (RFC 7301 section 3.1), unless it would be empty.
fn protocols<'a>(names: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) -> Option<()> {
    let mut names = names.peekable();
    names.peek()?;
    vector16(out, |out| {
        for name in names {
            vector8(out, |out| out.extend_from_slice(name));
        }
    });
    Some(())
}

/// A ServerNameList of one host name (RFC 6066 section 3).
fn server_name(host: &str, out: &mut Vec<u8>) {
    const HOST_NAME: u8 = 0;
    vector16(out, |out| {
        out.push(HOST_NAME);
        vector16(out, |out| out.extend_from_slice(host.as_bytes()));
    });
}

fn numbers(values: &[Value], draw: &HelloDraw, out: &mut Vec<u8>) {
    out.extend(
        values
            .iter()
            .flat_map(|value| value.number(draw).to_be_bytes()),
    );
}

/// HandshakeType `client_hello`.
const CLIENT_HELLO: u8 = 1;

/// The key that stands beside a GREASE group (RFC 8701 section 3.1): one zero in all captures.
const GREASE_KEY: &[u8] = &[0];

/// Type and length of a handshake message.
const HEADER: usize = 4;

/// The length before the list of extensions.
const LIST_LENGTH: usize = 2;

/// Type and length of an extension.
pub(super) const EXTENSION_HEADER: usize = 4;

/// A record carries at most this much (RFC 8446 section 5.1).
const MAXIMUM_FRAGMENT: usize = 1 << 14;

/// A hello with a post-quantum key share takes about this much.
const TYPICAL_LENGTH: usize = 2048;
