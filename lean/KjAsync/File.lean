import KjAsync.Fd
import KjAsync.Pipe

/-! Files as connections. -/

namespace KjAsync

/--
A connection from a copy of the descriptor of a regular file, read and written from `offset`, in bytes, on without moving the
descriptor's own offset. Its length is known; it is never disconnected.

*Blocking.* Reads and writes are done in the call that starts them, and may block for the disk. Errors: `unimplemented` for what
is no regular file, `failed` with the OS error EBADF. (STRM-25, STRM-26)
-/
def Runtime.wrapFileFd (runtime : Runtime) (fd : Fd) (offset : UInt64 := 0) : IO Connection :=
  return ⟨← Native.Connection.fromFile runtime.native fd 0 offset, runtime⟩

/-- As `wrapFileFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (LLIO-10) -/
def Runtime.wrapFileFdTake (runtime : Runtime) (fd : Fd) (offset : UInt64 := 0) : IO Connection :=
  return ⟨← Native.Connection.fromFile runtime.native fd 1 offset, runtime⟩

/-- Opens a file as a connection; see `Runtime.wrapFileFd` and `OwnFd.openFile`. Blocks for the disk. (STRM-25, STRM-26) -/
def Connection.ofFile (runtime : Runtime) (path : System.FilePath) (mode : IO.FS.Mode := .read) (offset : UInt64 := 0) :
    IO Connection := do
  runtime.wrapFileFdTake (← (← OwnFd.openFile path mode).take) offset

end KjAsync
