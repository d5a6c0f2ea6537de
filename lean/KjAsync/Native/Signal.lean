import KjAsync.Native.Handle

/-! Foreign functions of signals. The contract of each is in `kjasync.h`. -/

namespace KjAsync

/-- A signal that came, with what the system tells of it. (UNIX-02) -/
structure SignalInfo where
  /-- What `sigqueue` sent along, else 0. -/
  value : UInt64
  /-- How many more came behind it and were not kept, since too many waited. -/
  merged : UInt64
  /-- The signal. -/
  number : UInt32
  /-- Why it was sent: `si_code`. -/
  code : Int32
  /-- The process that sent it, 0 if none did. -/
  pid : UInt32
  /-- The user of that process. -/
  uid : UInt32
  /-- All of it, as the C structure `siginfo_t` of this system. -/
  bytes : ByteArray

namespace Native

private opaque SignalPointed : NonemptyType.{0}
/-- A `kja_signal_t`. -/
def Signal : Type := SignalPointed.type
instance : Nonempty Signal := SignalPointed.property

/-- `kja_signal_new`. -/
@[extern "kjasync_signal_new"]
opaque Signal.new (runtime : @& Runtime) (numbers : @& Array UInt32) : IO Signal

/-- `kja_signal_next_start`. -/
@[extern "kjasync_signal_next_start"]
opaque Signal.nextStart (signal : @& Signal) : IO Promise

/-- `kja_signal_each_start`. -/
@[extern "kjasync_signal_each_start"]
opaque Signal.eachStart (signal : @& Signal) (onSignal : Callback) : IO Promise

/-- `kja_signal_close`. -/
@[extern "kjasync_signal_close"]
opaque Signal.close (signal : @& Signal) : IO Unit

/-- `kja_promise_handle` of a signal that came, `kja_signal_info_fields` and `kja_signal_info_bytes`. -/
@[extern "kjasync_promise_signal_info"]
opaque Promise.signalInfo (promise : @& Promise) : IO SignalInfo

/-- `kja_call_handle` of a signal that came, `kja_signal_info_fields` and `kja_signal_info_bytes`. -/
@[extern "kjasync_call_signal_info"]
opaque Call.signalInfo (call : @& Call) : IO SignalInfo

/-- `kja_signal_send`. -/
@[extern "kjasync_signal_send"]
opaque Signal.send (pid number : UInt32) : IO Unit

end Native
end KjAsync
