//! The kinds of requests that a client sends.

use std::collections::BTreeMap;

use super::header_list::{Line, lines};
use super::kind::{kind, numbered};
use super::order::merged;
use super::{HelloCapture, Notes};
use crate::profile::document::{
    HeaderDocument, KindDocument, RequestsDocument, StreamPriorityDocument,
};
use crate::profile::{Http1Head, Http2Request, StreamPriority};

/// More requests of one kind show nothing new.
const MAXIMUM_OF_A_KIND: usize = 100;

/// A kind more is hardly one; so that requests at random do not become a profile of thousands.
const MAXIMUM_KINDS: usize = 50;

/// Orders of headers in one kind: what one list is made of, and each is merged with all others.
const MAXIMUM_ORDERS: usize = 30;

/// Headers of a request: browsers send some fifteen, and what has more than this is no client's list.
const MAXIMUM_HEADERS: usize = 100;

/// How much merging there may be, in squares of names, which is how it grows: a hundred times that of ten orders of thirty names.
const MAXIMUM_MERGING: usize = 100 * (10 * 30) * (10 * 30);

/// A request as it was captured, of either version.
#[derive(Debug)]
pub(super) struct Seen {
    /// What its own headers say that it is.
    kind: String,
    priority: Option<StreamPriority>,
    pub(super) method: String,
    /// `https://host`, without a slash behind.
    pub(super) origin: String,
    /// Without pseudo-headers, in their order. What is no text has an empty value.
    pub(super) headers: Vec<(String, String)>,
}

/// Requests with the same kind, priority and order of headers.
struct Group<'a> {
    kind: String,
    priority: Option<StreamPriority>,
    urgency: Option<&'a str>,
    orders: Vec<Vec<&'a str>>,
    /// What was found not to fit.
    others: Vec<Vec<&'a str>>,
    requests: Vec<&'a Seen>,
}

/// What merging there may still be, and whether something was left out for lack of it.
#[derive(Debug)]
struct Merging {
    left: usize,
    is_short: bool,
}

/// The document of the client that sent these; none if there is no request among them.
pub(super) fn requests(captures: &[HelloCapture], notes: &mut Notes) -> Option<RequestsDocument> {
    let openings = captures
        .iter()
        .filter_map(|capture| capture.opening.as_ref());
    let http2: Vec<Seen> = openings
        .flat_map(|opening| opening.requests())
        .map(Seen::http2)
        .collect();
    let heads = captures.iter().filter_map(|capture| capture.http1.as_ref());
    let http1: Vec<Seen> = heads.filter_map(Seen::http1).collect();
    let mut merging = Merging {
        left: MAXIMUM_MERGING,
        is_short: false,
    };
    let groups2 = groups(&http2, &mut merging);
    let groups1 = groups(&http1, &mut merging);
    if merging.is_short {
        notes.add("There are more headers, or orders of them, than were looked at.");
    }
    let first = groups2.first().or_else(|| groups1.first())?;
    let default = first.kind.clone();
    let mut kinds: BTreeMap<String, (Option<StreamPriority>, Lists)> = BTreeMap::new();
    for (name, group) in named(groups2) {
        let lines = lines(&group.kind, &group.orders, &group.requests);
        kinds.insert(name, (group.priority, [Some(lines), None]));
    }
    for (name, group) in named(groups1) {
        let lines = lines(&group.kind, &group.orders, &group.requests);
        let (_, [_, list]) = kinds.entry(name).or_insert((None, [None, None]));
        *list = Some(lines);
    }
    notes.add("Headers that were not seen are taken to come last.");
    let values = shared(kinds.values().flat_map(|(_, lists)| lists.iter().flatten()));
    let splits_cookies = splits_cookies(&http2, notes);
    let document = |lines: Vec<Line>| {
        let lines = lines.into_iter();
        lines
            .map(|line| line.document(&values))
            .collect::<Vec<HeaderDocument>>()
    };
    let kinds: BTreeMap<String, KindDocument> = kinds
        .into_iter()
        .map(|(name, (priority, [http2, http1]))| {
            let kind = KindDocument {
                priority: priority.map(|priority| StreamPriorityDocument {
                    exclusive: priority.exclusive,
                    depends_on: priority.dependency,
                    weight: u16::from(priority.weight_less_one) + 1,
                }),
                http2: http2.map(document),
                http1: http1.map(document),
            };
            (name, kind)
        })
        .collect();
    let navigation = NAVIGATION.to_owned();
    Some(RequestsDocument {
        default: if kinds.contains_key(NAVIGATION) {
            navigation
        } else {
            default
        },
        values,
        splits_cookies,
        kinds,
    })
}

const NAVIGATION: &str = "navigation";

/// HTTP/2's list and HTTP/1.1's.
type Lists = [Option<Vec<Line>>; 2];

impl Seen {
    fn http2(request: &Http2Request) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap_or_default();
        let header = |name: &str| request.header(name).map(text);
        let [method, scheme, authority, path] = [":method", ":scheme", ":authority", ":path"]
            .map(|name| header(name).unwrap_or_default());
        let headers = request
            .headers()
            .filter(|header| !header.is_pseudo_header());
        Self {
            kind: kind(&method, &path, header),
            // What it depends on is not the kind's.
            priority: request.priority().map(|priority| StreamPriority {
                dependency: 0,
                ..priority
            }),
            method,
            origin: format!("{scheme}://{authority}"),
            headers: headers
                .map(|header| (text(header.name), text(header.value)))
                .collect(),
        }
    }

    /// None without a `host`, which every list has.
    fn http1(head: &Http1Head) -> Option<Self> {
        let header = |wanted: &str| {
            let mut headers = head.headers();
            let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_owned())
        };
        Some(Self {
            kind: kind(head.method(), head.target(), header),
            priority: None,
            method: head.method().to_owned(),
            origin: format!("https://{}", header("host")?),
            headers: head
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// The value of a header, whose name is to be in lower case.
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    /// The names, each once.
    fn order(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.headers {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name);
            }
        }
        names
    }
}

