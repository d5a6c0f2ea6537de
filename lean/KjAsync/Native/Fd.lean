import KjAsync.Native.Handle

/-! Foreign functions of descriptors. The contract of each `kja_` function is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque OwnFdPointed : NonemptyType.{0}
/-- A descriptor that is closed when the last reference is dropped. -/
def OwnFd : Type := OwnFdPointed.type
instance : Nonempty OwnFd := OwnFdPointed.property

/-- A copy that is closed on exec. -/
@[extern "kjasync_fd_dup"]
opaque OwnFd.dup (fd : UInt32) : IO OwnFd

/-- The ends of a pipe, closed on exec. -/
@[extern "kjasync_fd_pipe"]
opaque OwnFd.pipe : IO (OwnFd × OwnFd)

/-- Opens a file; the mode is the number of one of `IO.FS.Mode`. -/
@[extern "kjasync_fd_open"]
opaque OwnFd.openFile (path : @& String) (mode : UInt8) : IO OwnFd

/-- Its number. -/
@[extern "kjasync_fd_number"]
opaque OwnFd.number (owner : @& OwnFd) : IO UInt32

/-- Its number, which is no longer its. -/
@[extern "kjasync_fd_take"]
opaque OwnFd.take (owner : @& OwnFd) : IO UInt32

/-- Closes it, if it has not been closed or taken. -/
@[extern "kjasync_fd_close"]
opaque OwnFd.close (owner : @& OwnFd) : IO Unit

/-- `kja_connection_from_fd`. -/
@[extern "kjasync_connection_from_fd"]
opaque Connection.fromFd (runtime : @& Runtime) (fd flags : UInt32) : IO Connection

/-- `kja_connection_from_connecting_fd_start`. -/
@[extern "kjasync_connection_from_connecting_fd_start"]
opaque Connection.fromConnectingFdStart (runtime : @& Runtime) (fd flags : UInt32) (to : @& Address) : IO Promise

/-- `kja_listener_from_fd`. -/
@[extern "kjasync_listener_from_fd"]
opaque Listener.fromFd (runtime : @& Runtime) (fd flags : UInt32) : IO Listener

/-- `kja_connection_fd`. -/
@[extern "kjasync_connection_fd"]
opaque Connection.fd (connection : @& Connection) : IO UInt32

/-- `kja_connection_dup_fd`. -/
@[extern "kjasync_connection_dup_fd"]
opaque Connection.dupFd (connection : @& Connection) : IO OwnFd

end KjAsync.Native
