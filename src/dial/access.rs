//! The access list, between resolution and connecting.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::error::{Error, ErrorKind, Result};
use crate::resolve::AccessList;

/// How many denied addresses an error names.
const MOST_NAMED: usize = 4;

/// Those of `addresses` that `list` permits.
///
/// # Errors
///
/// [`AddressDenied`](ErrorKind::AddressDenied) when there are addresses and none is permitted.
pub(super) fn permitted(list: &AccessList, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>> {
    if list.permits_all() {
        return Ok(addresses);
    }
    let is_permitted = |address: &SocketAddr| list.permits(address.ip());
    let (permitted, denied): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_permitted);
    if permitted.is_empty() && !denied.is_empty() {
        return Err(Error::new(ErrorKind::AddressDenied).with_detail(reasons(list, &denied)));
    }
    Ok(permitted)
}

fn reasons(list: &AccessList, denied: &[SocketAddr]) -> String {
    let mut text = String::new();
    for address in denied.iter().take(MOST_NAMED) {
        if let Some(refusal) = list.refusal(address.ip()) {
            let separator = if text.is_empty() { "" } else { "; " };
            // Writing to a `String` does not fail.
            let _ = write!(text, "{separator}{}, {refusal}", address.ip());
        }
    }
    match denied.len().saturating_sub(MOST_NAMED) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u8) -> Vec<SocketAddr> {
        let address = |last| SocketAddr::from(([10, 0, 0, last], 443));
        (1..=count).map(address).collect()
    }

    #[test]
    fn what_is_denied_is_left_out() {
        let list = AccessList::allow_all().deny("10.0.0.1").unwrap();
        assert_eq!(permitted(&list, addresses(2)).unwrap(), addresses(2)[1..]);
        assert!(permitted(&list, Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn when_all_is_denied_the_error_says_what_and_why() {
        let list = AccessList::allow_all().deny("private").unwrap();
        let error = permitted(&list, addresses(6)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressDenied);
        assert!(!error.is_retryable());
        let text = error.to_string();
        assert!(
            text.contains("10.0.0.1, 10.0.0.0/8 is denied; 10.0.0.2"),
            "{text}"
        );
        assert!(text.ends_with("and 2 more"), "{text}");
    }
}
