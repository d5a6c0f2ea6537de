//! Directories and files: the same tests on disk, on disk where the system resolves no paths itself, and in memory.

use kjasync::ErrorKind;
use kjasync::filesystem::{Access, Directory, File, FileClock, MappingKind, NodeKind, Path, WriteMode};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const CREATE: WriteMode = WriteMode::CREATE;
pub(crate) const MODIFY: WriteMode = WriteMode::MODIFY;

/// A folder on disk, removed with all that is in it.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("kjasync-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn fd(&self) -> OwnedFd {
        std::fs::File::open(&self.0).unwrap().into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// An empty directory of each kind.
pub(crate) fn everywhere(test: impl Fn(&Directory)) {
    let (folder, walked) = (Folder::new(), Folder::new());
    test(&Directory::from_fd(folder.fd()).unwrap());
    test(&Directory::from_fd_walking(walked.fd()).unwrap());
    test(&Directory::in_memory(FileClock::system()));
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

pub(crate) fn create(directory: &Directory, name: &str, text: &str) -> File {
    let mode = CREATE | WriteMode::CREATE_PARENT;
    let file = directory.open_file(&path(name), Access::Write(mode)).unwrap();
    file.write(0, text.as_bytes()).unwrap();
    file
}

pub(crate) fn text_of(directory: &Directory, name: &str) -> String {
    let bytes = directory.open_file(&path(name), Access::Read).unwrap().read_all(1 << 20).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn names(directory: &Directory) -> Vec<String> {
    directory.list().unwrap().iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned()).collect()
}

pub(crate) fn link(directory: &Directory, name: &str, target: &str) {
    assert!(directory.try_symlink(&path(name), target.as_bytes(), CREATE).unwrap());
}

#[track_caller]
pub(crate) fn fails<T>(result: Result<T, kjasync::Error>, number: i32) {
    let error = result.err().expect("an error");
    assert_eq!(error.os_error(), number, "{error}");
    assert!(!error.text().is_empty());
}

#[track_caller]
pub(crate) fn is_invalid<T>(result: Result<T, kjasync::Error>) {
    assert_eq!(result.err().expect("an error").kind(), ErrorKind::InvalidArgument);
}

// parity: FS-12, FS-13
#[test]
fn the_mode_says_what_may_be_there() {
    everywhere(|directory| {
        let (here, missing) = (path("here"), path("missing"));
        create(directory, "here", "text");
        let write = |path: &Path, mode| directory.try_open_file(path, Access::Write(mode));
        assert!(write(&here, CREATE).unwrap().is_none());
        assert!(write(&missing, MODIFY).unwrap().is_none());
        assert!(directory.try_open_file(&missing, Access::Read).unwrap().is_none());
        assert!(directory.try_open_file(&path("no/such"), Access::Read).unwrap().is_none());
        assert_eq!(write(&here, CREATE | MODIFY).unwrap().unwrap().read_all(4).unwrap(), "text");
        assert_eq!(write(&here, MODIFY).unwrap().unwrap().read_all(4).unwrap(), "text");
        fails(directory.open_file(&here, Access::Write(CREATE)), libc::EEXIST);
        fails(directory.open_file(&missing, Access::Write(MODIFY)), libc::ENOENT);
        fails(directory.open_file(&missing, Access::Read), libc::ENOENT);
        // Making it fails for want of a directory, which is no conflict.
        fails(write(&path("no/such"), CREATE), libc::ENOENT);
        fails(write(&path("here/in"), CREATE), libc::ENOTDIR);
        fails(write(&path("here/in"), CREATE | WriteMode::CREATE_PARENT), libc::ENOTDIR);
        is_invalid(write(&here, WriteMode::default()));
        is_invalid(write(&here, MODIFY | WriteMode::CREATE_PARENT));
        is_invalid(WriteMode::from_bits(32));
        assert!(write(&path("no/such"), CREATE | WriteMode::CREATE_PARENT).unwrap().is_some());
        assert!(write(&path("no/such"), CREATE | MODIFY | WriteMode::CREATE_PARENT).unwrap().is_some());
        fails(directory.open_file(&path("no"), Access::Read), libc::EISDIR);
        fails(directory.open_file(&path("no"), Access::Write(CREATE | MODIFY)), libc::EISDIR);
        let read = directory.open_file(&here, Access::Read).unwrap();
        fails(read.write(0, b"x"), libc::EBADF);
        assert_eq!(text_of(directory, "here"), "text");
    });
}

// parity: FS-12, FS-13
#[test]
fn directories_open_by_the_same_rules() {
    everywhere(|directory| {
        let open = |name: &str, mode| directory.try_open_directory(&path(name), mode);
        assert!(open("d", None).unwrap().is_none());
        assert!(open("d", Some(MODIFY)).unwrap().is_none());
        let made = open("d", Some(CREATE)).unwrap().unwrap();
        assert!(open("d", Some(CREATE)).unwrap().is_none());
        assert_eq!(
            open("d", Some(CREATE | MODIFY)).unwrap().unwrap().stat().unwrap().identity,
            made.stat().unwrap().identity
        );
        fails(open("x/y/z", Some(CREATE)), libc::ENOENT);
        create(&open("x/y/z", Some(CREATE | WriteMode::CREATE_PARENT)).unwrap().unwrap(), "f", "deep");
        assert_eq!(text_of(directory, "x/y/z/f"), "deep");
        fails(directory.open_directory(&path("x/y/z/f"), None), libc::ENOTDIR);
        assert!(open("x/y/z/f/g", None).unwrap().is_none());
        fails(directory.open_directory(&path("missing"), None), libc::ENOENT);
        fails(directory.open_directory(&path("d"), Some(CREATE)), libc::EEXIST);
        // The empty path is the directory itself.
        assert_eq!(open(".", None).unwrap().unwrap().stat().unwrap().identity, directory.stat().unwrap().identity);
        assert!(open(".", Some(CREATE)).unwrap().is_none());
    });
}

// parity: FS-13
#[test]
fn what_is_made_can_be_a_program_or_private() {
    everywhere(|directory| {
        let stat = |name: &str| directory.lstat(&path(name)).unwrap().unwrap();
        for (name, mode) in
            [("plain", CREATE), ("program", CREATE | WriteMode::EXECUTABLE), ("own", CREATE | WriteMode::PRIVATE)]
        {
            directory.open_file(&path(name), Access::Write(mode)).unwrap();
            assert!(directory.replace_file(&path(&format!("{name}2")), mode).unwrap().try_commit().unwrap());
            directory.open_directory(&path(&format!("{name}3")), Some(mode)).unwrap();
            for both in [stat(name), stat(&format!("{name}2"))] {
                assert_eq!((both.executable, both.private), (name == "program", name == "own"));
            }
            let folder = stat(&format!("{name}3"));
            assert_eq!((folder.executable, folder.private), (true, name == "own"));
        }
    });
}

// parity: FS-05, FS-11
#[test]
fn a_listing_is_sorted_and_says_what_is_what() {
    everywhere(|directory| {
        for name in ["b", "a", "c/d", "Z"] {
            create(directory, name, name);
        }
        link(directory, "l", "nowhere");
        let staged = directory.replace_file(&path("b"), MODIFY).unwrap();
        let kinds: Vec<_> = directory.list().unwrap().iter().map(|entry| (entry.name.to_vec(), entry.kind)).collect();
        let expected = [
            ("Z", NodeKind::File),
            ("a", NodeKind::File),
            ("b", NodeKind::File),
            ("c", NodeKind::Directory),
            ("l", NodeKind::Symlink),
        ];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.as_bytes().to_vec(), kind)));
        drop(staged);
        let stat = |name: &str| directory.lstat(&path(name)).unwrap();
        assert_eq!(
            (stat("a").unwrap().kind, stat("a").unwrap().size, stat("a").unwrap().link_count),
            (NodeKind::File, 1, 1)
        );
        assert_eq!((stat("l").unwrap().kind, stat("c").unwrap().kind), (NodeKind::Symlink, NodeKind::Directory));
        assert_eq!(stat(".").unwrap().identity, directory.stat().unwrap().identity);
        assert!(stat("x").is_none() && stat("x/y").is_none() && stat("a/x").is_none());
        assert!(directory.exists(&path("l")).unwrap() && !directory.exists(&path("nowhere")).unwrap());
        assert_eq!(directory.readlink(&path("l")).unwrap().unwrap(), b"nowhere");
        assert!(directory.readlink(&path("none")).unwrap().is_none());
        fails(directory.readlink(&path("a")), libc::EINVAL);
        let file = directory.open_file(&path("a"), Access::Read).unwrap();
        let again = file.clone();
        drop(file);
        assert_eq!(again.stat().unwrap(), stat("a").unwrap());
        again.sync(true).unwrap();
        again.sync(false).unwrap();
        directory.sync().unwrap();
    });
}

