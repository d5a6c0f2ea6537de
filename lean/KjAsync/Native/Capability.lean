import KjAsync.Native.Message

/-! Foreign functions that pass descriptors and connections. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native.Connection

/-- `kja_connection_write_with_fds_start`. -/
@[extern "kjasync_connection_write_with_fds_start"]
opaque writeWithFdsStart (connection : @& Connection) (bytes : @& Bytes) (fds : @& Array UInt32) : IO Promise

/-- `kja_connection_read_with_fds_start`. -/
@[extern "kjasync_connection_read_with_fds_start"]
opaque readWithFdsStart (connection : @& Connection) (min max maxFds : USize) : IO Promise

/-- `kja_connection_write_with_connections_start`. -/
@[extern "kjasync_connection_write_with_connections_start"]
opaque writeWithConnectionsStart (connection : @& Connection) (bytes : @& Bytes) (moved : @& Array Connection) :
  IO Promise

/-- `kja_connection_read_with_connections_start`. -/
@[extern "kjasync_connection_read_with_connections_start"]
opaque readWithConnectionsStart (connection : @& Connection) (min max maxConnections : USize) : IO Promise

/-- `kja_connection_read_with_control_start`. -/
@[extern "kjasync_connection_read_with_control_start"]
opaque readWithControlStart (connection : @& Connection) (min max capacity : USize) : IO Promise

/-- `kja_connection_send_fd_start`. -/
@[extern "kjasync_connection_send_fd_start"]
opaque sendFdStart (connection : @& Connection) (fd : UInt32) : IO Promise

/-- `kja_connection_receive_fd_start`. -/
@[extern "kjasync_connection_receive_fd_start"]
opaque receiveFdStart (connection : @& Connection) : IO Promise

/-- `kja_connection_try_receive_fd_start`. -/
@[extern "kjasync_connection_try_receive_fd_start"]
opaque tryReceiveFdStart (connection : @& Connection) : IO Promise

/-- `kja_connection_send_connection_start`. -/
@[extern "kjasync_connection_send_connection_start"]
opaque sendConnectionStart (connection moved : @& Connection) : IO Promise

/-- `kja_connection_receive_connection_start`. -/
@[extern "kjasync_connection_receive_connection_start"]
opaque receiveConnectionStart (connection : @& Connection) : IO Promise

/-- `kja_connection_try_receive_connection_start`. -/
@[extern "kjasync_connection_try_receive_connection_start"]
opaque tryReceiveConnectionStart (connection : @& Connection) : IO Promise

end KjAsync.Native.Connection
