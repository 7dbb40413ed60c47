//! The head of an answer: its status and the fields that matter.

use std::io::{self, BufRead};

use httparse::{EMPTY_HEADER, ParserConfig, Response, Status};

/// The most bytes of a head, those of interim answers before it included.
const LONGEST: usize = 16 << 10;
/// The most fields of a head.
const FIELDS: usize = 64;
/// The most characters of a type that are kept.
const TYPE: usize = 60;

/// What is read of a head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub status: u16,
    /// The type of the content, in lower case and without its parameters.
    pub kind: Option<String>,
    /// Bytes of the body, if the head tells a number.
    pub length: Option<u64>,
    /// Whether the body comes in chunks.
    pub chunked: bool,
    /// Where the answer leads.
    pub location: Option<String>,
    /// The ways to log in.
    pub challenges: Vec<String>,
}

/// Why there is no head.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it closed the connection without an answer")]
    Closed,
    #[error("the head of its answer has more than 16 KiB")]
    TooLong,
    #[error("the head of its answer has more than 64 fields")]
    TooMany,
    #[error("its answer is not HTTP")]
    NotHttp,
    #[error("its answer is encoded as {0}, for which nobody asked")]
    Encoded(String),
}

impl Head {
    /// Reads a head. Answers that only precede another one are skipped.
    ///
    /// # Errors
    /// There is none.
    pub fn read(input: &mut impl BufRead) -> Result<Self, HeadError> {
        let mut room = LONGEST;
        loop {
            let head = parse(&bytes(input, &mut room)?)?;
            if !(100..200).contains(&head.status) {
                return Ok(head);
            }
        }
    }

    /// Whether the content is a stream of parts.
    pub fn is_multipart(&self) -> bool {
        let kind = self.kind.as_deref();
        kind.is_some_and(|kind| kind.starts_with("multipart/"))
    }
}

/// The bytes of a head, up to its empty line.
fn bytes(input: &mut impl BufRead, room: &mut usize) -> Result<Vec<u8>, HeadError> {
    let mut head = Vec::new();
    // Characters of the present line.
    let mut line = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Err(HeadError::Closed);
        }
        let (mut used, mut over) = (0, false);
        for &byte in buffer.iter().take(*room) {
            used += 1;
            match byte {
                // Before the first line nothing counts.
                b'\r' | b'\n' if head.is_empty() => continue,
                b'\r' => {}
                b'\n' if line == 0 => over = true,
                b'\n' => line = 0,
                _ => line += 1,
            }
            head.push(byte);
            if over {
                break;
            }
        }
        *room -= used;
        input.consume(used);
        if over {
            return Ok(head);
        }
        let begins = |word: &[u8]| head.iter().zip(word).all(|(a, b)| a == b);
        if !begins(b"HTTP/") && !begins(b"ICY ") {
            return Err(HeadError::NotHttp);
        }
        if *room == 0 {
            return Err(HeadError::TooLong);
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Head, HeadError> {
    // An old answer of streaming servers.
    let old = bytes.strip_prefix(b"ICY ");
    let spelt = old.map(|rest| [b"HTTP/1.0 ", rest].concat());
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut answer = Response::new(&mut fields);
    let mut forgiving = ParserConfig::default();
    forgiving
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    match forgiving.parse_response(&mut answer, spelt.as_deref().unwrap_or(bytes)) {
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooMany),
        Ok(Status::Partial) | Err(_) => return Err(HeadError::NotHttp),
    }
    let mut head = Head {
        status: answer.code.unwrap_or_default(),
        ..Head::default()
    };
    for field in answer.headers.iter() {
        let value = text(field.value);
        match field.name.to_ascii_lowercase().as_str() {
            "content-type" => head.kind = kind(&value),
            // Of several that differ none is believed.
            "content-length" => {
                let length = value.parse().ok();
                let differs = head.length.is_some() && head.length != length;
                head.length = length.filter(|_| !differs);
            }
            "transfer-encoding" => {
                let last = value.rsplit(',').next().unwrap_or_default().trim();
                head.chunked = last.eq_ignore_ascii_case("chunked");
            }
            "content-encoding" if !value.is_empty() && !value.eq_ignore_ascii_case("identity") => {
                return Err(HeadError::Encoded(value.chars().take(TYPE).collect()));
            }
            "location" => head.location = Some(value),
            "www-authenticate" => head.challenges.push(value),
            _ => {}
        }
    }
    Ok(head)
}