// parity: FS-06, FS-09
#[test]
fn files_are_read_and_written_at_offsets() {
    everywhere(|directory| {
        let file = create(directory, "f", "0123456789");
        assert_eq!(file.read(3, 4).unwrap(), "3456");
        assert_eq!(file.read(8, 100).unwrap(), "89");
        assert_eq!(file.read(10, 1).unwrap(), "");
        assert_eq!(file.read(u64::MAX, usize::MAX).unwrap(), "");
        assert_eq!(file.read_all(10).unwrap(), "0123456789");
        assert_eq!(file.read_all(9).unwrap_err().kind(), ErrorKind::Overloaded);
        file.write(12, b"x").unwrap();
        assert_eq!(file.read_all(100).unwrap(), b"0123456789\0\0x".as_ref());
        file.zero(1, 2).unwrap();
        file.zero(12, 3).unwrap();
        assert_eq!(file.read_all(100).unwrap(), b"0\0\x003456789\0\0\0\0\0".as_ref());
        file.zero(1 << 40, 0).unwrap();
        file.truncate(2).unwrap();
        file.truncate(3).unwrap();
        assert_eq!(file.read_all(100).unwrap(), b"0\0\0".as_ref());
        file.write_all(b"all").unwrap();
        assert_eq!(file.read_all(100).unwrap(), "all");
        is_invalid(file.write(u64::MAX, b"x"));
        is_invalid(file.write(i64::MAX as u64, b"x"));
        is_invalid(file.truncate(u64::MAX));
        is_invalid(file.zero(1, u64::MAX));
        let large: Vec<u8> = (0..3_000_000).map(|at| (at % 251) as u8).collect();
        file.write_all(&large).unwrap();
        assert_eq!(file.read_all(3_000_000).unwrap(), large);
        file.zero(4096, 2_000_000).unwrap();
        let zeroed = file.read_all(3_000_000).unwrap();
        assert!(zeroed[4096..2_004_096].iter().all(|byte| *byte == 0));
        assert_eq!((&zeroed[..4096], &zeroed[2_004_096..]), (&large[..4096], &large[2_004_096..]));
    });
}

