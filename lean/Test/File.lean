import Test.Ends

open Test KjAsync

-- parity: STRM-25, STRM-04
test "a file is read from an offset to its end" := inBoth fun runtime => withFolder fun folder => do
  IO.FS.writeFile (folder / "text") "0123456789"
  let file ← Connection.ofFile runtime (folder / "text") (offset := 3)
  checkEq (← file.length?) (some 7)
  reads file "34"
  checkEq (← file.length?) (some 5)
  checkEq (← (← file.readAll (m := IO)).toText) "56789"
  ended file
  ended (← Connection.ofFile runtime (folder / "text") (offset := 100))

-- parity: STRM-26
test "a file is written from an offset on" := inBoth fun runtime => withFolder fun folder => do
  IO.FS.writeFile (folder / "text") "0123456789"
  let file ← Connection.ofFile runtime (folder / "text") .readWrite (offset := 2)
  file.write "ab"
  file.writev #["c", "d"]
  file.close
  checkEq (← IO.FS.readFile (folder / "text")) "01abcd6789"
  let file ← Connection.ofFile runtime (folder / "new") .write
  file.write "fresh"
  file.shutdownWrite
  checkEq (← IO.FS.readFile (folder / "new")) "fresh"
  (← Connection.ofFile runtime (folder / "new") .append (offset := 5)).write "ly"
  checkEq (← IO.FS.readFile (folder / "new")) "freshly"

-- parity: STRM-05, STRM-25, STRM-26
test "a file is pumped over a connection to another file" := withRuntime fun runtime => withFolder fun folder => do
  IO.FS.writeBinFile (folder / "from") (megabytes 3)
  let (near, far) ← runtime.newOsSocketPair
  Async.run runtime do
    let source ← Connection.ofFile runtime (folder / "from")
    let target ← Connection.ofFile runtime (folder / "to") .writeNew
    let receiving ← Async.fork (far.pumpTo target)
    checkEq (← source.pumpTo near) 3145728
    near.shutdownWrite
    checkEq (← receiving.await) 3145728
  checkEq (← IO.FS.readBinFile (folder / "to")).size 3145728

-- parity: STRM-25, STRM-26
test "what is no file, or not open for that, is an error" := inBoth fun runtime => withFolder fun folder => do
  check (Error.osCode? (← fails .failed (Connection.ofFile runtime (folder / "none"))) == some 2) "not ENOENT"
  let error ← fails .failed (Connection.ofFile runtime (folder / "a\u0000b"))
  check (Error.osCode? error).isSome s!"no number in {error}"
  IO.FS.writeFile (folder / "text") "text"
  discard <| fails .failed (Connection.ofFile runtime (folder / "text") .writeNew)
  let file ← Connection.ofFile runtime (folder / "text")
  discard <| fails .failed (file.write "x")
  discard <| fails .unimplemented (Connection.ofFile runtime folder)
  discard <| fails .invalidArgument (runtime.wrapFileFd 0xFFFF_FFFF)
  discard <| fails .failed (runtime.wrapFileFd 1000000)

-- parity: STRM-25, LLIO-10
test "a file's descriptor is copied or taken" := inBoth fun runtime => withFolder fun folder => do
  IO.FS.writeFile (folder / "text") "text"
  let fd ← OwnFd.openFile (folder / "text")
  let fds ← openFds
  let borrowed ← fd.withNumber (runtime.wrapFileFd ·)
  checkEq (← openFds) (fds + 1)
  let taken ← runtime.wrapFileFdTake (← fd.take) (offset := 2)
  reads borrowed "text"
  reads taken "xt"
  borrowed.close
  taken.close
  checkEq (← openFds) (fds - 1)