/// A field's value as text in one line.
fn text(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let line = text.replace(char::is_control, " ");
    line.trim().into()
}

fn kind(value: &str) -> Option<String> {
    let kind = value.split(';').next().unwrap_or_default().trim();
    let kind: String = kind.chars().take(TYPE).collect();
    (!kind.is_empty()).then(|| kind.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Head, String), HeadError> {
        let mut input = text.as_bytes();
        let head = Head::read(&mut input)?;
        Ok((head, String::from_utf8_lossy(input).into_owned()))
    }

    #[test]
    fn heads_of_odd_cameras_are_read() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Type: Multipart/X-Mixed-Replace;boundary=--a\r\n\r\nrest",
            "HTTP/1.0 200 OK\ncontent-type:multipart/x-mixed-replace; boundary=a\n\nrest",
            "\r\n\r\nHTTP/1.1 200\r\nContent-Type : multipart/x-mixed-replace\r\n\r\nrest",
            "ICY 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\nrest",
            "HTTP/1.1  200  Fine\r\nno colon here\r\nContent-Type: multipart/x-mixed-replace\r\n\r\nrest",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type:\r\n multipart/x-mixed-replace\r\n\r\nrest",
        ] {
            let (head, rest) = read(text).unwrap();
            assert_eq!(head.status, 200, "{text}");
            assert!(head.is_multipart(), "{text}: {head:?}");
            assert_eq!(rest, "rest");
        }
        let (head, _) = read("HTTP/1.0 200 OK\r\n\r\n").unwrap();
        assert_eq!((head.kind, head.length, head.chunked), (None, None, false));
    }

    #[test]
    fn fields_that_matter_are_kept_in_one_line() {
        let (head, _) = read(
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"a\",\r\n nonce=\"b\"\r\n\
             www-authenticate: Basic realm=x\r\nContent-Length: 12\r\nTransfer-Encoding: gzip, Chunked\r\n\
             Location: /a\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.challenges.len(), 2);
        assert!(!head.challenges[0].contains(char::is_control));
        assert_eq!((head.length, head.chunked), (Some(12), true));
        assert_eq!(head.location.as_deref(), Some("/a"));
        for length in ["-1", "99999999999999999999", "1, 1", "x"] {
            let (head, _) = read(&format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            ))
            .unwrap();
            assert_eq!(head.length, None, "{length}");
        }
        let twice = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(read(twice).unwrap().0.length, None);
    }

    #[test]
    fn what_is_no_head_is_told_apart() {
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(LONGEST));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(FIELDS + 1));
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(LONGEST / 25 + 1);
        for (text, want) in [
            ("", "closed the connection"),
            ("HTTP/1.1 200 OK\r\nA: b\r\n", "closed the connection"),
            ("\r\n\r\n", "closed the connection"),
            ("<html>", "is not HTTP"),
            ("SSH-2.0-dropbear\r\n", "is not HTTP"),
            ("HTTP/9 x\r\n\r\n", "is not HTTP"),
            (&long, "more than 16 KiB"),
            (&interim, "more than 16 KiB"),
            (&many, "more than 64 fields"),
            (
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
                "encoded as gzip",
            ),
        ] {
            let why = read(text).unwrap_err().to_string();
            assert!(why.contains(want), "{text:.40}: {why}");
        }
    }
}
