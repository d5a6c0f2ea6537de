import KjAsync.Native.Network

/-! Foreign functions that make connections and networks of closures. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

/-- What a stream does that the program provides. -/
structure Connection.Callbacks where
  /-- Reads at least one byte and at most so many, for somebody who waits for the first number. -/
  read : Call → Nat → Nat → BaseIO Unit
  /-- Writes the bytes that are its input. -/
  write : Callback
  /-- Tells the other side that nothing more will come. -/
  shutdownWrite : Callback
  /-- Nobody reads any more. -/
  abortRead : Callback
  /-- Nobody writes any more, for the error that is its input. -/
  abortWrite : Callback
  /-- Settles when writing has become useless. -/
  whenWriteDisconnected : Callback
  /-- How many bytes are left to read; the largest number if nobody knows. On any thread. -/
  length : BaseIO UInt64

/-- `kja_connection_from_callbacks`. -/
@[extern "kjasync_connection_from_callbacks"]
opaque Connection.fromCallbacks (runtime : @& Runtime) (below : @& Option Connection) (callbacks : Connection.Callbacks) :
  IO Connection

/-- `kja_call_return_bytes`. -/
@[extern "kjasync_call_return_bytes"]
opaque Call.returnBytes (call : @& Call) (bytes : Bytes) : IO Unit

/-- `kja_listener_from_callbacks`. -/
@[extern "kjasync_listener_from_callbacks"]
opaque Listener.fromCallbacks (runtime : @& Runtime) (accept : Callback) : IO Listener

/-- What is behind an address that the program provides. -/
structure Address.Callbacks where
  /-- Connects. -/
  connect : Callback
  /-- Accepts. -/
  accept : Callback

/-- `kja_address_from_callbacks`. -/
@[extern "kjasync_address_from_callbacks"]
opaque Address.fromCallbacks (runtime : @& Runtime) (text : @& String) (listens : Bool) (callbacks : Address.Callbacks) :
  IO Address

/-- `kja_network_from_callbacks`. -/
@[extern "kjasync_network_from_callbacks"]
opaque Network.fromCallbacks (runtime : @& Runtime) (parse : Call → String → UInt16 → BaseIO Unit) : IO Network

/-- `kja_call_return_handle` of an address. -/
@[extern "kjasync_call_return_address"]
opaque Call.returnAddress (call : @& Call) (address : @& Address) : IO Unit

end KjAsync.Native
