//! Writes what was agreed on: configuration, passwords, and drop-ins of the unit.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::answers::{Answers, Grant, Source};
use super::compose::SHIPPED;
use super::place::Place;
use crate::exit;
use crate::files::{self, Owner};
use crate::setup::Failure;

/// What the drop-ins that are made here begin with.
const MARK: &str = "# Made by `goldcrest setup`.\n";
/// The drop-in for a Raspberry Pi's own camera, as it ships.
const RPICAM: &str = include_str!("../../../systemd/rpicam.conf");
/// The group that may read a configuration that holds a password: the service is one of it.
const GROUP: &str = "video";

/// Whether a configuration stands at the place that somebody changed.
///
/// # Errors
/// What stands there cannot be read.
pub(super) fn is_taken(place: &Place) -> Result<bool, Failure> {
    match fs::read(&place.config) {
        Ok(text) => Ok(text != SHIPPED.as_bytes()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(refused(&place.config, &why)),
    }
}

/// Checks that this user may write there.
///
/// # Errors
/// They may not, and what to do.
pub(super) fn check_may_write(place: &Place) -> Result<(), Failure> {
    let probed = files::probe_folder(place.folder());
    probed
        .map(drop)
        .map_err(|why| refused(place.folder(), &why))
}

/// Writes everything, the configuration last. Each file is whole or as it was before. Returns what
/// to tell of it, in lines.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(text: &str, answers: &Answers, place: &Place) -> Result<Vec<String>, Failure> {
    let mut said = Vec::new();
    let put = |path: &Path, bytes: &[u8], mode, owner| {
        let put = make_folder(path).and_then(|()| files::replace_exactly(path, bytes, mode, owner));
        put.map_err(|why| refused(path, &why))
    };
    let passwords = [
        ("mqtt", answers.broker.password.as_ref()),
        ("camera", answers.source.password()),
    ];
    let mut credentials = String::new();
    for (of, password) in passwords {
        let Some(password) = password else { continue };
        let path = place.password(of);
        put(&path, password.reveal().as_bytes(), 0o600, Owner::default())?;
        credentials += &format!("LoadCredential={of}-password:{}\n", path.display());
        said.push(format!(
            "wrote {}, which only its owner can read",
            path.display()
        ));
    }
    if let Some(unit) = place.unit.as_deref().filter(|_| place.enables) {
        for (name, content) in drop_ins(answers, &credentials) {
            let path = place.drop_in(unit, name);
            match content {
                Some(content) => {
                    put(&path, content.as_bytes(), 0o644, Owner::default())?;
                    said.push(format!("wrote {}", path.display()));
                }
                None if is_ours(&path) => {
                    fs::remove_file(&path).map_err(|why| refused(&path, &why))?;
                    said.push(format!("removed {}", path.display()));
                }
                None => {}
            }
        }
    }
    if let Ok(old) = fs::read(&place.config)
        && old != SHIPPED.as_bytes()
    {
        // It may hold a password, whatever its mode was.
        put(&place.backup(), &old, 0o600, Owner::default())?;
        said.push(format!("kept the old one as {}", place.backup().display()));
    }
    let (mode, owner) = access(answers, place);
    put(&place.config, text.as_bytes(), mode, owner)?;
    said.push(format!("wrote {}", place.config.display()));
    if answers.source.shows_password() && mode == 0o644 {
        said.push(format!(
            "warning: every user of this machine can read the camera's password in {}",
            place.config.display()
        ));
    }
    Ok(said)
}

/// The drop-ins by name, each with its content; none for one that is not needed.
fn drop_ins(answers: &Answers, credentials: &str) -> [(&'static str, Option<String>); 3] {
    let grant = match &answers.source {
        Source::Program { grant, .. } => Some(*grant),
        _ => None,
    };
    let ours = |lines: &str| Some(format!("{MARK}[Service]\n{lines}"));
    let memory = ours("MemoryHigh=infinity\nMemoryMax=192M\nOOMPolicy=continue\n");
    [
        (
            "password.conf",
            (!credentials.is_empty())
                .then(|| ours(credentials))
                .flatten(),
        ),
        (
            "program.conf",
            memory.filter(|_| grant == Some(Grant::Memory)),
        ),
        (
            "rpicam.conf",
            (grant == Some(Grant::Pi)).then(|| RPICAM.to_string()),
        ),
    ]
}

/// Whether the drop-in at `path` was made here, and nobody changed that.
fn is_ours(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK) || text == RPICAM)
}

