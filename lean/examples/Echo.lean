import KjAsync

/-!
A TCP echo server and its clients, in one program: many clients at once, a deadline for each, and nothing left at the end.
-/

open KjAsync

/-- Sends back what a client sends, until it has no more to say. Gives the number of bytes. -/
def echo (client : Connection) : Async Nat := do
  let mut bytes := 0
  repeat
    let data ← client.read
    if data.isEmpty then break
    client.write data
    bytes := bytes + data.size
  client.shutdownWrite
  return bytes

/-- Serves whoever connects, until it is cancelled; then its clients are let go as well. -/
def serve (listener : Listener) (served bytes : IO.Ref Nat) : Async Unit :=
  Async.withCancel fun clients => do
    repeat
      let client ← listener.accept
      discard <| clients.spawnCatching (onError := fun (error : IO.Error) => IO.eprintln s!"a client failed: {error}") do
        let count ← echo client
        served.modify (· + 1)
        bytes.modify (· + count)

/-- Says something to the server, and checks that it comes back. -/
def talk (server : Address) (message : String) : Async Unit := do
  let connection ← server.connect
  connection.write message
  connection.shutdownWrite
  let answer ← connection.readAll
  unless answer == message do throw (IO.userError s!"said {message.length} characters, heard something else")

/-- A client that waits for an answer to nothing; only a deadline gets it out of there. -/
def listenInVain (server : Address) : Async Unit := do
  let connection ← server.connect
  try
    discard <| Async.timeout (.ofNanos 20_000_000) connection.read
    throw (IO.userError "the server spoke first")
  catch error =>
    unless Error.kind? error == some .timedOut do throw error

def main : IO UInt32 := do
  let clients := 500
  let served ← IO.mkRef 0
  let bytes ← IO.mkRef 0
  let begin ← IO.monoMsNow
  Runtime.withRuntime fun runtime => do
    let listener ← runtime.listen "127.0.0.1:0"
    let address ← listener.localAddress
    let server ← Async.start runtime (serve listener served bytes)
    Async.run runtime do
      Async.timeout (.ofNanos 10_000_000_000) do
        discard <| Async.all (Array.ofFn fun (n : Fin clients) => talk address ("".pushn 'x' (n.val * 20 + 1)))
      listenInVain address
      -- Until the server has noticed that the last one has gone.
      while (← served.get) < clients + 1 do Async.yield
    server.cancel
  IO.println s!"clients served: {← served.get}"
  IO.println s!"bytes echoed: {← bytes.get}"
  IO.println s!"milliseconds: {(← IO.monoMsNow) - begin}"
  let left ← Native.handleCount
  IO.println s!"handles left: {left}"
  if left != 0 then return 1
  IO.println "demo: ok"
  return 0
