//! Arrows between rooms, and circles of files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::slice;

use super::source::{Module, Path, Reader};

/// Pairs of rooms, of which the first uses the second in these places. `*` is the whole crate.
pub type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// For each file the files that it uses, and the line of the first use.
type Edges<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

/// All modules of a crate, except tests.
pub struct Crate(BTreeMap<Path, Module>);

impl Crate {
    /// Reads the files of the library, each a path below `src` and a text.
    pub fn read(files: impl Iterator<Item = (String, String)>) -> Self {
        let mut reader = Reader::default();
        for (file, text) in files.filter(|(file, _)| file != "main.rs") {
            reader.read(&file, &text);
        }
        let is_for_tests = |path: &Path| {
            path.iter().any(|name| name == "tests")
                || (1..=path.len()).any(|n| reader.test_modules.contains(&path[..n]))
        };
        // The root is there even if no file is read for it.
        let modules = [Module::default()].into_iter().chain(reader.modules);
        let modules = modules.filter(|module| !is_for_tests(&module.path));
        Self(modules.map(|m| (m.path.clone(), m)).collect())
    }

    /// Every room: the modules at the top.
    pub fn rooms(&self) -> BTreeSet<String> {
        let rooms = self.0.keys().filter_map(|path| path.first());
        rooms.cloned().collect()
    }

    /// Every use of one room by another.
    pub fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for module in self.0.values() {
            let Some(from) = module.path.first() else {
                continue;
            };
            for used in &module.uses {
                let path = self.absolute(module, &used.path);
                let to = match path.as_deref() {
                    Some([to, ..]) if self.0.contains_key(slice::from_ref(to)) => to,
                    Some([]) if used.binds.is_some() => "*",
                    _ => continue,
                };
                if from != to {
                    let places = arrows.entry((from.clone(), to.to_string())).or_default();
                    places.insert(format!("src/{}:{}", module.file, used.line));
                }
            }
        }
        arrows
    }

    /// A `mod.rs` is the front of its folder: it may use the files in it, as they may use what it
    /// defines, and only the latter counts. A re-export counts if the file mentions the name.
    fn edges(&self) -> Edges<'_> {
        let mut edges = Edges::new();
        for module in self.0.values() {
            let folder = module.file.strip_suffix("mod.rs").unwrap_or(&module.file);
            for used in module.uses.iter().filter(|used| !used.public) {
                let path = self.absolute(module, &used.path);
                let Some((target, is_item)) = path.and_then(|path| self.definition(path)) else {
                    continue;
                };
                let is_use = is_item || used.binds.as_deref() == Some("*");
                if is_use && !target.file.starts_with(folder) {
                    let lines = edges.entry(&module.file).or_default();
                    let first = lines.entry(&target.file).or_insert(used.line);
                    *first = used.line.min(*first);
                }
            }
        }
        edges
    }

    /// A path of a module, as names from the root of the crate; none if it leads to another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Path> {
        let here = &module.path[..];
        let first = path.first()?;
        let is_start = |name: &&String| ["crate", "self", "super"].contains(&name.as_str());
        let rest = path.iter().skip_while(is_start);
        let start = match first.as_str() {
            "crate" => &[],
            "self" | "super" => {
                let up = path.iter().filter(|name| *name == "super").count();
                &here[..here.len().checked_sub(up)?]
            }
            name if module.has(name) || self.0.contains_key(&[here, &path[..1]].concat()) => here,
            _ => return None,
        };
        Some(start.iter().chain(rest).cloned().collect())
    }

    /// Follows a path from the root through re-exports to the module that defines what it names.
    /// The flag is false if that is the module itself, and not an item of it.
    fn definition(&self, mut path: Path) -> Option<(&Module, bool)> {
        // The limit ends a circle: `use log;` binds a name that leads to itself.
        for _ in 0..32 {
            let mut depths = (0..path.len()).rev();
            let Some(depth) = depths.find(|n| self.0.contains_key(&path[..*n])) else {
                break;
            };
            let (module, name) = (&self.0[&path[..depth]], &path[depth]);
            let rest = &path[depth + 1..];
            let defines = module.items.contains(name);
            // A function may have the name of a module, but nothing stands below it.
            let bound = module.bound(name);
            path = if let Some(bound) = bound.filter(|_| !defines || !rest.is_empty()) {
                [&self.absolute(module, bound)?, rest].concat()
            } else if !defines && self.0.contains_key(&path) {
                break;
            } else {
                let globs = module.globs();
                let mut globs = globs.filter_map(|glob| self.absolute(module, glob));
                let has_name = |glob: &Path| self.0.get(glob).is_some_and(|m| m.has(name));
                match globs.find(has_name).filter(|_| !defines) {
                    Some(glob) => [&glob, &path[depth..]].concat(),
                    None => return Some((module, true)),
                }
            };
        }
        self.0.get(&path).map(|module| (module, false))
    }

    /// A shortest circle of each set of files that use one another.
    pub fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut circles = Vec::new();
        let mut reported = BTreeSet::new();
        for &file in edges.keys() {
            if reported.contains(file) {
                continue;
            }
            if let Some(circle) = circle_of(&edges, file) {
                let steps = circle.windows(2);
                let steps = steps.map(|s| format!("src/{}:{} -> ", s[0], edges[s[0]][s[1]]));
                circles.push(steps.chain([format!("src/{file}")]).collect());
                reported.extend(circle);
            }
        }
        circles
    }
}

/// The shortest way from `file` back to itself.
fn circle_of<'a>(edges: &Edges<'a>, file: &'a str) -> Option<Vec<&'a str>> {
    let mut ways = VecDeque::from([vec![file]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let used = edges.get(way[way.len() - 1]);
        for &to in used.into_iter().flat_map(BTreeMap::keys) {
            let further = [&way[..], &[to]].concat();
            if to == file {
                return Some(further);
            }
            if seen.insert(to) {
                ways.push_back(further);
            }
        }
    }
    None
}
