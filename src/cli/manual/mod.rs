//! `goldcrest manual`: manual pages and completions, for those who make packages.

mod config;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Arguments;
use crate::exit;
use crate::setup::Failure;

/// The commands that an administrator runs as a service; their pages are in section 8.
const SERVICES: [&str; 1] = ["run"];

/// What each page of a command ends with.
const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n.BR goldcrest (1),\n.BR goldcrest.toml (5);\n\
                        /usr/share/doc/goldcrest/README.md and the pages that it lists\n";

/// Options of `goldcrest manual`.
#[derive(clap::Args)]
pub struct Options {
    /// The folder to write into; it is made if it is not there
    folder: PathBuf,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    write(&options.folder).map_err(|cause| {
        let code = match cause.kind() {
            io::ErrorKind::PermissionDenied => exit::PERMISSION,
            _ => exit::IO,
        };
        Failure::new(code, format!("{}: {cause}", options.folder.display()))
    })
}

/// Writes `man/` and `completions/` below `folder`.
fn write(folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    for (name, page) in manual()? {
        fs::write(pages.join(name), page)?;
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Arguments::command(), "goldcrest", &completions)?;
    }
    Ok(())
}

/// The manual pages by their file names: of the program, of each command that is no secret, and of
/// the configuration.
fn manual() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = Arguments::command();
    program.build();
    let mut pages = vec![page(program.clone(), "goldcrest", "1")?];
    for command in program.get_subcommands().filter(|c| !c.is_hide_set()) {
        let section = if SERVICES.contains(&command.get_name()) {
            "8"
        } else {
            "1"
        };
        let name = format!("goldcrest-{}", command.get_name());
        pages.push(page(command.clone(), &name, section)?);
    }
    pages.push(("goldcrest.toml.5".into(), config::page().into_bytes()));
    Ok(pages)
}

/// The page of one command.
fn page(command: clap::Command, name: &str, section: &str) -> io::Result<(String, Vec<u8>)> {
    // The page of a command names it as the page is named, and shows how it is called.
    let called = command.get_bin_name().unwrap_or("goldcrest").to_string();
    let command = command
        .display_name(name.to_string())
        .bin_name(called)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true);
    let man = Man::new(command)
        .title(name.to_uppercase())
        .section(section)
        .source(format!("Goldcrest {}", env!("CARGO_PKG_VERSION")))
        .manual("Goldcrest");
    let mut text = Vec::new();
    man.render(&mut text)?;
    // The page of the program names all commands as if they were in its own section.
    let mut text = String::from_utf8_lossy(&text).into_owned();
    for service in SERVICES {
        let named = format!("goldcrest\\-{service}");
        text = text.replace(&format!("{named}(1)"), &format!("{named}(8)"));
    }
    // The name that manual pages have for it.
    text = text.replace(".SH EXTRA\n", ".SH NOTES\n");
    text.push_str(SEE_ALSO);
    Ok((format!("{name}.{section}"), text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_that_is_no_secret_has_a_page() {
        let pages = manual().unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "goldcrest.1",
            "goldcrest-run.8",
            "goldcrest-replay.1",
            "goldcrest-teach.1",
            "goldcrest.toml.5",
        ] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(
            !names
                .iter()
                .any(|name| name.contains("child") || name.contains("manual"))
        );
        let program = String::from_utf8(pages[0].1.clone()).unwrap();
        assert!(program.contains("goldcrest\\-run(8)"), "{program}");
        assert!(program.contains(".SH NOTES") && !program.contains(".SH EXTRA"));
        let replay = pages.iter().find(|(name, _)| name == "goldcrest-replay.1");
        let text = String::from_utf8(replay.unwrap().1.clone()).unwrap();
        assert!(text.contains(".TH GOLDCREST-REPLAY 1"), "{text}");
        assert!(text.contains("\\fBgoldcrest replay\\fR"), "{text}");
        assert!(text.contains("\\-\\-report"), "{text}");
    }

    #[test]
    fn pages_and_completions_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        write(&folder).unwrap();
        for file in ["goldcrest.bash", "_goldcrest", "goldcrest.fish"] {
            let text = fs::read_to_string(folder.join("completions").join(file)).unwrap();
            assert!(text.contains("replay") && text.contains("report"), "{file}");
        }
        assert!(folder.join("man/goldcrest-run.8").is_file());
    }
}
