import KjAsync.AddressFamily
import KjAsync.Listener
import KjAsync.Native.Fd

/-! Descriptors that were made elsewhere, or are to be used elsewhere. -/

namespace KjAsync

/-- The number of an open descriptor. It says nothing about who closes it: see `OwnFd` and the functions that take one. Any
number is safe to pass; one that is not open gives `failed` with the OS error EBADF. -/
abbrev Fd := UInt32

/-- A descriptor that is closed when the last reference is dropped, unless `take` has given it away. Any thread; it belongs to
no runtime. (LLIO-10) -/
structure OwnFd where
  /-- Not for users: made by `dupFd?`, `receiveFd?` and the like. -/
  ofNative ::
  /-- The native object. -/
  native : Native.OwnFd

namespace OwnFd

/-- A copy of a descriptor, which stays its owner's. It is closed on exec. Never blocks. -/
def dup (fd : Fd) : IO OwnFd := return ⟨← Native.OwnFd.dup fd⟩

/-- A pipe: the end to read from and the end to write to. Both block, as programs expect that get them, and are closed on exec. Never
blocks. Errors: what the system says, with its number. -/
def pipe : IO (OwnFd × OwnFd) := do
  let (reader, writer) ← Native.OwnFd.pipe
  return (⟨reader⟩, ⟨writer⟩)

/-- Opens a file; `append` writes from the offset that is asked for, as the other modes do. Closed on exec. Blocks for the
disk. Errors: what the system says, with its number, such as ENOENT. -/
def openFile (path : System.FilePath) (mode : IO.FS.Mode := .read) : IO OwnFd := do
  let code := match mode with
    | .read => 0
    | .write => 1
    | .writeNew => 2
    | .readWrite => 3
    | .append => 4
  return ⟨← Native.OwnFd.openFile path.toString code⟩

/-- Runs `use` with its number, and keeps it open meanwhile. What copies or sends a descriptor does so before it returns, so
this is how to lend one: `fd.withNumber runtime.wrapSocketFd`. Errors: `failed` with the OS error EBADF once it is closed or
taken. -/
def withNumber (fd : OwnFd) (use : Fd → IO α) : IO α := do
  try use (← fd.native.number)
  -- Lean drops a reference after its last use, and this is it.
  finally discard fd.native.number.toBaseIO

/-- Its number, good only while something holds this object: Lean drops a reference after its last use. See `withNumber`.
Errors as for that. -/
def number (fd : OwnFd) : IO Fd := fd.native.number

/-- Gives it away: whoever has the number closes it. Once only; then `failed` with the OS error EBADF. -/
def take (fd : OwnFd) : IO Fd := fd.native.take

/-- Closes it now. A second call does nothing. -/
def close (fd : OwnFd) : IO Unit := fd.native.close

end OwnFd

/-- What the caller has seen to already, so that it need not be done again. (LLIO-02, LLIO-03) -/
structure FdOptions where
  /-- It is closed on exec; only asked about one that is taken. (LLIO-02) -/
  alreadyCloexec : Bool := false
  /-- It does not block. One that does would stop the loop. (LLIO-03) -/
  alreadyNonblock : Bool := false

/-- The flags of `kjasync.h`. -/
def FdOptions.flags (options : FdOptions) (take : Bool) : UInt32 :=
  (if take then 1 else 0) ||| (if take && options.alreadyCloexec then 2 else 0) |||
    (if options.alreadyNonblock then 4 else 0)

namespace Runtime

/--
A connection from a copy of the descriptor: of a connected stream socket, a unix socket among them, or of anything else that
can be polled, such as one end of a pipe or a terminal. The caller keeps and closes its own. That it does not block is a
property which both share: it is set, and not set back.

Never blocks. Errors: `failed` with the OS error EBADF; `invalidArgument` for a listening socket and one of datagrams;
`unimplemented` for what cannot be polled: for a regular file there is `Connection.ofFile`. (LLIO-01, LLIO-03, LLIO-04, LLIO-05,
LLIO-06)
-/
def wrapSocketFd (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO Connection :=
  return ⟨← Native.Connection.fromFd runtime.native fd (options.flags false), runtime⟩

/-- As `wrapSocketFd`, of the descriptor itself: it is the library's from now on, also if the call fails, and is closed on
exec. With an `OwnFd`, pass `← fd.take`. (LLIO-01, LLIO-02, LLIO-10) -/
def wrapSocketFdTake (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO Connection :=
  return ⟨← Native.Connection.fromFd runtime.native fd (options.flags true), runtime⟩

/-- A promise of a connection: connects a copy of a stream socket to the address, of whose names the first of the socket's
family is used. Otherwise as `wrapSocketFd`; the promise fails with `disconnected` if the connection is refused. Never blocks.
Cancellation: the attempt ends and the library's descriptor is closed. (LLIO-07) -/
def wrapConnectingSocketFdStart (runtime : Runtime) (fd : Fd) (address : Address) (options : FdOptions := {}) :
    IO (PromiseRef Connection) :=
  return ⟨← Native.Connection.fromConnectingFdStart runtime.native fd (options.flags false) address.native, runtime,
    .connection⟩

/-- Connects a copy of a stream socket and waits for that; see `wrapConnectingSocketFdStart`. -/
@[inline] def wrapConnectingSocketFd [MonadAwait m] (runtime : Runtime) (fd : Fd) (address : Address)
    (options : FdOptions := {}) : m Connection :=
  MonadAwait.awaitStarted (runtime.wrapConnectingSocketFdStart fd address options)

/-- As `wrapConnectingSocketFdStart`, of the descriptor itself: it is the library's from now on, also if the call fails.
(LLIO-07, LLIO-10) -/
def wrapConnectingSocketFdTakeStart (runtime : Runtime) (fd : Fd) (address : Address) (options : FdOptions := {}) :
    IO (PromiseRef Connection) :=
  return ⟨← Native.Connection.fromConnectingFdStart runtime.native fd (options.flags true) address.native, runtime,
    .connection⟩

/-- Connects a stream socket and waits for that; see `wrapConnectingSocketFdTakeStart`. -/
@[inline] def wrapConnectingSocketFdTake [MonadAwait m] (runtime : Runtime) (fd : Fd) (address : Address)
    (options : FdOptions := {}) : m Connection :=
  MonadAwait.awaitStarted (runtime.wrapConnectingSocketFdTakeStart fd address options)

/-- A listener from a copy of a socket that is listening. Never blocks. Errors: `invalidArgument` for any other descriptor,
otherwise as `wrapSocketFd`. (LLIO-08) -/
def wrapListenSocketFd (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO Listener :=
  return ⟨← Native.Listener.fromFd runtime.native fd (options.flags false), runtime⟩

/-- As `wrapListenSocketFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (LLIO-08,
LLIO-10) -/
def wrapListenSocketFdTake (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO Listener :=
  return ⟨← Native.Listener.fromFd runtime.native fd (options.flags true), runtime⟩

end Runtime

namespace Connection

/-- The number of the connection's descriptor, if it has one. It stays the connection's: it must not be closed, read or
written, and is of no use once the connection is closed. Never blocks. (STRM-19) -/
def fd? (connection : Connection) : IO (Option Fd) := Error.noneIf .unimplemented connection.native.fd

/-- A copy of the connection's descriptor, if it has one. It is closed on exec, and does not block. Never blocks. (STRM-19) -/
def dupFd? (connection : Connection) : IO (Option OwnFd) :=
  Error.noneIf .unimplemented do return ⟨← connection.native.dupFd⟩

end Connection
end KjAsync
