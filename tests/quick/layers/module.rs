//! What a source file refers to: its modules, the names that it binds, and every path in it that
//! may leave it. Test code is left out.

use std::collections::BTreeSet;

use super::lexer::{Kind, Token, tokens};

/// The names from the root of the crate down to a module or an item.
pub type Path = Vec<String>;

/// A `use` of one name.
#[derive(Clone, Debug)]
pub struct Import {
    /// As it is written: it may begin with `crate`, `self` or `super`.
    pub path: Path,
    /// The name that it has here; `*` for all names of a module.
    pub name: String,
    pub line: usize,
    /// `pub`, or `pub` within some module.
    pub public: bool,
}

/// A path of two names or more, outside of `use`.
#[derive(Clone, Debug)]
pub struct Mention {
    pub path: Path,
    pub line: usize,
}

/// One module, of a file of its own or within another one.
#[derive(Clone, Debug, Default)]
pub struct Module {
    pub path: Path,
    /// Below `src`.
    pub file: String,
    /// What it defines.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    pub mentions: Vec<Mention>,
    /// Every word outside of `use`.
    pub words: BTreeSet<String>,
}

/// The modules of one file, and those that it declares for tests only.
#[derive(Debug, Default)]
pub struct Parsed {
    pub modules: Vec<Module>,
    pub test_modules: Vec<Path>,
}

/// The module of `file`, a path below `src`.
pub fn path_of(file: &str) -> Path {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if stem == "lib" {
        return Vec::new();
    }
    stem.split('/').map(String::from).collect()
}

/// Reads one file.
pub fn parse(file: &str, text: &str) -> Parsed {
    let tokens = tokens(text);
    let mut parsed = Parsed::default();
    Reader {
        file,
        tokens: &tokens,
        parsed: &mut parsed,
    }
    .module(path_of(file), 0, tokens.len());
    parsed
}

const DEFINES: [&str; 8] = [
    "fn", "struct", "enum", "union", "trait", "type", "const", "static",
];
/// Words that begin an item or a statement, whose commas do not end it.
const BEGINS: [&str; 10] = [
    "pub",
    "impl",
    "unsafe",
    "async",
    "extern",
    "mod",
    "use",
    "let",
    "for",
    "macro_rules",
];

