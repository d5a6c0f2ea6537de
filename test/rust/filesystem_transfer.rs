//! Links, and what is moved, linked, copied and removed.

use crate::filesystem::{CREATE, Folder, MODIFY, create, everywhere, fails, is_invalid, link, names, path, text_of};
use kjasync::ErrorKind;
use kjasync::filesystem::{Access, Directory, FileClock, NodeKind, Transfer, WriteMode};

// parity: FS-17
#[test]
fn removing_takes_all_that_is_inside_and_follows_no_link() {
    everywhere(|directory| {
        create(directory, "kept/f", "kept");
        create(directory, "gone/a/b/c", "gone");
        create(directory, "gone/d", "gone");
        link(&directory.open_directory(&path("gone"), None).unwrap(), "l", "../kept");
        link(directory, "l", "kept");
        let inside = directory.open_file(&path("gone/d"), Access::Read).unwrap();
        assert!(directory.try_remove(&path("gone")).unwrap());
        assert!(!directory.try_remove(&path("gone")).unwrap());
        assert!(!directory.try_remove(&path("gone/d")).unwrap());
        assert!(directory.try_remove(&path("l")).unwrap());
        assert_eq!((names(directory), text_of(directory, "kept/f").as_str()), (vec!["kept".to_owned()], "kept"));
        // Who has it open keeps it.
        assert_eq!(inside.read_all(9).unwrap(), "gone");
        fails(directory.try_remove(&path(".")), libc::EINVAL);
    });
}

// parity: FS-17
#[test]
fn links_are_followed_within_the_directory() {
    everywhere(|directory| {
        create(directory, "a/b/f", "found");
        link(directory, "to_b", "a/b");
        link(directory, "to_f", "to_b/f");
        link(&directory.open_directory(&path("a/b"), None).unwrap(), "up", "../../a/./b//f");
        link(directory, "ring", "ring");
        link(directory, "new", "a/new");
        for name in ["to_b/f", "to_f", "a/b/up", "to_b/up"] {
            assert_eq!(text_of(directory, name), "found", "{name}");
        }
        assert_eq!(names(&directory.open_directory(&path("to_b"), None).unwrap()), ["f", "up"]);
        fails(directory.open_file(&path("ring"), Access::Read), libc::ELOOP);
        fails(directory.open_file(&path("ring/x"), Access::Read), libc::ELOOP);
        // A link that leads nowhere: one may be made there, unless it has to be new.
        assert!(directory.try_open_file(&path("new"), Access::Read).unwrap().is_none());
        assert!(directory.try_open_file(&path("new"), Access::Write(CREATE)).unwrap().is_none());
        directory.open_file(&path("new"), Access::Write(CREATE | MODIFY)).unwrap().write(0, b"made").unwrap();
        assert_eq!(text_of(directory, "a/new"), "made");
        // Names are taken as they are.
        assert_eq!(directory.lstat(&path("to_f")).unwrap().unwrap().kind, NodeKind::Symlink);
        assert!(!directory.try_symlink(&path("to_f"), b"x", CREATE).unwrap());
        assert!(!directory.try_symlink(&path("none"), b"x", MODIFY).unwrap());
        assert!(directory.try_symlink(&path("to_f"), b"a/new", MODIFY).unwrap());
        assert_eq!(text_of(directory, "to_f"), "made");
        is_invalid(directory.try_symlink(&path("bad"), b"", CREATE));
        is_invalid(directory.try_symlink(&path("bad"), b"a\0", CREATE));
    });
}

// parity: FS-12
#[test]
fn no_link_leads_out() {
    everywhere(|directory| {
        create(directory, "in/f", "inside");
        let inner = directory.open_directory(&path("in"), None).unwrap();
        create(directory, "secret", "outside");
        for (name, target) in [
            ("up", ".."),
            ("file", "../secret"),
            ("far", "../../../../etc/passwd"),
            ("whole", "/etc/passwd"),
            ("root", "/"),
            ("twice", "up"),
        ] {
            link(&inner, name, target);
        }
        for name in ["up/secret", "file", "far", "whole", "root", "root/etc/passwd", "twice/secret", "up"] {
            let name = path(name);
            fails(inner.open_file(&name, Access::Read), libc::EXDEV);
            fails(inner.open_file(&name, Access::Write(CREATE | MODIFY)), libc::EXDEV);
            fails(inner.open_directory(&name, None), libc::EXDEV);
        }
        for name in ["up/secret", "root/etc", "twice/new"] {
            let name = path(name);
            fails(inner.lstat(&name), libc::EXDEV);
            fails(inner.try_remove(&name), libc::EXDEV);
            fails(inner.readlink(&name), libc::EXDEV);
            fails(inner.replace_file(&name, CREATE | MODIFY), libc::EXDEV);
            fails(inner.try_symlink(&name, b"x", CREATE | MODIFY), libc::EXDEV);
            fails(inner.try_transfer(&name, CREATE, &inner, &path("f"), Transfer::Move), libc::EXDEV);
            fails(inner.try_transfer(&path("g"), CREATE, &inner, &name, Transfer::Move), libc::EXDEV);
            fails(inner.try_transfer(&path("g"), CREATE, &inner, &name, Transfer::Copy), libc::EXDEV);
            fails(inner.open_directory(&name, Some(CREATE | WriteMode::CREATE_PARENT)), libc::EXDEV);
        }
        // From further up it does not.
        assert_eq!(text_of(directory, "in/file"), "outside");
        assert_eq!(text_of(directory, "secret"), "outside");
    });
}