/// Mode and owner of the configuration. All may read it, unless it holds a password.
fn access(answers: &Answers, place: &Place) -> (u32, Owner) {
    let usual = Owner::default();
    if !answers.source.shows_password() {
        return (0o644, usual);
    }
    if place.unit.is_none() {
        return (0o600, usual);
    }
    match group() {
        group @ Some(_) if geteuid().is_root() => (0o640, Owner { user: None, group }),
        _ => (0o644, usual),
    }
}

/// The number of the group.
fn group() -> Option<u32> {
    let all = fs::read_to_string("/etc/group").ok()?;
    all.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == GROUP).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// Makes the folder of the file at `path` for all to read, if it is not there.
fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.exists()) else {
        return Ok(());
    };
    let made: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|folder| !folder.exists())
        .map(PathBuf::from)
        .collect();
    fs::create_dir_all(folder)?;
    // Whatever the mask of whoever runs this is, the service has to reach the files.
    made.iter()
        .try_for_each(|folder| fs::set_permissions(folder, Permissions::from_mode(0o755)))
}

fn refused(path: &Path, why: &io::Error) -> Failure {
    let (code, remedy) = match why.kind() {
        io::ErrorKind::PermissionDenied => (
            exit::PERMISSION,
            "; run it with sudo, or name another file with --out",
        ),
        io::ErrorKind::NotFound => (
            exit::IO,
            "; make the folder, or name another file with --out",
        ),
        _ => (exit::IO, ""),
    };
    Failure::new(code, format!("{}: {why}{remedy}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::first_run::answers::Broker;
    use crate::secrets::Secret;

    fn answers(source: Source) -> Answers {
        Answers {
            source,
            broker: Broker::default(),
            id: "porch".into(),
            home_assistant: false,
            model: None,
        }
    }

    fn place(folder: &Path) -> Place {
        Place {
            config: folder.join("etc/goldcrest/config.toml"),
            ..Place::default()
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_untouched_configuration_may_be_replaced() {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        assert!(!is_taken(&place).unwrap());
        write(SHIPPED, &answers(Source::Drawn), &place).unwrap();
        assert!(!is_taken(&place).unwrap());
        write("id = \"a\"\n", &answers(Source::Drawn), &place).unwrap();
        assert!(is_taken(&place).unwrap());
        assert!(!place.backup().exists());
    }

    #[test]
    fn the_old_configuration_is_kept_for_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        write("id = \"a\"\n", &answers(Source::Drawn), &place).unwrap();
        write("id = \"b\"\n", &answers(Source::Drawn), &place).unwrap();
        assert_eq!(fs::read_to_string(place.backup()).unwrap(), "id = \"a\"\n");
        assert_eq!((mode(&place.backup()), mode(&place.config)), (0o600, 0o644));
        assert_eq!(mode(place.folder()), 0o755);
    }

    #[test]
    fn a_configuration_with_a_password_is_not_for_all() {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        let source = Source::stream("rtsp://me:cuckoo@cam/sub").unwrap();
        write("id = \"a\"\n", &answers(source), &place).unwrap();
        assert_eq!(mode(&place.config), 0o600);
        let mut given = answers(Source::Drawn);
        given.broker.password = Some(Secret::from("word"));
        write("id = \"a\"\n", &given, &place).unwrap();
        let file = place.password("mqtt");
        assert_eq!((mode(&file), mode(&place.config)), (0o600, 0o644));
        assert_eq!(fs::read_to_string(file).unwrap(), "word");
    }

    #[test]
    fn drop_ins_follow_the_source_and_the_passwords() {
        let named = |source, credentials| {
            let all = drop_ins(&answers(source), credentials);
            let there = all.into_iter().filter(|(_, content)| content.is_some());
            there.map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert!(named(Source::Drawn, "").is_empty());
        assert_eq!(named(Source::pi("rpicam-vid"), ""), ["rpicam.conf"]);
        let rtsp = Source::stream("rtsp://cam/sub").unwrap();
        assert_eq!(named(rtsp, "x\n"), ["password.conf", "program.conf"]);
    }
}
