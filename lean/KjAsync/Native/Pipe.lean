import KjAsync.Native.Handle

/-! Foreign functions of pipes, and of what all connections can do beside reading and writing. The contract of each is in
`kjasync.h`. -/

namespace KjAsync.Native

private opaque BufferPointed : NonemptyType.{0}
/-- A byte array that a read fills, until it is taken out. -/
def Buffer : Type := BufferPointed.type
instance : Nonempty Buffer := BufferPointed.property

/-- The array, for whoever asks first. -/
@[extern "kjasync_buffer_take"]
opaque Buffer.take (buffer : @& Buffer) : IO ByteArray

/-- `kja_connection_read_into_start`, into the array itself, or into a copy if it is shared. -/
@[extern "kjasync_connection_read_into_start"]
opaque Connection.readIntoStart (connection : @& Connection) (array : ByteArray) (start stop min : USize) :
  IO (Promise × Buffer)

/-- `kja_connection_read_required_start`. -/
@[extern "kjasync_connection_read_required_start"]
opaque Connection.readRequiredStart (connection : @& Connection) (min max : USize) : IO Promise

/-- `kja_connection_abort_write_error_object`. -/
@[extern "kjasync_connection_abort_write"]
opaque Connection.abortWrite (connection : @& Connection) (error : @& Error) : IO Unit

/-- `kja_connection_when_write_disconnected_start`. -/
@[extern "kjasync_connection_when_write_disconnected_start"]
opaque Connection.whenWriteDisconnectedStart (connection : @& Connection) : IO Promise

/-- `kja_connection_length`. -/
@[extern "kjasync_connection_length"]
opaque Connection.length (connection : @& Connection) : IO UInt64

/-- `kja_pipe_new_one_way`: reader and writer. -/
@[extern "kjasync_pipe_new_one_way"]
opaque Runtime.newOneWayPipe (runtime : @& Runtime) (length : UInt64) : IO (Connection × Connection)

/-- `kja_pipe_new_two_way`. -/
@[extern "kjasync_pipe_new_two_way"]
opaque Runtime.newTwoWayPipe (runtime : @& Runtime) : IO (Connection × Connection)

/-- `kja_pipe_new_os_one_way`: reader and writer. -/
@[extern "kjasync_pipe_new_os_one_way"]
opaque Runtime.newOsPipe (runtime : @& Runtime) : IO (Connection × Connection)

/-- `kja_pipe_new_os_two_way`. -/
@[extern "kjasync_pipe_new_os_two_way"]
opaque Runtime.newOsSocketPair (runtime : @& Runtime) : IO (Connection × Connection)

/-- `kja_pipe_new_capability`. -/
@[extern "kjasync_pipe_new_capability"]
opaque Runtime.newCapabilityPipe (runtime : @& Runtime) : IO (Connection × Connection)

/-- `kja_pipe_tee`. -/
@[extern "kjasync_pipe_tee"]
opaque Connection.tee (source : @& Connection) (limit : USize) : IO (Connection × Connection)

/-- `kja_call_return_handle` of a connection. -/
@[extern "kjasync_call_return_connection"]
opaque Call.returnConnection (call : @& Call) (connection : @& Connection) : IO Unit

/-- `kja_connection_new_promised`. -/
@[extern "kjasync_connection_new_promised"]
opaque Connection.promised (promise : @& Promise) : IO Connection

/-- `kja_connection_new_null`. -/
@[extern "kjasync_connection_new_null"]
opaque Connection.null (runtime : @& Runtime) : IO Connection

/-- `kja_connection_from_file`. -/
@[extern "kjasync_connection_from_file"]
opaque Connection.fromFile (runtime : @& Runtime) (fd flags : UInt32) (offset : UInt64) : IO Connection

end KjAsync.Native
