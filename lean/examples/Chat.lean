import KjAsync

/-!
A chat server with rooms. The path of the URL is the room: whatever is said at `ws://…/garden` is heard by everybody there.

With an address as its argument, as in `chat 127.0.0.1:8080`, it serves until it is stopped, and `http://127.0.0.1:8080/` is a page to
chat with. Without one it runs its own clients, and counts what they have heard.
-/

open KjAsync

/-- Somebody in a room. -/
structure Member where
  room : String
  number : Nat
  socket : WebSocket

/-- Who is where. Handlers run on one loop and nobody gets in between, except where they wait. -/
structure Rooms where
  members : IO.Ref (Array Member)
  last : IO.Ref Nat

def Rooms.new : IO Rooms := return { members := ← IO.mkRef #[], last := ← IO.mkRef 0 }

def Rooms.enter (rooms : Rooms) (room : String) (socket : WebSocket) : IO Member := do
  let member := { room, number := ← rooms.last.modifyGet fun last => (last + 1, last + 1), socket }
  rooms.members.modify (·.push member)
  return member

def Rooms.leave (rooms : Rooms) (member : Member) : IO Unit :=
  rooms.members.modify (·.filter (·.number != member.number))

/-- Tells everybody in a room. Who does not keep up is dropped, and holds up nobody. -/
def Rooms.say (rooms : Rooms) (room text : String) : IO Unit := do
  for member in ← rooms.members.get do
    if member.room == room then
      let heard ← try member.socket.sendNow text catch _ => pure false
      unless heard do member.socket.abort

def page : String := "<!doctype html><meta charset=utf-8><title>chat</title>
<p>Room <input id=room value=garden> <button id=enter>enter</button>
<pre id=heard></pre><input id=say size=60 placeholder='say something'>
<script>
let socket
enter.onclick = () => {
  if (socket) socket.close()
  heard.textContent = ''
  socket = new WebSocket(`ws://${location.host}/${encodeURIComponent(room.value)}`)
  socket.onmessage = event => heard.textContent += event.data + '\\n'
  socket.onclose = event => heard.textContent += `closed: ${event.code} ${event.reason}\\n`
}
say.onchange = () => { socket.send(say.value); say.value = '' }
</script>"

def chat (rooms : Rooms) (request : Http.Request) : Async Http.Response := do
  unless request.headers.contains "upgrade" do
    return { Http.Response.text page with headers := .ofList [("Content-Type", "text/html; charset=utf-8")] }
  let options := { compress := true, maxMessage := 4096, pingInterval? := some (.ofSeconds 20), idleTimeout? := some (.ofMinutes 1) }
  let socket ← request.acceptWebSocket (options := options)
  let member ← rooms.enter request.path socket
  try
    for message in socket do
      if let .text text := message then rooms.say request.path text
  finally
    rooms.leave member
  return .answered

/-- Enters a room, says something when everybody is there, and listens until it has heard as much as there is to hear. -/
def talk (url text : String) (everybody : Event) (toHear : Nat) : Async Nat := do
  let socket ← Http.webSocket url (options := { compress := true })
  everybody.wait
  socket.send text
  let mut heard := 0
  while heard < toHear do
    match ← socket.receive with
    | .close code reason => throw (IO.userError s!"closed: {code} {reason}")
    | _ => heard := heard + 1
  socket.finish
  return heard

def main (arguments : List String) : IO UInt32 := do
  let rooms ← Rooms.new
  if let [address] := arguments then
    Runtime.withRuntime fun runtime => Async.run runtime (Http.serve address (chat rooms))
    return 0
  let (roomCount, perRoom) := (5, 20)
  Runtime.withRuntime fun runtime => Async.run runtime do
    let listener ← runtime.listen "127.0.0.1:0"
    let port ← (← listener.localAddress).port
    let server ← Http.Server.new runtime (chat rooms)
    let listening ← server.listenStart listener
    let everybody ← Event.new runtime
    let clients ← Async.start runtime <| Async.all <| Array.ofFn fun (n : Fin (roomCount * perRoom)) =>
      talk s!"ws://127.0.0.1:{port}/room{n.val % roomCount}" s!"hello from {n}" everybody perRoom
    while (← rooms.members.get).size < roomCount * perRoom do Async.yield
    everybody.set
    let heard ← Async.timeout (.ofMillis 20_000) clients.await
    IO.println s!"clients: {heard.size}, messages heard: {heard.foldl (· + ·) 0}"
    unless heard.all (· == perRoom) do throw (IO.userError "somebody has missed something")
    listening.cancel
    server.close
  IO.println "chat: ok"
  return 0
