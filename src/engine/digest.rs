//! The digits that name a file.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// A SHA-256 as 64 lower-case hex digits.
///
/// Text from a file becomes one once, where it is read. From there on it is safe in paths and
/// messages, may be cut anywhere, and equal hashes are equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexDigest(Box<str>);

/// A text that is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the 64 hex digits that `sha256sum` prints")]
pub struct NotHex;

impl HexDigest {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(&Sha256::digest(bytes).into())
    }

    /// The digits of `hash`.
    pub(crate) fn from_bytes(hash: &[u8; DIGITS / 2]) -> Self {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits.into())
    }

    /// The hash itself.
    pub(crate) fn bytes(&self) -> [u8; DIGITS / 2] {
        let digits = self.0.as_bytes().as_chunks::<2>().0;
        let value = |digit: u8| match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        };
        std::array::from_fn(|i| value(digits[i][0]) << 4 | value(digits[i][1]))
    }

    /// The first twelve digits, for people.
    pub(crate) fn abbreviated(&self) -> &str {
        &self.0[..12]
    }
}

impl Default for HexDigest {
    /// Zeros: the hash of no file.
    fn default() -> Self {
        Self::from_bytes(&[0; DIGITS / 2])
    }
}

impl FromStr for HexDigest {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        if text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(NotHex)
        }
    }
}

impl TryFrom<String> for HexDigest {
    type Error = NotHex;

    fn try_from(text: String) -> Result<Self, NotHex> {
        text.parse()
    }
}

impl From<HexDigest> for String {
    fn from(digest: HexDigest) -> Self {
        digest.0.into()
    }
}

impl Deref for HexDigest {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hex_digits_and_nothing_else() {
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        let digest: HexDigest = digits.parse().unwrap();
        assert_eq!(&*digest, digits.to_lowercase());
        assert_eq!(digest.abbreviated(), "0123456789ab");
        assert_eq!(HexDigest::from_bytes(&digest.bytes()), digest);
        for wrong in [
            String::new(),
            digits[1..].into(),
            format!("{digits}0"),
            format!("../{}", &digits[3..]),
            // As many bytes, and a cut at twelve would end inside of a character.
            format!("0123456789a\u{e9}{}", &digits[13..]),
            format!("{}\n", &digits[1..]),
        ] {
            assert_eq!(wrong.parse::<HexDigest>(), Err(NotHex), "{wrong:?}");
            let toml = toml::Value::String(wrong);
            assert!(toml.try_into::<HexDigest>().is_err());
        }
    }
}
