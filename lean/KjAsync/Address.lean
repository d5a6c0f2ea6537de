import KjAsync.Promise.Await
import KjAsync.Native.Stream

/-! Addresses: where to connect to and where to listen. -/

namespace KjAsync

/-- Where to connect to or to listen; a name may stand for several addresses. Any thread. It holds its runtime;
after a shutdown calls throw `badHandle`. -/
structure Address where
  /-- Not for users: made by `Address.parse`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Address
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- For promises of an address. -/
def Reader.address : Reader Address where
  ofPromise runtime promise := return ⟨← promise.address, runtime⟩
  ofCall runtime call := return ⟨← call.address, runtime⟩

namespace Address

/--
A promise of the address that a text means: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`, `fe80::1%eth0`, `*` and `*:80` (every
address of this machine, for listening), `name`, `name:80`, `name:http` (a service, also after a numeric address), `unix:path`,
`unix-abstract:name` (Linux), and numeric addresses joined with commas. `defaultPort` is for texts without a port; with neither,
the address can only be listened on, on a free port. Names are looked up on a thread of their own. The address is that of an
unrestricted network; see `Network.parseStart`.

Never blocks. Errors: `invalidArgument` at once if the text is no address; the promise fails with `failed` if the
name does not resolve. Cancellation: a look-up under way goes on unseen. (NET-01, NET-02, NET-03)
-/
def parseStart (runtime : Runtime) (text : String) (defaultPort : UInt16 := 0) : IO (PromiseRef Address) :=
  return ⟨← Native.Address.parseStart runtime.native text defaultPort, runtime, .address⟩

/-- The address that a text means; waits for a name to be looked up. See `parseStart`. -/
@[inline] def parse [MonadAwait m] (runtime : Runtime) (text : String) (defaultPort : UInt16 := 0) : m Address :=
  MonadAwait.awaitStarted (parseStart runtime text defaultPort)

/-- The address as a text that `parse` takes, such as `127.0.0.1:80` or `[::1]:80`. (NET-15) -/
def text (address : Address) : IO String := address.native.text

/-- The port. -/
def port (address : Address) : IO UInt16 := address.native.port

end Address
end KjAsync
