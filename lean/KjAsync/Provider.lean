import KjAsync.NetworkWrapper
import KjAsync.Native.Provider

/-!
Connections, listeners, addresses and networks of the program's own: any type that can be read from and written to becomes a
`Connection`, and any code that gives connections or addresses becomes what they come from. Nothing here blocks.
-/

namespace KjAsync

namespace PromiseRef

/-- The native promise of native bytes, of one that may carry them in a Lean object. Not for users. -/
def asBytes (promise : PromiseRef BytesRef) : IO Native.Promise := do
  let { native, runtime, reader } := promise
  unless reader.isObject do return native
  native.onValue fun call => do
    match ← reader.input runtime call with
    | .ok bytes => Outcome.orReject call (call.returnBytes bytes.native)
    | .error error => Outcome.rejectCall call error

/-- The native promise of nothing, of one that may carry a Lean object. Not for users. -/
def asUnit (promise : PromiseRef Unit) : IO Native.Promise := do
  let { native, runtime, reader } := promise
  unless reader.isObject do return native
  native.onValue fun call => do
    if let .error error ← reader.input runtime call then Outcome.rejectCall call error

/-- The native promise of a native address, of one that may carry it in a Lean object. Not for users. -/
def asAddress (promise : PromiseRef Address) : IO Native.Promise := do
  let { native, runtime, reader } := promise
  unless reader.isObject do return native
  native.onValue fun call => do
    match ← reader.input runtime call with
    | .ok address => Outcome.orReject call (call.returnAddress address.native)
    | .error error => Outcome.rejectCall call error

end PromiseRef

open Stream (ReadableRef WritableRef)

/-- What tells that nobody is left to read; never, of a stream that cannot tell. -/
private def watchOf [WritableRef σ] (runtime : Runtime) (stream : σ) : IO (PromiseRef Unit) := do
  try WritableRef.whenWriteDisconnectedStart stream
  catch error => if Error.kind? error == some .unimplemented then PromiseRef.never runtime else throw error

/--
A connection that reads from one stream and writes to another, each of any type with an instance of `Stream.ReadableRef` or
`Stream.WritableRef`. It is like any other: it can be read, written, pumped and teed, stand below TLS, and be served HTTP on.

The functions of the instances run on the runtime's loop, one read at a time and one write or end of writing, and must not block;
`length?` runs wherever it is asked. An operation that is cancelled drops the promise that they gave, and with it what nobody else
holds. Closing the connection, or dropping it, drops that too and then the streams, of which it keeps the only reference if you
keep none; it does not call `closeRead` or `closeWrite`.

Socket options, names, the peer and the descriptor are those of `below`, which is closed with the connection; without it there are
none. Errors: `invalidArgument` for a `below` of another runtime, `overloaded` for more than 64 connections on top of each other.
Operations fail as the streams do, and with `failed` if a read gives more than was asked for. (LLIO-13)
-/
def Connection.ofStreams [ReadableRef σ] [WritableRef τ] (runtime : Runtime) (source : σ) (target : τ)
    (below : Option Connection := none) : IO Connection := do
  let native ← Native.Connection.fromCallbacks runtime.native (below.map (·.native)) {
    read := fun call min max => Outcome.returnNative call do (← ReadableRef.readStart source min max).asBytes
    write := fun call => Outcome.returnNative call do (← WritableRef.writeStart target ⟨← call.bytes⟩).asUnit
    shutdownWrite := fun call => Outcome.returnNative call do (← WritableRef.shutdownWriteStart target).asUnit
    abortRead := fun _ => do discard (ReadableRef.abortRead source).toBaseIO
    abortWrite := fun call => do discard (WritableRef.abortWrite target (← call.failure)).toBaseIO
    whenWriteDisconnected := fun call => Outcome.returnNative call do (← watchOf runtime target).asUnit
    length := do
      match ← (ReadableRef.length? source).toBaseIO with
      | .ok (some length) => return length
      | _ => return 0xFFFF_FFFF_FFFF_FFFF }
  return ⟨native, runtime⟩

/-- A connection of one stream that can be read from and written to; see `Connection.ofStreams`. (LLIO-13) -/
def Connection.ofStream [ReadableRef σ] [WritableRef σ] (runtime : Runtime) (stream : σ)
    (below : Option Connection := none) : IO Connection :=
  Connection.ofStreams runtime stream stream below

/--
A listener whose connections come from this code, which runs on the loop, once for each accept and one at a time. It can be joined
with others, wrapped, and served HTTP on; port and socket options it has none (`unimplemented`). An accept that is cancelled
ends the code at its next wait; what it had given by then is for the next accept. Closing or dropping the listener drops it.
(LLIO-13)
-/
def Listener.ofAccept (runtime : Runtime) (accept : Async Connection) : IO Listener :=
  return ⟨← Native.Listener.fromCallbacks runtime.native (Outcome.deliverConnection runtime · accept), runtime⟩

/--
An address that this code connects to, on the loop, any number of times side by side; a connect that is cancelled ends it at its next
wait. Listening on it, if there is an `accept`, gives a listener as `Listener.ofAccept` does, else `unimplemented`. It stands for no
socket address; the text is for people. (LLIO-13)
-/
def Address.ofConnect (runtime : Runtime) (connect : Async Connection) (accept : Option (Async Connection) := none)
    (text : String := "<provided>") : IO Address := do
  let nobody : Async Connection := throw (Error.ofKind .unimplemented "nobody can listen on this address")
  let native ← Native.Address.fromCallbacks runtime.native text accept.isSome {
    connect := (Outcome.deliverConnection runtime · connect)
    accept := (Outcome.deliverConnection runtime · (accept.getD nobody)) }
  return ⟨native, runtime⟩

/--
A network whose addresses come from this code, which gets a text and the port for texts without one, on the loop, any number of times
side by side; a parse that is cancelled ends it at its next wait. It stands wherever a network is asked for, such as below an HTTP
client, and can be wrapped. It has no rules and no sockets (`unimplemented`). (LLIO-13)
-/
def Network.ofParse (runtime : Runtime) (parse : String → UInt16 → Async Address) : IO Network := do
  let native ← Native.Network.fromCallbacks runtime.native fun call text port => do
    let outcome ← parse text port { runtime }
    Outcome.orReject call do
      match outcome with
      | .ok address => call.returnAddress address.native
      | outcome => call.returnPromise (← (← outcome.toPromise runtime).asAddress)
  return ⟨native, runtime⟩

end KjAsync