struct Reader<'a> {
    file: &'a str,
    tokens: &'a [Token],
    parsed: &'a mut Parsed,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).and_then(Token::word)
    }

    fn is(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at).is_some_and(|t| t.is(mark))
    }

    /// Reads the tokens `at..end` as the inside of the module `path`.
    fn module(&mut self, path: Path, mut at: usize, end: usize) {
        let mut module = Module {
            path,
            file: self.file.to_string(),
            ..Module::default()
        };
        let (mut public, mut depth) = (false, 0usize);
        while at < end {
            let from = at;
            if self.is(at, '#') && (self.is(at + 1, '[') || self.is(at + 1, '!')) {
                at = self.attribute(&module, at);
                continue;
            }
            let Some(word) = self.word(at).map(String::from) else {
                depth += usize::from(self.is(at, '{'));
                depth -= usize::from(self.is(at, '}'));
                at += 1;
                continue;
            };
            match word.as_str() {
                "pub" => {
                    public = true;
                    at += 1;
                    if self.is(at, '(') {
                        at = self.closed(at);
                    }
                    continue;
                }
                "use" if !self.is(at + 1, '<') => at = self.import(&mut module, at + 1, public),
                "mod" if self.is(at + 2, '{') => {
                    let inner = self.closed(at + 2);
                    let mut path = module.path.clone();
                    path.extend(self.word(at + 1).map(String::from));
                    self.module(path, at + 3, inner - 1);
                    at = inner;
                }
                // Methods and what stands in a function have no path of their own.
                defines if DEFINES.contains(&defines) && depth == 0 => {
                    module.items.extend(self.word(at + 1).map(String::from));
                    at += 1;
                }
                "macro_rules" => {
                    module.items.extend(self.word(at + 2).map(String::from));
                    at += 2;
                }
                _ => at = self.mention(&mut module, at),
            }
            public = false;
            assert!(at > from, "{}: a token is read twice", self.file);
        }
        self.parsed.modules.push(module);
    }

    /// Passes over an attribute and, if it is for tests only, over what it stands before.
    fn attribute(&mut self, module: &Module, at: usize) -> usize {
        let inner = self.is(at + 1, '!');
        let open = at + 1 + usize::from(inner);
        let end = self.closed(open);
        let words: Vec<&str> = (open..end).filter_map(|i| self.word(i)).collect();
        let of_tests = words.first() == Some(&"cfg")
            && words.contains(&"test")
            && !words.contains(&"not")
            && !words.contains(&"any");
        if !of_tests || inner {
            return end;
        }
        let mut at = end;
        while self.is(at, '#') {
            at = self.closed(at + 1);
        }
        if let (Some("mod"), Some(name)) = (self.word(at), self.word(at + 1)) {
            let mut path = module.path.clone();
            path.push(name.to_string());
            self.parsed.test_modules.push(path);
        }
        self.item_end(at)
    }

    /// Behind the item, statement, field or arm that begins `at`.
    fn item_end(&self, mut at: usize) -> usize {
        let begins = |word: &str| DEFINES.contains(&word) || BEGINS.contains(&word);
        let item = self.word(at).is_some_and(begins);
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                Kind::Mark('{') => return self.closed(at),
                Kind::Mark('(' | '[') => at = self.closed(at),
                Kind::Mark(';') => return at + 1,
                Kind::Mark(',') if !item => return at + 1,
                Kind::Mark('}' | ')' | ']') => return at,
                _ => at += 1,
            }
        }
        at
    }

    /// Behind the bracket that closes the one `at`.
    fn closed(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        while let Some(token) = self.tokens.get(at) {
            at += 1;
            match token.kind {
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark(')' | ']' | '}') => {
                    depth -= 1;
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        at
    }

    /// Reads a `use` and returns where it ends.
    fn import(&mut self, module: &mut Module, at: usize, public: bool) -> usize {
        let mut found = Vec::new();
        let end = self.tree(Vec::new(), at, &mut found);
        module
            .imports
            .extend(found.into_iter().map(|(path, name, line)| Import {
                path,
                name,
                line,
                public,
            }));
        end + 1
    }

    /// Reads the tree of a `use` below `prefix`; stops at `,`, `}` or `;`.
    fn tree(&self, mut path: Path, mut at: usize, found: &mut Vec<(Path, String, usize)>) -> usize {
        let line = self.tokens.get(at).map_or(0, |t| t.line);
        while let Some(token) = self.tokens.get(at) {
            match &token.kind {
                Kind::Word(word) if word == "as" => {
                    let name = self.word(at + 1).unwrap_or("_").to_string();
                    found.push((path, name, line));
                    return at + 2;
                }
                Kind::Word(word) => {
                    path.push(word.clone());
                    at += 1;
                }
                Kind::Separator => at += 1,
                Kind::Mark('*') => {
                    found.push((path, "*".into(), line));
                    return at + 1;
                }
                Kind::Mark('{') => {
                    let end = self.closed(at);
                    at += 1;
                    while at + 1 < end {
                        at = self.tree(path.clone(), at, found);
                        at += usize::from(self.is(at, ','));
                    }
                    return end;
                }
                Kind::Mark(_) => break,
            }
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(name) = path.last().cloned() {
            found.push((path, name, line));
        }
        at
    }

    /// Reads a path that begins `at`, or a single word, and returns where it ends.
    fn mention(&mut self, module: &mut Module, at: usize) -> usize {
        let line = self.tokens[at].line;
        let before = at.checked_sub(1).map(|before| &self.tokens[before].kind);
        let inside = matches!(before, Some(Kind::Separator | Kind::Mark('.')));
        let mut path = vec![self.word(at).unwrap_or_default().to_string()];
        let mut end = at + 1;
        while let (Some(Kind::Separator), Some(word)) =
            (self.tokens.get(end).map(|t| &t.kind), self.word(end + 1))
        {
            path.push(word.to_string());
            end += 2;
        }
        module.words.insert(path[0].clone());
        if !inside && path.len() > 1 {
            module.mentions.push(Mention { path, line });
        }
        end
    }
}
