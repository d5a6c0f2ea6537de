import KjAsync

/-!
A reverse proxy in front of several servers: the least busy one gets the next request. Bodies stream both ways, WebSockets and tunnels
pass, and whoever goes away, client or server, takes the other side with it.

With addresses, as in `reverse-proxy 0.0.0.0:80 127.0.0.1:8081 127.0.0.1:8082`, it serves until it is stopped; the first is its own.
Without them it has servers and clients of its own.
-/

open KjAsync

/-- A server behind the proxy. -/
structure Backend where
  name : String
  client : Http.Client
  running : IO.Ref Nat

def Backend.of (address : Address) (name : String) : IO Backend := do
  -- Time limits turn a server that hangs into 504, and one that is full into 503.
  let client ← Http.Client.toAddress address
    { connectTimeout? := some (.ofSeconds 2), headTimeout? := some (.ofSeconds 30), maxPerHost? := some 100 }
  return { name, client, running := ← IO.mkRef 0 }

/-- The one with the fewest requests. -/
def leastBusy (backends : Array Backend) : IO (Option Backend) := do
  let mut best := none
  for backend in backends do
    let running ← backend.running.get
    if best.all fun (_, least) => running < least then best := some (backend, running)
  return best.map (·.1)

def proxy (backends : Array Backend) (request : Http.Request) : Async Http.Response := do
  let some backend ← leastBusy backends | return .text "no server" (status := { code := 503 })
  backend.running.modify (· + 1)
  try
    backend.client.forward request (headers? := some (request.headers.set "Via" "1.1 reverse-proxy"))
  finally
    -- Here also if the client has gone: the handler is cancelled then, and with it the request to the server.
    backend.running.modify (· - 1)

/-- A server that sends back what it gets as it comes, and counts the requests that it was cancelled in. -/
def back (begun canceled : IO.Ref Nat) (request : Http.Request) : Async Http.Response := do
  if request.path == "/who" then return .text s!"{(request.headers.get? "via").getD "-"}"
  if request.path == "/never" then
    begun.modify (· + 1)
    try Async.sleep (.ofHours 1) finally canceled.modify (· + 1)
  return .stream fun out => do
    discard <| (← request.body).connection.pumpTo out.connection

def main (arguments : List String) : IO UInt32 := do
  if let own :: servers := arguments then
    Runtime.withRuntime fun runtime => Async.run runtime do
      let mut backends := #[]
      for server in servers do backends := backends.push (← Backend.of (← Address.parse runtime server) server)
      Http.serve own (proxy backends)
    return 0
  let begun ← IO.mkRef 0
  let canceled ← IO.mkRef 0
  Runtime.withRuntime fun runtime => Async.run runtime do
    let mut backends := #[]
    let mut servers := #[]
    for name in ["one", "two", "three"] do
      let listener ← runtime.listen "127.0.0.1:0"
      let server ← Http.Server.new runtime (back begun canceled)
      servers := servers.push (server, ← server.listenStart listener)
      backends := backends.push (← Backend.of (← listener.localAddress) name)
    let listener ← runtime.listen "127.0.0.1:0"
    let url := s!"http://127.0.0.1:{← (← listener.localAddress).port}"
    let server ← Http.Server.new runtime (proxy backends)
    let listening ← server.listenStart listener
    let client ← Http.Client.new (← Network.system runtime)
    unless (← (← client.get (url ++ "/who")).text) == "1.1 reverse-proxy" do throw (IO.userError "another way")
    -- The answer to the first word comes before the second one is said.
    let (asked, out) ← client.requestStreamStart .post (url ++ "/echo")
    Stream.write out "first"
    let answer ← asked.await
    let heard ← (← answer.body).connection.readExactly 5
    Stream.write out "second"
    out.connection.shutdownWrite
    let rest ← answer.text
    unless heard == "first" && rest == "second" do throw (IO.userError s!"heard {rest}")
    let big := BytesRef.ofString ("".pushn 'y' 1_000_000)
    let echoes ← Async.all <| (Array.range 30).map fun _ => do return (← (← client.post (url ++ "/echo") big).readAll).size
    unless echoes.all (· == 1_000_000) do throw (IO.userError "another echo")
    -- Who gives up ends the request at the server.
    let vain ← (← listener.localAddress).connect
    vain.write "GET /never HTTP/1.1\r\nHost: x\r\n\r\n"
    while (← begun.get) == 0 do Async.yield
    vain.abortWrite (Error.ofKind .failed "gone")
    vain.close
    while (← canceled.get) == 0 do Async.yield
    -- A server that is not there.
    servers.forM fun (server, listening) => do
      listening.cancel
      server.close
    let missing ← client.get (url ++ "/who")
    unless missing.status.code == 502 do throw (IO.userError s!"not missing: {missing.status}")
    listening.cancel
    server.close
  IO.println "reverse proxy: ok"
  return 0
