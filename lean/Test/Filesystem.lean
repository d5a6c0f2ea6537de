import Test.Ends

/-! Paths, directories and files, on disk and in memory. -/

namespace Test.Filesystem
open KjAsync

private def path (text : String) : Path := .parse! text

/-- Fails the test unless the action throws what the system says with this number. -/
private def failsWith (number : Nat) (action : IO α) : IO Unit := do
  let error ← fails .failed action
  checkEq ((Error.osCode? error).map (·.toNat)) (some number) s!"{error}"

private def same (got expected : ByteArray) : IO Unit :=
  check (got == expected) s!"got {toString (got : BytesRef)}, expected {toString (expected : BytesRef)}"

/-- Runs the body with an empty directory on disk, and with one in memory. What it leaves on disk is removed here, for Lean's own
function follows links. -/
private def everywhere (body : Directory → IO Unit) : IO Unit := do
  withFolder fun folder => do
    let directory ← (← Directory.root).openDirectory (← Path.empty.eval folder.toString)
    try body directory
    finally for name in ← directory.listNames do discard <| directory.remove (path name)
  body (← Directory.inMemory)

private def make (directory : Directory) (name text : String) : IO Unit := do
  (← directory.openFile (path name) (.write { create := true, createParent := true })).write 0 text

-- parity: FS-01, FS-02
test "a path has only parts that lead down" := do
  for bad in ["", ".", "..", "a/b", "a\x00b"] do checkEq (Path.ofParts? [bad]) none
  checkEq ((Path.ofParts? ["a", "..b", "...", "c d"]).map toString) (some "a/..b/.../c d")
  for (text, kept) in [("a/b", "a/b"), ("./a//b/", "a/b"), ("", "."), (".", "."), ("a\\b", "a\\b"), ("ä/ö", "ä/ö")] do
    checkEq ((Path.parse? text).map toString) (some kept)
    checkEq (Path.parse? kept) (Path.parse? text)
  for bad in ["/", "/a", "..", "a/../b", "a/..", "a\x00"] do
    checkEq (Path.parse? bad) none
    discard <| fails .invalidArgument (Path.parse bad)
  let base := path "a/b"
  for (text, result) in [("c", "a/b/c"), ("../c", "a/c"), ("../../c/./d/", "c/d"), ("/c", "c"), ("../..", "."), ("/", ".")] do
    checkEq ((base.eval? text).map toString) (some result) text
  for bad in ["../../..", "/..", "/a/../../b", "a\x00"] do
    checkEq (base.eval? bad) none bad
    discard <| fails .invalidArgument (base.eval bad)
  checkEq (base ++ path "c/d") (path "a/b/c/d")

-- parity: FS-03
test "paths are taken apart and compared part by part" := do
  let whole := path "a/b/c"
  checkEq whole.basename? (some "c")
  checkEq whole.parent? (some (path "a/b"))
  checkEq (Path.empty.basename?, Path.empty.parent?) (none, none)
  checkEq (path "a").parent? (some .empty)
  checkEq (whole.slice 1 3) (path "b/c")
  checkEq (whole.slice 2) (path "c")
  check (whole.startsWith (path "a/b") && whole.startsWith .empty && !whole.startsWith (path "a/c")) "startsWith"
  check (whole.endsWith (path "b/c") && !whole.endsWith (path "a/b") && !(path "c").endsWith whole) "endsWith"
  check (!(path "ab").startsWith (path "a")) "names are whole"
  check (compare (path "a/b") (path "a!") == .lt && compare (path "b") (path "a/b") == .gt) "order"
  check (compare (path "a//b") (path "a/b") == .eq && compare (path "a") (path "a/b") == .lt) "order"
  checkEq (hash (path "a//b")) (hash (path "a/b"))
  check (decide (path "a" = path "./a")) "equality is decidable"

-- parity: FS-12, FS-13
test "the mode says what may be there" := everywhere fun directory => do
  make directory "here" "text"
  let (here, missing) := (path "here", path "missing")
  check (← directory.openFile? here (.write .new)).isNone "it is there"
  check (← directory.openFile? missing (.write .existing)).isNone "it is missing"
  check (← directory.openFile? missing).isNone "it is missing"
  failsWith 17 (directory.openFile here (.write .new))
  failsWith 2 (directory.openFile missing (.write .existing))
  failsWith 2 (directory.openFile missing)
  failsWith 2 (directory.openFile (path "no/such") (.write .new))
  discard <| fails .invalidArgument (directory.openFile here (.write {}))
  discard <| fails .invalidArgument (directory.openFile here (.append { executable := true }))
  checkEq (← (← directory.openFile here (.write .any)).readText) "text"
  discard <| directory.openFile (path "no/such") (.write { create := true, createParent := true })
  failsWith 21 (directory.openFile (path "no"))
  failsWith 20 (directory.openDirectory here)
  failsWith 17 (directory.openDirectory (path "no") .new)
  check (← directory.openDirectory? missing).isNone "there is no directory"
  discard <| directory.openDirectory (path "x/y") { create := true, modify := true, createParent := true }
  checkEq (← directory.listNames) #["here", "no", "x"]

