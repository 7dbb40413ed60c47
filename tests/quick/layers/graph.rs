//! Arrows between rooms and between files, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::module::{Import, Module, Path, parse};

/// From a file of one room to another room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    /// Below `src`.
    pub file: String,
    pub line: usize,
}

/// Where a path leads.
struct Target {
    module: Path,
    /// It names something in the module and not the module itself.
    item: bool,
}

/// All modules of a crate that are no tests.
pub struct Crate {
    modules: BTreeMap<Path, Module>,
}

impl Crate {
    /// Reads the files of `src`, each with its path below it.
    pub fn read(files: &[(String, String)]) -> Self {
        let mut modules = Vec::new();
        let mut tests = BTreeSet::new();
        for (file, text) in files.iter().filter(|(file, _)| file != "main.rs") {
            let parsed = parse(file, text);
            modules.extend(parsed.modules);
            tests.extend(parsed.test_modules);
        }
        let of_tests =
            |path: &Path| (1..=path.len()).any(|n| tests.contains(&path[..n])) || named_tests(path);
        modules.retain(|m| !of_tests(&m.path));
        // The root is there even if no file is read for it.
        modules.insert(0, Module::default());
        Self {
            modules: modules.into_iter().map(|m| (m.path.clone(), m)).collect(),
        }
    }

    /// Every room: the modules at the top.
    pub fn rooms(&self) -> BTreeSet<String> {
        let tops = self.modules.keys().filter_map(|path| path.first());
        tops.cloned().collect()
    }

    /// Every use of one room by another, in the order of files and lines.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeSet::new();
        for module in self.modules.values() {
            let Some(from) = module.path.first() else {
                continue;
            };
            for (path, line) in module.paths() {
                let Some(to) = self.room_of(module, path) else {
                    continue;
                };
                if to != *from {
                    arrows.insert(Arrow {
                        from: from.clone(),
                        to,
                        file: module.file.clone(),
                        line,
                    });
                }
            }
        }
        arrows.into_iter().collect()
    }

    /// The room that a path names as it is written; none for names from outside the crate. `*` is
    /// the whole crate.
    fn room_of(&self, module: &Module, path: &[String]) -> Option<String> {
        let (place, rest) = rooted(&module.path, path)?;
        match place.iter().chain(rest).next() {
            Some(top) if self.modules.contains_key(std::slice::from_ref(top)) => Some(top.clone()),
            Some(_) => None,
            None => Some("*".into()),
        }
    }

    /// For each file the files that it uses, and the line of the first use. A `pub use` is no use
    /// unless the file itself speaks of the name. A `mod.rs` is the front of its folder: it may use
    /// the files in it, as they may use what it defines, and only the latter is counted.
    fn uses(&self) -> BTreeMap<&str, BTreeMap<&str, usize>> {
        let mut uses: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for module in self.modules.values() {
            let passed_on = |i: &&Import| !i.public || module.words.contains(&i.name);
            let imports = module.imports.iter().filter(passed_on);
            let imports = imports.map(|i| (&i.path, i.line, i.name == "*"));
            let mentions = module.mentions.iter().map(|m| (&m.path, m.line, false));
            for (path, line, all) in imports.chain(mentions) {
                let Some(target) = self.resolve(&module.path, path, 0) else {
                    continue;
                };
                let file = self.modules[&target.module].file.as_str();
                let own = below_front(&module.file, file);
                if (target.item || all) && file != module.file && !own {
                    let lines = uses.entry(&module.file).or_default();
                    let first = lines.entry(file).or_insert(line);
                    *first = line.min(*first);
                }
            }
        }
        uses
    }

    /// Follows `path`, as it is written in the module `from`, through modules and `use` to the
    /// module that defines the item.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Target> {
        if depth > 32 {
            return None;
        }
        let (mut place, mut rest) = match rooted(from, path) {
            Some((place, rest)) => (place, rest),
            // A bare name: of a module below, or bound here.
            None => {
                let here = self.modules.get(from)?;
                let known = here.imports.iter().any(|i| i.name == path[0])
                    || self.modules.contains_key(&below(from, &path[0]));
                if !known {
                    return None;
                }
                (from.to_vec(), path)
            }
        };
        while let Some((name, after)) = rest.split_first() {
            let here = self.modules.get(&place)?;
            let child = below(&place, name);
            if !after.is_empty() && self.modules.contains_key(&child) {
                (place, rest) = (child, after);
                continue;
            }
            if after.is_empty() && here.items.contains(name) {
                break;
            }
            // `use self::name` and `use name` of another crate bind a name to itself.
            let binding = here.imports.iter().find(|i| i.name == *name);
            if let Some(import) = binding.filter(|i| !(depth > 0 && i.path == path)) {
                let further = [&import.path, after].concat();
                return self.resolve(&place, &further, depth + 1);
            }
            if self.modules.contains_key(&child) {
                (place, rest) = (child, after);
                continue;
            }
            let mut globs = here.imports.iter().filter(|i| i.name == "*");
            return globs
                .find_map(|glob| self.through(&place, glob, name, depth))
                .or(Some(Target {
                    module: place.clone(),
                    item: true,
                }));
        }
        let item = !rest.is_empty();
        self.modules.contains_key(&place).then_some(Target {
            module: place,
            item,
        })
    }

    /// Where `name` is defined if the `use` of all names of a module brings it in.
    fn through(
        &self,
        place: &[String],
        glob: &Import,
        name: &String,
        depth: usize,
    ) -> Option<Target> {
        let target = self.resolve(place, &glob.path, depth + 1)?;
        let there = self.modules.get(&target.module)?;
        let has = there.items.contains(name) || there.imports.iter().any(|i| i.name == *name);
        has.then(|| self.resolve(&target.module, &["self".into(), name.clone()], depth + 1))?
    }

    /// A shortest circle of each set of files that use one another, as lines of `file:line`.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let uses = self.uses();
        let mut circles: Vec<Vec<String>> = Vec::new();
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for &file in uses.keys() {
            if told.contains(file) {
                continue;
            }
            if let Some(circle) = circle_of(&uses, file) {
                told.extend(&circle);
                let next = circle.iter().skip(1).chain([&file]);
                let steps = circle.iter().zip(next);
                let mut lines: Vec<String> = steps
                    .map(|(from, to)| format!("src/{from}:{}", uses[from][to]))
                    .collect();
                lines.push(format!("src/{file}"));
                circles.push(lines);
            }
        }
        circles
    }
}