// parity: FS-09
#[test]
fn a_part_of_a_file_is_copied_to_another() {
    everywhere(|directory| {
        let data: Vec<u8> = (0..300_000).map(|at| (at % 253) as u8).collect();
        let (from, to) = (create(directory, "from", ""), create(directory, "to", "...."));
        from.write(0, &data).unwrap();
        assert_eq!(to.copy(2, &from, 100, 200_000).unwrap(), 200_000);
        let copied = to.read_all(1 << 20).unwrap();
        assert_eq!((&copied[..2], &copied[2..]), (b"..".as_ref(), &data[100..200_100]));
        assert_eq!(to.copy(0, &from, 299_990, u64::MAX).unwrap(), 10);
        assert_eq!(to.copy(0, &from, 400_000, 5).unwrap(), 0);
        // Between disk and memory too.
        let other = File::in_memory(FileClock::system());
        assert_eq!(other.copy(0, &from, 0, u64::MAX).unwrap(), 300_000);
        assert_eq!(to.copy(0, &other, 0, 300_000).unwrap(), 300_000);
        assert_eq!(to.read_all(1 << 20).unwrap(), data);
    });
}

// parity: FS-09
#[test]
fn a_copy_of_a_file_behind_itself_ends() {
    everywhere(|directory| {
        let file = create(directory, "file", "abc");
        assert_eq!(file.copy(3, &file, 0, u64::MAX).unwrap(), 3);
        assert_eq!(file.copy(6, &file, 1, u64::MAX).unwrap(), 5);
        assert_eq!(file.read_all(100).unwrap(), "abcabcbcabc");
    });
}

