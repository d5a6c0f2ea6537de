import KjAsync

/-!
A web server that stops at Ctrl-C, and first finishes what it has begun. Here the program is its own client as well, and presses Ctrl-C
itself, in the middle of a request; a second Ctrl-C would end it at once, as that of any program does.
-/

open KjAsync

/-- Serves until it is interrupted and all requests are answered. `ready` learns of the port. -/
def serve (runtime : Runtime) (ready : Fulfiller UInt16) (answer : Http.Request → Async Http.Response) : Async Unit := do
  let server ← Http.Server.new runtime answer
  let listener ← runtime.listen "127.0.0.1:0"
  let serving ← server.listenStart listener
  let interrupt ← Signal.interruptStart runtime
  ready.fulfill (← listener.port)
  let info ← interrupt.await
  IO.println s!"stopping: {repr info.name}"
  server.drain
  serving.await
  server.close

def main : IO UInt32 := do
  let answered ← IO.mkRef 0
  Runtime.withRuntime fun runtime => Async.run runtime do
    Async.timeout (.ofNanos 10_000_000_000) do
      let (ready, port) ← Fulfiller.new (α := UInt16) runtime
      let server ← Async.start runtime <| serve runtime ready fun request => do
        -- The interrupt comes while this request waits; it is answered all the same.
        SignalName.interrupt.send (← IO.Process.getPID)
        Async.sleep (.ofNanos 20_000_000)
        answered.modify (· + 1)
        return .text s!"You asked for {request.path}\n"
      let client ← Http.Client.new (← Network.system runtime)
      let url := s!"http://127.0.0.1:{← port.await}"
      IO.print (← (← client.get s!"{url}/slow").text)
      server.await
      try
        discard <| client.get s!"{url}/late"
        throw (IO.userError "it still serves")
      catch error =>
        unless Error.kind? error == some .disconnected do throw error
  IO.println s!"requests answered: {← answered.get}"
  let left ← Native.handleCount
  IO.println s!"handles left: {left}"
  if left != 0 then return 1
  IO.println "demo: ok"
  return 0
