import Test.Ends

open Test KjAsync

/-- Listens on the address, connects to it, and sends a word in each direction. -/
private def roundTrip (runtime : Runtime) (text : String) : IO Unit := do
  let listener ← runtime.listen (m := IO) text
  let address ← listener.localAddress
  checkEq (← address.text) text
  checkEq (← listener.port) 0
  let accepting ← listener.acceptStart
  let client ← address.connect (m := IO)
  let server ← accepting.await
  client.write "there"
  reads server "there"
  server.write "and back"
  reads client "and back"
  checkEq (← (← client.peerAddress).text) text

-- parity: NET-02, NET-11, NET-13, NET-15, NET-18
test "a path is listened on and connected to" := inBoth fun runtime => withFolder fun folder => do
  roundTrip runtime s!"unix:{folder}/socket"
  roundTrip runtime s!"unix:{folder}/with space: and, more"

-- parity: NET-02, NET-11, NET-13
test "an abstract name is listened on and connected to" := inBoth fun runtime => do
  if System.Platform.isOSX then
    discard <| fails .unimplemented (Address.parse runtime "unix-abstract:name")
  else
    roundTrip runtime s!"unix-abstract:kjasync test {← IO.monoNanosNow}"

-- parity: NET-13, NET-23
test "the file goes with its listener" := inBoth fun runtime => withFolder fun folder => do
  let path := folder / "socket"
  let address ← Address.parse (m := IO) runtime s!"unix:{path}"
  let listener ← address.listen
  checkEq (← path.pathExists) true
  listener.close
  checkEq (← path.pathExists) false
  do
    let listener ← address.listen
    let accepting ← listener.acceptStart
    accepting.cancel
  eventually "the file" (return !(← path.pathExists))

-- parity: NET-13
test "a path in use is refused, and a stale one is replaced on request" := inBoth fun runtime => withFolder fun folder => do
  let path := folder / "socket"
  let address ← Address.parse (m := IO) runtime s!"unix:{path}"
  let listener ← address.listen
  for replaceStale in [false, true] do
    check (Error.osCode? (← fails .failed (address.listen { replaceStale }))).isSome "no number"
  -- A copy of the socket outlives the listener, whose file then is nobody's.
  let saved := folder / "saved"
  IO.FS.rename path saved
  listener.close
  IO.FS.rename saved path
  discard <| fails .failed address.listen
  let replaced ← address.listen { replaceStale := true }
  let accepting ← replaced.acceptStart
  let client ← address.connect (m := IO)
  discard accepting.await
  client.close
  replaced.close
  IO.FS.writeFile path "no socket"
  discard <| fails .failed (address.listen { replaceStale := true })

-- parity: NET-11
test "paths that lead nowhere keep their number" := inBoth fun runtime => withFolder fun folder => do
  let error ← fails .failed (runtime.connect s!"unix:{folder}/missing" : IO Connection)
  checkEq (Error.osCode? error) (some 2)
  let error ← fails .failed (runtime.listen s!"unix:{folder}/missing/socket" : IO Listener)
  checkEq (Error.osCode? error) (some 2)

-- parity: NET-02
test "names that are none are refused" := inBoth fun runtime => do
  let long := String.ofList (List.replicate 300 'p')
  for text in [s!"unix:{long}", "unix:a\u0000b", "unix:"] do
    discard <| fails .invalidArgument (Address.parse runtime text)