impl<'a> Group<'a> {
    /// Whether the group's lists and this one are parts of one list.
    fn admits(&mut self, order: &[&'a str], merging: &mut Merging) -> bool {
        if self.orders.iter().any(|known| known == order) {
            return true;
        }
        if self.others.iter().any(|known| known == order) {
            return false;
        }
        let names = self.orders.iter().map(Vec::len).sum::<usize>() + order.len();
        let left = merging.left.checked_sub(names.saturating_mul(names));
        let Some(left) = left.filter(|_| self.orders.len() < MAXIMUM_ORDERS) else {
            merging.is_short = true;
            return false;
        };
        merging.left = left;
        self.orders.push(order.to_vec());
        let fits = merged(&self.orders).is_some();
        if !fits {
            self.others.extend(self.orders.pop());
        }
        fits
    }
}

fn groups<'a>(all: &'a [Seen], merging: &mut Merging) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for seen in all {
        if seen.headers.len() > MAXIMUM_HEADERS {
            merging.is_short = true;
            continue;
        }
        let (order, urgency) = (seen.order(), seen.header("priority"));
        let fits = groups.iter_mut().position(|group| {
            let same = group.kind == seen.kind
                && group.priority == seen.priority
                && group.urgency == urgency;
            same && group.admits(&order, merging)
        });
        let has_room = groups.len() < MAXIMUM_KINDS;
        match fits.and_then(|place| groups.get_mut(place)) {
            Some(group) if group.requests.len() < MAXIMUM_OF_A_KIND => group.requests.push(seen),
            Some(_) => {}
            None if has_room => groups.push(Group {
                kind: seen.kind.clone(),
                priority: seen.priority,
                urgency,
                orders: vec![order],
                others: Vec::new(),
                requests: vec![seen],
            }),
            None => {}
        }
    }
    groups
}

/// Each with a name of its own: of those that are called the same, the most urgent has no number.
fn named(mut groups: Vec<Group<'_>>) -> Vec<(String, Group<'_>)> {
    groups.sort_by_key(|group| {
        let weight = group
            .priority
            .map_or(0, |priority| priority.weight_less_one);
        (std::cmp::Reverse(weight), group.urgency)
    });
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let named = groups.into_iter().map(|group| {
        let number = numbers.entry(group.kind.clone()).or_default();
        let name = numbered(&group.kind, *number);
        *number += 1;
        (name, group)
    });
    named.collect()
}

/// What is the same wherever it is, and in several lists.
fn shared<'a>(lists: impl Iterator<Item = &'a Vec<Line>>) -> BTreeMap<String, String> {
    let mut uses: BTreeMap<String, Option<(&str, usize)>> = BTreeMap::new();
    for line in lists.flatten() {
        let used = uses
            .entry(line.name.to_ascii_lowercase())
            .or_insert_with(|| line.plain_value().map(|value| (value, 0)));
        *used = match (*used, line.plain_value()) {
            (Some((value, uses)), Some(own)) if value == own => Some((value, uses + 1)),
            _ => None,
        };
    }
    let shared = uses.into_iter().filter_map(|(name, used)| {
        let (value, uses) = used?;
        (uses > 1).then(|| (name, value.to_owned()))
    });
    shared.collect()
}

fn splits_cookies(http2: &[Seen], notes: &mut Notes) -> bool {
    let cookies = |seen: &Seen| {
        let names = seen.headers.iter().filter(|(name, _)| name == "cookie");
        names.count()
    };
    let most = http2.iter().map(cookies).max().unwrap_or_default();
    if most == 0 && !http2.is_empty() {
        notes.add("No cookie was seen.");
    }
    most > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: impl Iterator<Item = usize>) -> Seen {
        Seen {
            kind: "fetch".to_owned(),
            priority: None,
            method: "GET".to_owned(),
            origin: "https://a".to_owned(),
            headers: names
                .map(|name| (format!("x{name}"), String::new()))
                .collect(),
        }
    }

    #[test]
    fn orders_are_merged_up_to_a_limit() {
        // All fit, few names or many; then none fits any other; then there are too many in one.
        let fitting: Vec<Seen> = (0..200).map(|own| seen(own..=own)).collect();
        let long: Vec<Seen> = (0..50).map(|own| seen(90 * own..90 * (own + 1))).collect();
        let contrary = (1..90).map(|from| seen((0..90).map(move |name| (name + from) % 90)));
        let contrary: Vec<Seen> = contrary.collect();
        for all in [fitting, long, contrary, vec![seen(0..5000)]] {
            let mut merging = Merging {
                left: MAXIMUM_MERGING,
                is_short: false,
            };
            let groups = groups(&all, &mut merging);
            assert!(merging.is_short);
            assert!(groups.len() <= MAXIMUM_KINDS);
            for group in groups {
                assert!(group.orders.len() <= MAXIMUM_ORDERS);
                assert!(group.others.len() <= all.len());
            }
        }
    }

    #[test]
    fn what_did_not_fit_is_not_merged_again() {
        let twice = || [seen([0, 1].into_iter()), seen([1, 0].into_iter())];
        let all: Vec<Seen> = (0..100).flat_map(|_| twice()).collect();
        let mut merging = Merging {
            left: MAXIMUM_MERGING,
            is_short: false,
        };
        assert_eq!(groups(&all, &mut merging).len(), 2);
        assert_eq!(MAXIMUM_MERGING - merging.left, 4 * 4);
        assert!(!merging.is_short);
    }
}
