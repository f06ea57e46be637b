//! Bytes as text.

/// Two lower-case digits for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)])
        .collect()
}

/// The bytes of `text`, or what is wrong with it. White space between the digits is allowed.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (place, character) in (1..).zip(text.chars()) {
        if character.is_whitespace() {
            continue;
        }
        let digit = character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or_else(|| format!("no hex: {character:?} is character {place}"))?;
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => bytes.push(high | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err("no hex: the number of digits is odd".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn text_becomes_bytes_and_text_again() {
        assert_eq!(decode("00 fF\n1a"), Ok(vec![0, 255, 26]));
        assert_eq!(encode(&[0, 255, 26]), "00ff1a");
        assert_eq!(decode(""), Ok(vec![]));
        for (text, fault) in [("0", "odd"), ("00 0g", "'g' is character 5"), ("é0", "'é'")] {
            assert!(decode(text).unwrap_err().contains(fault), "{text}");
        }
    }
}