impl Module {
    fn paths(&self) -> impl Iterator<Item = (&Path, usize)> {
        let imports = self.imports.iter().map(|i| (&i.path, i.line));
        imports.chain(self.mentions.iter().map(|m| (&m.path, m.line)))
    }
}

/// The shortest way from `file` back to itself.
fn circle_of<'a>(
    uses: &BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
    file: &'a str,
) -> Option<Vec<&'a str>> {
    let mut came: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([file]);
    while let Some(at) = queue.pop_front() {
        for &to in uses.get(at).into_iter().flat_map(BTreeMap::keys) {
            if to == file {
                let mut way = vec![at];
                while let Some(&before) = came.get(way[way.len() - 1]) {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if !came.contains_key(to) {
                came.insert(to, at);
                queue.push_back(to);
            }
        }
    }
    None
}

/// Whether `file` lies in the folder whose `mod.rs` is `front`.
fn below_front(front: &str, file: &str) -> bool {
    let folder = front.strip_suffix("mod.rs");
    folder.is_some_and(|folder| file.starts_with(folder))
}

fn named_tests(path: &[String]) -> bool {
    path.iter().any(|name| name == "tests")
}

fn below(place: &[String], name: &str) -> Path {
    [place, &[name.to_string()]].concat()
}

/// The place at which a path with `crate`, `self` or `super` at its beginning starts, and the rest
/// of it; none for another one.
fn rooted<'a>(from: &[String], path: &'a [String]) -> Option<(Path, &'a [String])> {
    let (first, mut rest) = path.split_first()?;
    let mut place = match first.as_str() {
        "crate" => Vec::new(),
        "self" => from.to_vec(),
        "super" => from.split_last()?.1.to_vec(),
        _ => return None,
    };
    while let Some(("super", after)) = rest.split_first().map(|(f, a)| (f.as_str(), a)) {
        place.pop();
        rest = after;
    }
    Some((place, rest))
}
