//! Finds a program before it is started, so that what is wrong can be told.

use std::env;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::config::Argv;
use crate::source::{Cause, Loss};

/// The file that `argv` names, looked for as a shell does.
///
/// # Errors
/// It is not there, or may not be run.
pub(super) fn find(argv: &Argv) -> Result<PathBuf, Loss> {
    find_in(argv, &env::var_os("PATH").unwrap_or_default())
}

fn find_in(argv: &Argv, path: &std::ffi::OsStr) -> Result<PathBuf, Loss> {
    let program = argv.program();
    let mut denied = None;
    let places: Vec<PathBuf> = if program.contains('/') {
        vec![program.into()]
    } else {
        let folders = env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
        folders.map(|folder| folder.join(program)).collect()
    };
    for place in places {
        if runs(&place) {
            return Ok(place);
        }
        if place.exists() {
            denied.get_or_insert(place);
        }
    }
    Err(match denied {
        Some(place) => Loss::new(
            Cause::Denied,
            format!(
                "{} may not be run by this user: it must be a file that is executable (chmod +x)",
                place.display()
            ),
        ),
        None => Loss::new(
            Cause::NotFound,
            format!(
                "the program {program} is not there: install it, or name another in process.argv"
            ),
        ),
    })
}

fn runs(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_looked_for_in_each_folder_of_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let (eye, text) = (place("eye", 0o755), place("text", 0o644));
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        let find = |name: &str| find_in(&Argv::from(&[name][..]), &path);
        assert_eq!(find("eye"), Ok(eye.clone()));
        assert_eq!(find(eye.to_str().unwrap()), Ok(eye));
        let cause = |name: &str| find(name).unwrap_err().cause;
        assert_eq!(cause("text"), Cause::Denied);
        assert_eq!(cause(text.to_str().unwrap()), Cause::Denied);
        assert_eq!(cause(folder.path().to_str().unwrap()), Cause::Denied);
        assert_eq!(cause("no-such-eye"), Cause::NotFound);
        assert_eq!(cause("/no/such/eye"), Cause::NotFound);
    }
}
