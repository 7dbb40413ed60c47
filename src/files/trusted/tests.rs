use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A folder for its user alone, with a file `a`.
fn scene() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, "text").unwrap();
    mode(&file, 0o644);
    (folder, file)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Somebody with a group of their own who is neither root nor the one who runs this test.
const STRANGER: Reader = Reader {
    user: 54321,
    group: 54321,
};

/// Makes `path` a stranger's, if this process may do that.
fn give_away(path: &Path) -> bool {
    chown(path, Some(STRANGER.user), Some(STRANGER.group)).is_ok()
}

fn refused(path: &Path, reader: Reader) -> String {
    let error = open(path, reader).expect_err("it is refused");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    assert!(error.get_ref().is_some_and(|inner| inner.is::<Distrust>()));
    error.to_string()
}

#[test]
fn a_file_that_others_can_write_is_refused_with_the_remedy() {
    let (_folder, file) = scene();
    let me = Reader::present();
    assert!(open(&file, me).is_ok());
    for (bits, who) in [
        (0o666, "every user; run `chmod go-w "),
        (0o646, "every user; run"),
    ] {
        mode(&file, bits);
        let line = refused(&file, me);
        assert!(
            line.starts_with("not trusted, because it can be written by "),
            "{line}"
        );
        assert!(line.contains(who) && line.contains("/a`"), "{line}");
    }
    mode(&file, 0o664);
    let root = Reader { user: 0, ..me };
    let other_group = Reader {
        group: me.group + 1,
        ..me
    };
    for reader in [other_group, root] {
        // A user who is not root cannot have a file of root's.
        if reader.owns(me.user) {
            let line = refused(&file, reader);
            assert!(
                line.contains("can be written by group ") && line.contains("g-w"),
                "{line}"
            );
        }
    }
}

#[test]
fn the_own_group_of_a_user_may_write_and_that_of_root_not() {
    let (folder, file) = scene();
    let stat = fstat(fs::File::open(&file).unwrap()).unwrap();
    let mut writable = stat;
    writable.st_mode = 0o100_664;
    let of = |user| Reader {
        user,
        group: stat.st_gid,
    };
    assert_eq!(of(1000).writers(&writable), None);
    assert_eq!(of(0).writers(&writable), Some(Writers::Group(stat.st_gid)));
    // As umask 002 makes them.
    mode(&file, 0o664);
    mode(folder.path(), 0o775);
    let me = Reader::present();
    assert_eq!(open(&file, me).is_ok(), me.user != 0);
}

#[test]
fn a_file_of_another_user_is_refused_for_root_too() {
    let (_folder, file) = scene();
    let me = Reader::present();
    let line = if give_away(&file) {
        refused(&file, me)
    } else {
        refused(&file, STRANGER)
    };
    assert!(line.contains("belongs to user "), "{line}");
    assert!(line.contains("neither to root nor to user "), "{line}");
}

#[test]
fn a_folder_on_the_way_that_others_can_write_is_refused() {
    let (folder, file) = scene();
    let me = Reader::present();
    let inner = folder.path().join("b");
    fs::create_dir(&inner).unwrap();
    for bits in [0o777, 0o757] {
        mode(folder.path(), bits);
        for path in [file.clone(), inner.join("../a")] {
            let line = refused(&path, me);
            assert!(
                line.contains("which is on the way to it, can be written"),
                "{line}"
            );
        }
        let checked = check_folder(folder.path(), me).unwrap_err().to_string();
        assert!(checked.contains("chmod go-w"), "{checked}");
        assert!(check_folder(&inner, me).is_err());
    }
    // As /tmp is: what stands there is safe, but anybody may add to it.
    mode(folder.path(), 0o1777);
    assert!(open(&file, me).is_ok() && check_folder(&inner, me).is_ok());
    assert!(check_folder(folder.path(), me).is_err());
    if give_away(&file) {
        refused(&file, me);
        assert!(give_away(&inner));
        let line = check_folder(&inner, me).unwrap_err().to_string();
        assert!(line.contains("move the file to another folder"), "{line}");
    }
}

#[test]
fn a_link_is_followed_only_where_nobody_else_can_have_made_it() {
    let (folder, file) = scene();
    let me = Reader::present();
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    for target in [file.as_path(), Path::new("../a")] {
        let link = shared.join("link");
        symlink(target, &link).unwrap();
        mode(&shared, 0o755);
        assert!(open(&link, me).is_ok(), "{target:?}");
        mode(&shared, 0o777);
        refused(&link, me);
        mode(&shared, 0o1777);
        assert!(open(&link, me).is_ok(), "{target:?}");
        let own = (STRANGER.user, STRANGER.group);
        if std::os::unix::fs::lchown(&link, Some(own.0), Some(own.1)).is_ok() {
            let line = refused(&link, me);
            assert!(line.contains("/link, which is on the way to it"), "{line}");
        }
        fs::remove_file(&link).unwrap();
    }
    mode(&shared, 0o755);
    symlink("round", shared.join("round")).unwrap();
    let error = open(&shared.join("round"), me).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
}

#[test]
fn a_pipe_and_a_device_are_refused_without_waiting() {
    let (folder, file) = scene();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let link = folder.path().join("link");
    symlink("fifo", &link).unwrap();
    let me = Reader::present();
    for path in [
        &*fifo,
        &*link,
        Path::new("/dev/zero"),
        folder.path(),
        Path::new("/"),
    ] {
        let error = open(path, me).unwrap_err();
        assert_eq!(error.to_string(), "it is no regular file", "{path:?}");
    }
    for (path, kind) in [
        (file.join("b"), io::ErrorKind::NotADirectory),
        (folder.path().join("b"), io::ErrorKind::NotFound),
        (folder.path().join("b/c"), io::ErrorKind::NotFound),
    ] {
        assert_eq!(open(&path, me).unwrap_err().kind(), kind, "{path:?}");
    }
}