// parity: FS-17
#[test]
fn a_node_is_moved_linked_or_copied() {
    everywhere(|directory| {
        let other = directory.open_directory(&path("other"), Some(CREATE)).unwrap();
        create(directory, "f", "text");
        create(directory, "d/e/f", "deep");
        link(&directory.open_directory(&path("d"), None).unwrap(), "l", "e/f");
        let transfer =
            |to: &str, mode, from: &str, how| other.try_transfer(&path(to), mode, directory, &path(from), how);
        assert!(transfer("linked", CREATE, "f", Transfer::Link).unwrap());
        let stat = |name: &str| directory.lstat(&path(name)).unwrap().unwrap();
        assert_eq!((stat("f").identity, stat("f").link_count), (stat("other/linked").identity, 2));
        assert!(transfer("copied", CREATE, "f", Transfer::Copy).unwrap());
        assert_ne!(stat("f").identity, stat("other/copied").identity);
        assert!(transfer("moved", CREATE, "f", Transfer::Move).unwrap());
        assert!(!directory.exists(&path("f")).unwrap());
        for name in ["linked", "copied", "moved"] {
            assert_eq!(text_of(&other, name), "text");
        }
        // One name onto another of the same file.
        assert!(other.try_transfer(&path("moved"), CREATE | MODIFY, &other, &path("linked"), Transfer::Move).unwrap());
        assert_eq!((names(&other), stat("other/moved").link_count), (vec!["copied".to_owned(), "moved".to_owned()], 1));
        assert!(other.try_transfer(&path("moved"), MODIFY, &other, &path("moved"), Transfer::Move).unwrap());
        // Whole trees.
        assert!(transfer("tree", CREATE, "d", Transfer::Copy).unwrap());
        assert_eq!(text_of(&other, "tree/l"), "deep");
        assert!(transfer("copied", MODIFY, "d", Transfer::Move).unwrap());
        assert_eq!((text_of(&other, "copied/e/f").as_str(), names(directory)), ("deep", vec!["other".to_owned()]));
        fails(other.try_transfer(&path("copied/in"), CREATE, &other, &path("copied"), Transfer::Move), libc::EINVAL);
        fails(transfer("x", CREATE, "other/copied", Transfer::Link), libc::EPERM);
        // Into itself.
        assert!(other.try_transfer(&path("tree/tree"), CREATE, &other, &path("tree"), Transfer::Copy).unwrap());
        assert_eq!(text_of(&other, "tree/tree/e/f"), "deep");
        assert!(!directory.exists(&path("other/tree/tree/tree")).unwrap());
    });
}

// parity: FS-17
#[test]
fn a_transfer_goes_by_the_mode() {
    everywhere(|directory| {
        for how in [Transfer::Move, Transfer::Link, Transfer::Copy] {
            create(directory, "from", "new");
            create(directory, "to", "old");
            let transfer =
                |to: &str, mode, from: &str| directory.try_transfer(&path(to), mode, directory, &path(from), how);
            assert!(!transfer("to", CREATE, "from").unwrap());
            assert!(!transfer("none", MODIFY, "from").unwrap());
            fails(transfer("to", CREATE | MODIFY, "missing"), libc::ENOENT);
            fails(transfer("x/y", CREATE, "from"), libc::ENOENT);
            assert_eq!(
                (text_of(directory, "to"), names(directory)),
                ("old".to_owned(), vec!["from".to_owned(), "to".to_owned()])
            );
            assert!(transfer("to", MODIFY, "from").unwrap());
            assert_eq!(text_of(directory, "to"), "new");
            assert!(transfer("x/y", CREATE | WriteMode::CREATE_PARENT, "to").unwrap());
            assert_eq!(text_of(directory, "x/y"), "new");
            for name in ["from", "to", "x"] {
                directory.try_remove(&path(name)).unwrap();
            }
            assert!(names(directory).is_empty());
        }
    });
}

// parity: FS-17, FS-19
#[test]
fn trees_come_from_memory_to_disk_and_back() {
    let folder = Folder::new();
    let (disk, memory) = (Directory::from_fd(folder.fd()).unwrap(), Directory::in_memory(FileClock::system()));
    create(&memory, "d/e/f", "deep");
    memory.open_file(&path("d/run"), Access::Write(CREATE | WriteMode::EXECUTABLE)).unwrap();
    link(&memory, "d/l", "e/f");
    assert!(disk.try_transfer(&path("d"), CREATE, &memory, &path("d"), Transfer::Move).unwrap());
    assert!(names(&memory).is_empty());
    assert_eq!(std::fs::read(folder.0.join("d/l")).unwrap(), b"deep");
    assert!(memory.try_transfer(&path("back"), CREATE, &disk, &path("d"), Transfer::Copy).unwrap());
    assert_eq!(text_of(&memory, "back/l"), "deep");
    assert!(memory.lstat(&path("back/run")).unwrap().unwrap().executable);
    let linked = memory.try_transfer(&path("x"), CREATE, &disk, &path("d/run"), Transfer::Link);
    assert_eq!(linked.unwrap_err().kind(), ErrorKind::Unimplemented);
}
