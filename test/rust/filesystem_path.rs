//! Paths.

use crate::filesystem::{is_invalid, path};
use kjasync::filesystem::{Part, Path};

// parity: FS-01, FS-02
#[test]
fn a_path_has_only_parts_that_lead_down() {
    for bad in ["", ".", "..", "a/b", "a\0b", "/"] {
        is_invalid(Path::of_parts([bad]));
    }
    assert_eq!(Path::of_parts(["a", "..b", "...", "c d"]).unwrap().to_string(), "a/..b/.../c d");
    for (text, parts) in
        [("a/b", vec!["a", "b"]), (".", vec![]), ("", vec![]), ("./a//b/", vec!["a", "b"]), ("a\\b", vec!["a\\b"])]
    {
        let parsed = path(text);
        assert_eq!(parsed, Path::of_parts(parts).unwrap());
        assert_eq!(Path::parse(parsed.to_bytes()).unwrap(), parsed);
    }
    for bad in ["/", "/a", "..", "a/../b", "a/..", "a\0"] {
        is_invalid(Path::parse(bad));
    }
    assert_eq!(path("").to_string(), ".");
    let raw = Path::of_parts([b"\xff\xfe"]).unwrap();
    assert_eq!(raw.to_bytes(), b"\xff\xfe");
}

// parity: FS-02
#[test]
fn eval_goes_up_and_begins_anew_but_not_out() {
    let base = path("a/b");
    for (text, result) in [
        ("c", "a/b/c"),
        ("../c", "a/c"),
        ("../../c/./d/", "c/d"),
        ("/c", "c"),
        ("../..", "."),
        ("/", "."),
        ("x/..", "a/b"),
    ] {
        assert_eq!(base.eval(text).unwrap(), path(result), "{text}");
    }
    for bad in ["../../..", "/..", "/a/../../b", "a\0"] {
        is_invalid(base.eval(bad));
    }
    assert_eq!(base.append(&path("c/d")), path("a/b/c/d"));
    assert_eq!(base.append(&path(".")), base);
}

// parity: FS-03
#[test]
fn paths_are_taken_apart_and_compared_part_by_part() {
    let whole = path("a/b/c");
    assert_eq!(whole.basename(), Some(b"c".as_ref()));
    assert_eq!(whole.parent(), Some(path("a/b")));
    assert_eq!((path(".").basename(), path(".").parent()), (None, None));
    assert_eq!(path("a").parent(), Some(Path::empty()));
    assert_eq!(whole.slice(1, 3).unwrap(), path("b/c"));
    assert_eq!(whole.slice(3, 3).unwrap(), Path::empty());
    is_invalid(whole.slice(2, 1));
    is_invalid(whole.slice(0, 4));
    assert!(whole.starts_with(&path("a/b")) && whole.starts_with(&path(".")) && !whole.starts_with(&path("a/c")));
    assert!(whole.ends_with(&path("b/c")) && !whole.ends_with(&path("a/b")) && !path("ab").starts_with(&path("a")));
    // As texts it would be the other way round.
    assert!(path("a/b") < path("a!"));
    assert!(path("a") < path("a/b") && path("a/b") < path("b"));
    let hashed = std::collections::HashSet::from([path("a/b"), path("a//b"), path("b")]);
    assert_eq!(hashed.len(), 2);
    let parts: &[Part] = whole.parts();
    assert_eq!(parts.len(), 3);
}
