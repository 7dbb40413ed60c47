//! What source files refer to, as `syn` parses them. Test code is left out.

use std::collections::BTreeSet;
use std::mem;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, Token, UseTree, Visibility};

/// Names from the root of the crate down to a module or an item; in a [`Use`] the names as they are
/// written, of which the first may be `crate`, `self` or `super`.
pub type Path = Vec<String>;

/// A path that the code of a module mentions.
pub struct Use {
    pub path: Path,
    pub line: usize,
    /// The name that a `use` binds it to, `*` for all names in it; none outside of `use`.
    pub binds: Option<String>,
    /// A re-export: `use` with any kind of `pub`.
    pub public: bool,
}

/// A module in a file of its own or within another module.
#[derive(Default)]
pub struct Module {
    pub path: Path,
    /// Below `src`.
    pub file: String,
    /// What it defines, except modules.
    pub items: BTreeSet<String>,
    pub uses: Vec<Use>,
}

impl Module {
    pub fn has(&self, name: &str) -> bool {
        self.items.contains(name) || self.bound(name).is_some()
    }

    /// The path that a `use` binds to `name`.
    pub fn bound(&self, name: &str) -> Option<&Path> {
        self.bound_all(name).next()
    }

    /// The modules of which a `use` binds all names.
    pub fn globs(&self) -> impl Iterator<Item = &Path> {
        self.bound_all("*")
    }

    fn bound_all(&self, name: &str) -> impl Iterator<Item = &Path> {
        let binds = move |used: &&Use| used.binds.as_deref() == Some(name);
        self.uses.iter().filter(binds).map(|used| &used.path)
    }
}

/// Collects the modules of source files.
#[derive(Default)]
pub struct Reader {
    pub modules: Vec<Module>,
    /// Modules that are declared for tests only.
    pub test_modules: BTreeSet<Path>,
    /// The module at hand.
    module: Module,
}

impl Reader {
    /// Reads `file`, a path below `src`.
    pub fn read(&mut self, file: &str, text: &str) {
        let parsed = syn::parse_file(text)
            .unwrap_or_else(|e| panic!("src/{file}:{}: {e}", e.span().start().line));
        let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let names = stem.split('/').filter(|name| *name != "lib");
        self.module.file = file.to_string();
        self.read_module(names.map(String::from).collect(), &parsed.items);
    }

    fn read_module(&mut self, path: Path, items: &[Item]) {
        let module = Module {
            path,
            file: self.module.file.clone(),
            items: items.iter().filter_map(defined).map(name_of).collect(),
            uses: Vec::new(),
        };
        let outer = mem::replace(&mut self.module, module);
        items.iter().for_each(|item| self.visit_item(item));
        self.modules.push(mem::replace(&mut self.module, outer));
    }

    /// Adds what the tree of a `use` below `path` binds.
    fn add_tree(&mut self, mut path: Path, tree: &UseTree, public: bool) {
        let (leaf, name) = match tree {
            UseTree::Group(group) => {
                let trees = group.items.iter();
                return trees.for_each(|tree| self.add_tree(path.clone(), tree, public));
            }
            UseTree::Path(step) => {
                path.push(name_of(&step.ident));
                return self.add_tree(path, &step.tree, public);
            }
            UseTree::Glob(all) => {
                return self.add(path, all.star_token.span, Some("*".into()), public);
            }
            UseTree::Name(leaf) => (&leaf.ident, &leaf.ident),
            UseTree::Rename(leaf) => (&leaf.ident, &leaf.rename),
        };
        // `module::{self}` is the module, by its own name.
        let own = path.last().cloned().filter(|_| name == "self");
        if leaf != "self" {
            path.push(name_of(leaf));
        }
        let name = own.unwrap_or_else(|| name_of(name));
        self.add(path, leaf.span(), Some(name), public);
    }

    fn add(&mut self, path: Path, span: Span, binds: Option<String>, public: bool) {
        self.module.uses.push(Use {
            path,
            line: span.start().line,
            binds,
            public,
        });
    }
}

/// Passes over nodes behind `#[cfg(test)]`. A kind that is missing here can only raise a false
/// alarm.
macro_rules! skip_test_code {
    ($($visit:ident: $node:ident),*) => { $(
        fn $visit(&mut self, node: &'ast syn::$node) {
            if !node.attrs.iter().any(is_for_tests) {
                visit::$visit(self, node);
            }
        }
    )* };
}

impl<'ast> Visit<'ast> for Reader {
    skip_test_code!(
        visit_item_const: ItemConst, visit_item_enum: ItemEnum, visit_item_fn: ItemFn,
        visit_item_impl: ItemImpl, visit_item_macro: ItemMacro, visit_item_static: ItemStatic,
        visit_item_struct: ItemStruct, visit_item_trait: ItemTrait, visit_item_type: ItemType,
        visit_impl_item_const: ImplItemConst, visit_impl_item_fn: ImplItemFn,
        visit_field: Field, visit_variant: Variant, visit_arm: Arm, visit_local: Local,
        visit_expr_block: ExprBlock, visit_expr_call: ExprCall, visit_stmt_macro: StmtMacro
    );

    fn visit_item_mod(&mut self, node: &'ast ItemMod) {
        let path = [&self.module.path[..], &[name_of(&node.ident)]].concat();
        if node.attrs.iter().any(is_for_tests) {
            self.test_modules.insert(path);
        } else if let Some((_, items)) = &node.content {
            self.read_module(path, items);
        }
    }

    fn visit_item_use(&mut self, node: &'ast ItemUse) {
        // `use ::name` is another crate's.
        if node.leading_colon.is_none() && !node.attrs.iter().any(is_for_tests) {
            let public = !matches!(node.vis, Visibility::Inherited);
            self.add_tree(Path::new(), &node.tree, public);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| &segment.ident);
            let span = path.segments[0].ident.span();
            self.add(names.map(name_of).collect(), span, None, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        for (path, span) in paths_in(&[], tokens.clone()) {
            self.add(path, span, None, false);
        }
    }

    // `pub(in crate::room)` uses nothing, and attributes name other crates' macros.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn name_of(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The name of an item that other modules can use.
fn defined(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    fn needs_test(condition: Meta) -> bool {
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        match condition {
            Meta::List(list) if list.path.is_ident("all") => {
                let all = list.parse_args_with(parser).unwrap();
                all.into_iter().any(needs_test)
            }
            condition => condition.path().is_ident("test"),
        }
    }
    attribute.path().is_ident("cfg") && needs_test(attribute.parse_args().unwrap())
}

/// The paths among the tokens of a macro, which have no syntax tree. A group behind `path::`
/// continues the path, as in a `use`.
fn paths_in(prefix: &[String], tokens: TokenStream) -> Vec<(Path, Span)> {
    let mut found: Vec<(Path, Span)> = Vec::new();
    // Colons since the last name. More than two end the path, and so does any other token.
    let mut colons = 0;
    for token in tokens {
        let continued = found.last_mut().filter(|_| colons == 2);
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
            TokenTree::Punct(_) | TokenTree::Literal(_) => colons = 3,
            TokenTree::Group(group) => {
                let prefix = continued.map_or(Path::new(), |(path, _)| path.clone());
                found.extend(paths_in(&prefix, group.stream()));
                colons = 3;
            }
            TokenTree::Ident(name) => {
                match continued {
                    Some((path, _)) => path.push(name_of(&name)),
                    None => found.push(([prefix, &[name_of(&name)]].concat(), name.span())),
                }
                colons = 0;
            }
        }
    }
    found
}