// parity: FS-08, FS-16, FS-20
#[test]
fn appends_of_many_threads_are_whole() {
    everywhere(|directory| {
        let appending = Access::Append(CREATE | MODIFY | WriteMode::CREATE_PARENT);
        let open = || directory.open_file(&path("logs/log"), appending).unwrap();
        let whole = directory.open_file(&path("logs/log"), Access::Write(CREATE | WriteMode::CREATE_PARENT)).unwrap();
        let handles: Vec<_> = (b'a'..b'e').map(|letter| (letter, open())).collect();
        std::thread::scope(|scope| {
            for (letter, file) in &handles {
                scope.spawn(move || (0..100).for_each(|_| file.append(&[*letter; 100]).unwrap()));
            }
        });
        let all = whole.read_all(1 << 20).unwrap();
        assert_eq!(all.len(), 4 * 100 * 100);
        assert!(all.chunks(100).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
        fails(open().read(0, 1), libc::EBADF);
        is_invalid(open().write(0, b"x"));
        assert!(directory.try_open_file(&path("logs/log"), Access::Append(CREATE)).unwrap().is_none());
        assert!(directory.try_open_file(&path("none"), Access::Append(MODIFY)).unwrap().is_none());
        // A file that was opened otherwise appends too.
        whole.append(b"end").unwrap();
        assert_eq!(whole.read(40_000, 10).unwrap(), "end");
    });
}

// parity: FS-14
#[test]
fn a_replacement_shows_when_it_is_committed_and_not_before() {
    everywhere(|directory| {
        create(directory, "f", "old");
        let new = directory.replace_file(&path("f"), CREATE | MODIFY).unwrap();
        new.get().write(0, b"new").unwrap();
        assert_eq!((text_of(directory, "f").as_str(), names(directory)), ("old", vec!["f".to_owned()]));
        assert!(new.try_commit().unwrap());
        assert_eq!(text_of(directory, "f"), "new");
        assert_eq!(new.try_commit().unwrap_err().kind(), ErrorKind::Failed);
        // Dropped, it leaves nothing behind.
        let dropped = directory.replace_file(&path("f"), MODIFY).unwrap();
        dropped.get().write(0, b"lost").unwrap();
        drop(dropped);
        let folder = directory.replace_directory(&path("f"), CREATE | MODIFY).unwrap();
        create(folder.get(), "a/b/c", "inside");
        drop(folder);
        assert_eq!((text_of(directory, "f").as_str(), names(directory)), ("new", vec!["f".to_owned()]));
        // By the mode.
        assert!(!directory.replace_file(&path("f"), CREATE).unwrap().try_commit().unwrap());
        assert!(!directory.replace_file(&path("g"), MODIFY).unwrap().try_commit().unwrap());
        let late = directory.replace_file(&path("g"), MODIFY).unwrap();
        assert!(!late.try_commit().unwrap());
        create(directory, "g", "meanwhile");
        assert!(late.try_commit().unwrap());
        assert_eq!(text_of(directory, "g"), "");
        assert!(directory.replace_file(&path("h"), CREATE).unwrap().try_commit().unwrap());
        fails(directory.replace_file(&path("x/y"), CREATE), libc::ENOENT);
        assert!(directory.replace_file(&path("x/y"), CREATE | WriteMode::CREATE_PARENT).unwrap().try_commit().unwrap());
        fails(directory.replace_file(&path("."), MODIFY), libc::EINVAL);
    });
}

// parity: FS-14
#[test]
fn anything_is_replaced_by_anything() {
    everywhere(|directory| {
        for mode in [CREATE | MODIFY, MODIFY] {
            for old in ["file", "directory", "link"] {
                for new in ["file", "directory"] {
                    let name = path("it");
                    match old {
                        "file" => drop(create(directory, "it", "old")),
                        "directory" => drop(create(directory, "it/a/b", "old")),
                        _ => link(directory, "it", "elsewhere"),
                    }
                    if new == "file" {
                        let file = directory.replace_file(&name, mode).unwrap();
                        file.get().write(0, b"new").unwrap();
                        assert!(file.try_commit().unwrap());
                        assert_eq!(text_of(directory, "it"), "new");
                    } else {
                        let folder = directory.replace_directory(&name, mode).unwrap();
                        create(folder.get(), "in", "new");
                        assert!(folder.try_commit().unwrap());
                        assert_eq!(text_of(directory, "it/in"), "new");
                        // The handle is of what stands there now.
                        create(folder.get(), "later", "new");
                        assert_eq!(names(&directory.open_directory(&name, None).unwrap()), ["in", "later"]);
                    }
                    assert_eq!(names(directory), ["it"]);
                    assert!(directory.try_remove(&name).unwrap());
                }
            }
        }
    });
}

// parity: FS-15
#[test]
fn a_temporary_file_has_no_name() {
    everywhere(|directory| {
        let file = directory.create_temporary().unwrap();
        file.write(0, b"text").unwrap();
        assert_eq!((file.read_all(4).unwrap(), file.stat().unwrap().link_count), ("text".into(), 0));
        assert!(names(directory).is_empty());
    });
}

// parity: FS-19
#[test]
fn times_in_memory_are_those_of_the_clock() {
    let now = Arc::new(AtomicU64::new(5));
    let clock = FileClock::new({
        let now = now.clone();
        move || now.load(Ordering::Relaxed)
    });
    let memory = Directory::in_memory(clock.clone());
    let modified = |name: &str| memory.lstat(&path(name)).unwrap().unwrap().modified;
    let file = create(&memory, "d/f", "x");
    now.store(6, Ordering::Relaxed);
    assert_eq!((modified("."), modified("d"), modified("d/f")), (5, 5, 5));
    file.append(b"y").unwrap();
    assert_eq!((modified("d"), modified("d/f")), (5, 6));
    now.store(7, Ordering::Relaxed);
    link(&memory, "d/l", "f");
    assert_eq!((modified("."), modified("d"), modified("d/f"), modified("d/l")), (5, 7, 6, 7));
    assert_eq!(File::in_memory(clock).stat().unwrap().modified, 7);
    assert_eq!(memory.fd().unwrap_err().kind(), ErrorKind::Unimplemented);
}

#[test]
fn a_deep_tree_in_memory_goes_without_a_deep_stack() {
    let memory = Directory::in_memory(FileClock::system());
    let mut inner = memory.clone();
    for _ in 0..100_000 {
        inner = inner.open_directory(&path("d"), Some(CREATE)).unwrap();
    }
    drop(inner);
    drop(memory);
}

// parity: FS-07, FS-10
#[test]
fn a_file_is_memory_shared_private_or_writable() {
    everywhere(|directory| {
        let data: Vec<u8> = (0..20_000).map(|at| (at % 251) as u8).collect();
        let file = create(directory, "f", "");
        file.write(0, &data).unwrap();
        let map = |kind, offset, size| file.map(kind, offset, size).unwrap();
        // SAFETY: within the file, and nobody else writes to it.
        let bytes = |mapping: &kjasync::filesystem::Mapping| unsafe {
            let (memory, size) = mapping.memory();
            std::slice::from_raw_parts_mut(memory, size)
        };
        let (shared, private, writable) = (
            map(MappingKind::Shared, 5, 10_000),
            map(MappingKind::Private, 4096, 100),
            map(MappingKind::Writable, 7, 12_000),
        );
        assert_eq!(bytes(&shared), &data[5..10_005]);
        assert_eq!(bytes(&private), &data[4096..4196]);
        bytes(&private).fill(1);
        assert_eq!(file.read_all(20_000).unwrap(), data);
        bytes(&writable)[5000..5010].fill(2);
        writable.changed(5000..5010).unwrap();
        writable.sync(0..12_000).unwrap();
        assert_eq!(file.read(5007, 10).unwrap(), [2; 10].as_ref());
        is_invalid(shared.changed(0..1));
        is_invalid(private.sync(0..1));
        is_invalid(writable.changed(0..12_001));
        is_invalid(writable.changed(std::ops::Range { start: 2, end: 1 }));
        assert_eq!(map(MappingKind::Writable, 3, 0).memory().1, 0);
        map(MappingKind::Writable, 3, 0).sync(0..0).unwrap();
        let read = directory.open_file(&path("f"), Access::Read).unwrap();
        assert!(read.map(MappingKind::Writable, 0, 1).is_err());
        assert_eq!(bytes(&read.map(MappingKind::Private, 0, 3).unwrap()), &data[..3]);
    });
}
