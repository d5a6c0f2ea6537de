import KjAsync.Native.Stream

/-! Foreign functions of compression. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque CoderPointed : NonemptyType.{0}
/-- A `kja_coder_t`. -/
def Coder : Type := CoderPointed.type
instance : Nonempty Coder := CoderPointed.property

/-- `kja_coding_run`. -/
@[extern "kjasync_coding_run"]
opaque codingRun (format flags level windowBits : UInt32) (maxOutput : UInt64) (maxRatio : UInt32) (data : @& Bytes)
  (limit : USize) : IO Bytes

/-- `kja_coding_layer`; no coding is one of format 0. -/
@[extern "kjasync_coding_layer"]
opaque Connection.codingLayer (connection : @& Connection) (format flags level windowBits : UInt32) (maxOutput : UInt64)
  (maxRatio writeFormat writeFlags writeLevel writeWindowBits : UInt32) (writeMaxOutput : UInt64)
  (writeMaxRatio layerFlags : UInt32) : IO Connection

/-- `kja_coder_new`. -/
@[extern "kjasync_coder_new"]
protected opaque Coder.new (format flags level windowBits : UInt32) (maxOutput : UInt64) (maxRatio : UInt32) : IO Coder

/-- `kja_coder_run`, again and again until it is done. -/
@[extern "kjasync_coder_run"]
opaque Coder.run (coder : @& Coder) (data : @& Bytes) (goal : UInt32) (limit : USize) : IO ByteArray

/-- `kja_connection_flush_start`. -/
@[extern "kjasync_connection_flush_start"]
opaque Connection.flushStart (connection : @& Connection) : IO Promise

end KjAsync.Native
