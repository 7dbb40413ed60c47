//! Rust source as tokens: enough of the language to find modules, `use` trees and paths.

/// One token that matters here. Literals and comments are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word(String),
    /// `::`
    Separator,
    /// Any other character, brackets among them.
    Mark(char),
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

impl Token {
    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Reads `text` as tokens.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text: text.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token() {
        tokens.push(token);
    }
    tokens
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn starts(&self, words: &str) -> bool {
        words.chars().enumerate().all(|(i, c)| self.peek(i) == c)
    }

    fn step(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == '\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn ended(&self) -> bool {
        self.at >= self.text.len()
    }

    fn token(&mut self) -> Option<Token> {
        while !self.ended() {
            let (first, line) = (self.peek(0), self.line);
            if first.is_whitespace() {
                self.step(1);
            } else if self.starts("//") {
                self.until("\n");
            } else if self.starts("/*") {
                self.block_comment();
            } else if first == '"' {
                self.string();
            } else if first == '\'' {
                self.quote();
            } else if let Some(hashes) = self.raw_string() {
                self.until(&format!("\"{}", "#".repeat(hashes)));
            } else if first.is_alphabetic() || first == '_' {
                if self.starts("r#") {
                    self.step(2);
                }
                let kind = Kind::Word(self.name());
                return Some(Token { kind, line });
            } else if first.is_ascii_digit() {
                self.name();
            } else if self.starts("::") {
                self.step(2);
                let kind = Kind::Separator;
                return Some(Token { kind, line });
            } else {
                self.step(1);
                let kind = Kind::Mark(first);
                return Some(Token { kind, line });
            }
        }
        None
    }

    /// Passes over the next `end`.
    fn until(&mut self, end: &str) {
        while !self.ended() && !self.starts(end) {
            self.step(1);
        }
        self.step(end.len());
    }

    /// Comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.ended() {
            if self.starts("/*") {
                depth += 1;
                self.step(2);
            } else if self.starts("*/") {
                depth -= 1;
                self.step(2);
                if depth == 0 {
                    return;
                }
            } else {
                self.step(1);
            }
        }
    }

    fn string(&mut self) {
        self.step(1);
        while !self.ended() && self.peek(0) != '"' {
            self.step(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.step(1);
    }

    /// A character, or the mark of a lifetime.
    fn quote(&mut self) {
        if self.peek(1) == '\\' {
            self.step(3);
            self.until("'");
        } else if self.peek(2) == '\'' {
            self.step(3);
        } else {
            self.step(1);
            self.name();
        }
    }

    /// Passes over the beginning of a raw string and returns the number of its hashes.
    fn raw_string(&mut self) -> Option<usize> {
        let prefix = ["br", "cr", "r"].into_iter().find(|p| self.starts(p))?;
        let mut hashes = 0;
        while self.peek(prefix.len() + hashes) == '#' {
            hashes += 1;
        }
        if self.peek(prefix.len() + hashes) != '"' {
            return None;
        }
        self.step(prefix.len() + hashes + 1);
        Some(hashes)
    }

    fn name(&mut self) -> String {
        let from = self.at;
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            self.step(1);
        }
        self.text[from..self.at].iter().collect()
    }
}