-- parity: FS-05, FS-06, FS-08, FS-09, FS-16
test "a file is read, written and appended to" := everywhere fun directory => do
  let file ← directory.openFile (path "f") (.write .new)
  file.write 2 "cdef"
  same (← file.read 1 100) (⟨#[0]⟩ ++ "cdef".toUTF8 : ByteArray)
  same (← file.read 3 2) "de".toUTF8
  same (← file.read 6 2) .empty
  file.zero 3 5
  file.truncate 4
  same (← file.readAll).toByteArray ⟨#[0, 0, 99, 0]⟩
  file.writeAll "all"
  file.append "!"
  let log ← directory.appendFile (path "f")
  log.append "?"
  discard <| fails .invalidArgument (log.write 0 "x")
  failsWith 9 (log.read 0 1)
  checkEq (← file.readText) "all!?"
  discard <| fails .overloaded (file.readAll 4)
  file.sync
  file.sync (dataOnly := true)
  let stat ← file.stat
  check (stat.kind == .file && stat.size == 5 && stat.linkCount == 1) s!"{repr stat}"
  let copy ← directory.openFile (path "copy") (.write .new)
  checkEq (← copy.copy 1 file 2 100) 3
  same (← copy.readAll).toByteArray (⟨#[0]⟩ ++ "l!?".toUTF8)
  failsWith 9 ((← directory.openFile (path "f")).write 0 "x")

-- parity: FS-05, FS-11
test "a directory is listed and looked at" := everywhere fun directory => do
  for name in ["b", "a/in", "Z"] do make directory name name
  check (← directory.symlink (path "l") "nowhere") "a link"
  let entries := (← directory.listEntries).map fun entry => (entry.name, entry.kind)
  check (entries == #[("Z", .file), ("a", .directory), ("b", .file), ("l", .symlink)]) s!"{repr entries}"
  checkEq (← directory.readlink (path "l")) "nowhere"
  failsWith 22 (directory.readlink (path "b"))
  checkEq ((← directory.lstat? (path "l")).map (·.kind)) (some .symlink)
  check (← directory.lstat? (path "none/x")).isNone "there is nothing"
  check ((← directory.exists (path "l")) && !(← directory.exists (path "nowhere"))) "exists"
  checkEq ((← directory.lstat? .empty).map (·.identity)) (some (← directory.stat).identity)
  check (← directory.symlink (path "l") "a" .existing) "another"
  checkEq (← directory.readFile (path "l/in")) "a/in"
  directory.sync
  checkEq (← (← directory.openDirectory (path "a") {}).listNames) #["in"]

-- parity: FS-14
test "a replacement shows when it is committed" := everywhere fun directory => do
  make directory "f" "old"
  let new ← directory.replaceFile (path "f")
  new.content.write 0 "new"
  checkEq (← directory.readFile (path "f")) "old"
  checkEq (← directory.listNames) #["f"]
  check (← new.commit) "committed"
  checkEq (← directory.readFile (path "f")) "new"
  discard <| fails .failed new.commit
  let lost ← directory.replaceFile (path "f")
  lost.content.write 0 "lost"
  lost.discard
  check (!(← (← directory.replaceFile (path "f") .new).commit)) "it is there"
  let tree ← directory.replaceDirectory (path "f") .existing
  make tree.content "a/b" "deep"
  check (← tree.commit) "committed"
  checkEq (← directory.readFile (path "f/a/b")) "deep"
  checkEq (← directory.listNames) #["f"]

-- parity: FS-15, FS-17
test "files are moved, linked, copied and removed" := everywhere fun directory => do
  make directory "f" "text"
  make directory "tree/a" "deep"
  let transfer (to from_ : String) (how : Transfer) (mode : WriteMode := .new) :=
    directory.transfer (path to) directory (path from_) how mode
  check (← transfer "linked" "f" .link) "linked"
  check (← transfer "copied" "tree" .copy) "copied"
  check (!(← transfer "copied" "f" .move)) "it is there"
  check (← transfer "copied" "f" .move .any) "moved"
  failsWith 2 (transfer "x" "missing" .move)
  failsWith 22 (transfer "tree/in" "tree" .move)
  checkEq (← directory.readFile (path "copied")) "text"
  checkEq ((← directory.lstat? (path "linked")).map (·.linkCount)) (some 2)
  check (← directory.remove (path "tree")) "removed"
  check (!(← directory.remove (path "tree"))) "it is gone"
  let temporary ← directory.createTemporary
  temporary.write 0 "text"
  checkEq (← temporary.readText) "text"
  checkEq (← directory.listNames) #["copied", "linked"]

-- parity: FS-12
test "no link leads out" := everywhere fun directory => do
  make directory "secret" "outside"
  make directory "in/f" "inside"
  let inner ← directory.openDirectory (path "in")
  for target in ["..", "../secret", "/etc/passwd", "/", "../in/../secret"] do
    check (← inner.symlink (path "l") target .any) "a link"
    failsWith 18 (inner.openFile (path "l"))
    failsWith 18 (inner.openFile (path "l") (.write .any))
    failsWith 18 (inner.openDirectory (path "l"))
  check (← inner.symlink (path "up") "..") "a link"
  failsWith 18 (inner.remove (path "up/secret"))
  failsWith 18 (inner.replaceFile (path "up/secret"))
  checkEq (← directory.readFile (path "secret")) "outside"

-- parity: FS-19
test "times in memory are those of the clock" := do
  let clock ← FileClock.new 5
  let memory ← Directory.inMemory (some clock)
  make memory "d/f" "x"
  clock.set 6
  (← memory.openFile (path "d/f") (.write .existing)).append "y"
  checkEq ((← memory.lstat? (path "d")).map (·.modifiedNanos)) (some 5)
  checkEq ((← memory.lstat? (path "d/f")).map (·.modifiedNanos)) (some 6)
  checkEq (← (← File.inMemory (some clock)).stat).modifiedNanos 6
  checkEq (← memory.fd?) none

-- parity: FS-18, FS-20
test "the current directory and descriptors" := withFolder fun folder => do
  let (root, current) := (← Directory.root, ← Directory.current)
  checkEq ((← root.lstat? (← Directory.currentPath)).map (·.identity)) (some (← current.stat).identity)
  IO.FS.writeFile (folder / "f") "text"
  let fd ← OwnFd.openFile (folder / "f") .readWrite
  let file ← fd.withNumber File.ofFd
  checkEq (← file.readText) "text"
  let taken ← File.ofFdTake (← fd.take)
  taken.append "!"
  checkEq (← IO.FS.readFile (folder / "f")) "text!"
  failsWith 20 ((← OwnFd.openFile (folder / "f")).withNumber Directory.ofFd)
  let directory ← root.openDirectory (← Path.empty.eval folder.toString)
  let some number ← directory.fd? | throw (IO.userError "no descriptor")
  checkEq (← (← Directory.ofFd number).listNames) #["f"]
  checkEq (← directory.listNames) #["f"]
  if System.Platform.isOSX then discard <| fails .unimplemented File.anonymous
  else
    let shown ← File.anonymous
    shown.write 0 "x"
    check (← shown.fd?).isSome "no descriptor"

-- parity: FS-07, FS-10
test "a file is memory" := everywhere fun directory => do
  let file ← directory.openFile (path "f") (.write .new)
  file.write 0 "0123456789"
  let shared ← file.map 1 5
  checkEq (← shared.size) 5
  same (← shared.read) "12345".toUTF8
  same (← shared.read 3 9) "45".toUTF8
  let own ← file.map 0 10 .private
  own.write 0 "mine"
  same (← own.read 0 5) "mine4".toUTF8
  checkEq (← file.readText) "0123456789"
  let writable ← file.map 2 8 .writable
  writable.write 0 "abc"
  writable.sync 0 8
  checkEq (← file.readText) "01abc56789"
  discard <| fails .invalidArgument (shared.write 0 "x")
  discard <| fails .invalidArgument (writable.write 7 "xy")
  discard <| fails .invalidArgument (own.sync 0 1)

-- parity: FS-05, FS-06, FS-08, FS-09, FS-11, FS-12, FS-14, FS-17
test "every operation may be awaited" := inBoth fun runtime => everywhere fun directory => do
  let file ← (← directory.openFileStart runtime (path "a/f") (.write { create := true, createParent := true })).await
  (← file.writeStart runtime 1 "bc").await
  (← file.appendStart runtime "d").await
  same (← (← file.readStart runtime 1 2).await).toByteArray "bc".toUTF8
  checkEq (← (← file.readAllStart runtime).await).size 4
  checkEq (← (← file.copyStart runtime 4 file 0 4).await) 4
  (← file.syncStart runtime).await
  (← directory.syncStart runtime).await
  let inner ← (← directory.openDirectoryStart runtime (path "a")).await
  check ((← (← inner.listEntriesStart runtime).await) == #[{ name := "f", kind := .file }]) "listed"
  check (← (← directory.transferStart runtime (path "g") inner (path "f") .link).await) "linked"
  let new ← directory.replaceFile (path "g") .existing
  check (← (← new.commitStart runtime).await) "committed"
  check (← (← directory.removeStart runtime (path "g")).await) "removed"
  check (!(← (← directory.removeStart runtime (path "g")).await)) "it is gone"
  check (← (← directory.openFileStart? runtime (path "g")).await).isNone "it is gone"
  failsWith 2 do (← directory.openFileStart runtime (path "g")).await

-- parity: FS-08
test "a file becomes a connection" := inBoth fun runtime => withFolder fun folder => do
  let directory ← (← Directory.root).openDirectory (← Path.empty.eval folder.toString)
  make directory "f" "0123"
  let connection ← (← directory.openFile (path "f") (.write .existing)).connection runtime 2
  reads connection "23"
  connection.write "ab"
  checkEq (← directory.readFile (path "f")) "01ab"
  let log ← (← directory.appendFile (path "f")).connection runtime
  (← directory.appendFile (path "f")).append "-"
  log.write "end"
  checkEq (← directory.readFile (path "f")) "01ab-end"
  discard <| fails .unimplemented do (← File.inMemory).connection runtime

end Test.Filesystem
