import KjAsync.Native.Network

/-! Foreign functions of network wrappers. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque NetworkWrapperPointed : NonemptyType.{0}
/-- A `kja_network_wrapper_t`. -/
def NetworkWrapper : Type := NetworkWrapperPointed.type
instance : Nonempty NetworkWrapper := NetworkWrapperPointed.property

namespace NetworkWrapper

/-- What a wrapper does. Each takes its input beside the call, and leaves its result there. -/
structure Callbacks where
  /-- Wraps the end that connected. -/
  client : Call → Connection → String → BaseIO Unit
  /-- Wraps the end that was connected to. -/
  server : Call → Connection → BaseIO Unit
  /-- Hears of accepted connections that could not be wrapped. -/
  failed : Callback

/-- `kja_network_wrapper_new`. -/
@[extern "kjasync_network_wrapper_new"]
protected opaque new (runtime : @& Runtime) (name : @& String) (acceptTimeout : UInt64) (maxHandshakes : USize)
  (callbacks : Callbacks) : IO NetworkWrapper

/-- `kja_network_wrapper_wrap_client_start`. -/
@[extern "kjasync_network_wrapper_wrap_client_start"]
opaque wrapClientStart (wrapper : @& NetworkWrapper) (connection : @& Connection) (host : @& String) : IO Promise

/-- `kja_network_wrapper_wrap_server_start`. -/
@[extern "kjasync_network_wrapper_wrap_server_start"]
opaque wrapServerStart (wrapper : @& NetworkWrapper) (connection : @& Connection) : IO Promise

/-- `kja_network_wrapper_wrap_listener`. -/
@[extern "kjasync_network_wrapper_wrap_listener"]
opaque wrapListener (wrapper : @& NetworkWrapper) (listener : @& Listener) : IO Listener

/-- `kja_network_wrapper_wrap_address`. -/
@[extern "kjasync_network_wrapper_wrap_address"]
opaque wrapAddress (wrapper : @& NetworkWrapper) (address : @& Address) (host : @& String) : IO Address

/-- `kja_network_wrapper_wrap_network`. -/
@[extern "kjasync_network_wrapper_wrap_network"]
opaque wrapNetwork (wrapper : @& NetworkWrapper) (network : @& Network) : IO Network

end NetworkWrapper
end KjAsync.Native
