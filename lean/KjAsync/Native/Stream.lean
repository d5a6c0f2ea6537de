import KjAsync.Native.Handle

/-! Foreign functions of bytes, addresses, listeners and connections. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

/-- The array, kept and not copied. -/
@[extern "kjasync_bytes_of_byte_array"]
opaque Bytes.ofByteArray (data : ByteArray) : Bytes

/-- A copy. -/
@[extern "kjasync_bytes_to_byte_array"]
opaque Bytes.toByteArray (bytes : @& Bytes) : ByteArray

/-- How many. -/
@[extern "kjasync_bytes_size"]
opaque Bytes.size (bytes : @& Bytes) : USize

/-- One of them, 0 beyond the end. -/
@[extern "kjasync_bytes_get"]
opaque Bytes.get (bytes : @& Bytes) (index : USize) : UInt8

/-- A part, cut to what there is; not copied. -/
@[extern "kjasync_bytes_slice"]
opaque Bytes.slice (bytes : @& Bytes) (start stop : USize) : Bytes

/-- 0, 1 or 2: the first is less, equal or greater. -/
@[extern "kjasync_bytes_compare"]
opaque Bytes.compare (left right : @& Bytes) : UInt8

/-- Where the first occurrence from `start` on begins; the size if there is none. -/
@[extern "kjasync_bytes_index_of"]
opaque Bytes.indexOf (bytes wanted : @& Bytes) (start : USize) : USize

/-- `kja_address_parse_start`. -/
@[extern "kjasync_address_parse_start"]
opaque Address.parseStart (runtime : @& Runtime) (text : @& String) (defaultPort : UInt16) : IO Promise

/-- `kja_address_text`. -/
@[extern "kjasync_address_text"]
opaque Address.text (address : @& Address) : IO String

/-- `kja_address_port`. -/
@[extern "kjasync_address_port"]
opaque Address.port (address : @& Address) : IO UInt16

/-- `kja_address_connect_start`. -/
@[extern "kjasync_address_connect_start"]
opaque Address.connectStart (address : @& Address) : IO Promise

/-- `kja_address_listen_with`. -/
@[extern "kjasync_address_listen"]
opaque Address.listen (address : @& Address) (backlog flags : UInt32) : IO Listener

/-- `kja_listener_local_address`. -/
@[extern "kjasync_listener_local_address"]
opaque Listener.localAddress (listener : @& Listener) : IO Address

/-- `kja_listener_accept_start`. -/
@[extern "kjasync_listener_accept_start"]
opaque Listener.acceptStart (listener : @& Listener) : IO Promise

/-- `kja_listener_accept_each_start`. -/
@[extern "kjasync_listener_accept_each_start"]
opaque Listener.acceptEachStart (listener : @& Listener) (onConnection : Call → BaseIO Unit) : IO Promise

/-- `kja_listener_close`. -/
@[extern "kjasync_listener_close"]
opaque Listener.close (listener : @& Listener) : IO Unit

/-- `kja_connection_read_start`. -/
@[extern "kjasync_connection_read_start"]
opaque Connection.readStart (connection : @& Connection) (min max : USize) : IO Promise

/-- `kja_connection_read_each_start`. -/
@[extern "kjasync_connection_read_each_start"]
opaque Connection.readEachStart (connection : @& Connection) (min max : USize) (onBytes : Call → BaseIO Unit) : IO Promise

/-- `kja_connection_write_now`. -/
@[extern "kjasync_connection_write_now"]
opaque Connection.writeNow (connection : @& Connection) (bytes : @& Bytes) : IO Nat

/-- `kja_connection_read_all_start`. -/
@[extern "kjasync_connection_read_all_start"]
opaque Connection.readAllStart (connection : @& Connection) (limit : USize) : IO Promise

/-- `kja_connection_write_borrowed_start`: the bytes are kept until written, not copied. -/
@[extern "kjasync_connection_write_start"]
opaque Connection.writeStart (connection : @& Connection) (bytes : Bytes) : IO Promise

/-- `kja_connection_writev_start`. -/
@[extern "kjasync_connection_writev_start"]
opaque Connection.writevStart (connection : @& Connection) (pieces : @& Array Bytes) : IO Promise

/-- `kja_connection_shutdown_write_start`. -/
@[extern "kjasync_connection_shutdown_write_start"]
opaque Connection.shutdownWriteStart (connection : @& Connection) : IO Promise

/-- `kja_connection_abort_read`. -/
@[extern "kjasync_connection_abort_read"]
opaque Connection.abortRead (connection : @& Connection) : IO Unit

/-- `kja_connection_pump_start`. -/
@[extern "kjasync_connection_pump_start"]
opaque Connection.pumpStart (source target : @& Connection) (limit : UInt64) : IO Promise

/-- `kja_connection_set_nodelay`. -/
@[extern "kjasync_connection_set_nodelay"]
opaque Connection.setNodelay (connection : @& Connection) (on : Bool) : IO Unit

/-- `kja_connection_local_address`. -/
@[extern "kjasync_connection_local_address"]
opaque Connection.localAddress (connection : @& Connection) : IO Address

/-- `kja_connection_peer_address`. -/
@[extern "kjasync_connection_peer_address"]
opaque Connection.peerAddress (connection : @& Connection) : IO Address

/-- `kja_connection_close`. -/
@[extern "kjasync_connection_close"]
opaque Connection.close (connection : @& Connection) : IO Unit

end KjAsync.Native
