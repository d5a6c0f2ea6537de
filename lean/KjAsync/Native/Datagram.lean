import KjAsync.Native.Message

/-! Foreign functions of datagram ports. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque DatagramPointed : NonemptyType.{0}
/-- A `kja_datagram_t`. -/
def Datagram : Type := DatagramPointed.type
instance : Nonempty Datagram := DatagramPointed.property

/-- `kja_address_bind_datagram`. -/
@[extern "kjasync_address_bind_datagram"]
opaque Address.bindDatagram (address : @& Address) : IO Datagram

/-- `kja_datagram_send_start`. -/
@[extern "kjasync_datagram_send_start"]
opaque Datagram.sendStart (port : @& Datagram) (bytes : @& Bytes) (to : @& Option Address) : IO Promise

/-- `kja_datagram_send_now`. -/
@[extern "kjasync_datagram_send_now"]
opaque Datagram.sendNow (port : @& Datagram) (bytes : @& Bytes) (to : @& Option Address) : IO Bool

/-- `kja_datagram_reply_start`. -/
@[extern "kjasync_datagram_reply_start"]
opaque Datagram.replyStart (port : @& Datagram) (bytes : @& Bytes) (to : @& Message) : IO Promise

/-- `kja_datagram_reply_now`. -/
@[extern "kjasync_datagram_reply_now"]
opaque Datagram.replyNow (port : @& Datagram) (bytes : @& Bytes) (to : @& Message) : IO Bool

/-- `kja_datagram_sendv_start`. -/
@[extern "kjasync_datagram_sendv_start"]
opaque Datagram.sendvStart (port : @& Datagram) (pieces : @& Array Bytes) (to : @& Option Address) : IO Promise

/-- `kja_datagram_receive_start`. -/
@[extern "kjasync_datagram_receive_start"]
opaque Datagram.receiveStart (port : @& Datagram) (capacity controlCapacity : USize) : IO Promise

/-- `kja_datagram_receive_many_start`. -/
@[extern "kjasync_datagram_receive_many_start"]
opaque Datagram.receiveManyStart (port : @& Datagram) (capacity controlCapacity max : USize) : IO Promise

/-- `kja_datagram_receive_each_start`. -/
@[extern "kjasync_datagram_receive_each_start"]
opaque Datagram.receiveEachStart (port : @& Datagram) (capacity controlCapacity : USize) (onMessage : Call → BaseIO Unit) :
    IO Promise

/-- `kja_datagram_connect`. -/
@[extern "kjasync_datagram_connect"]
opaque Datagram.connect (port : @& Datagram) (to : @& Address) : IO Unit

/-- `kja_datagram_local_address`. -/
@[extern "kjasync_datagram_local_address"]
opaque Datagram.localAddress (port : @& Datagram) : IO Address

/-- `kja_datagram_getsockopt`. -/
@[extern "kjasync_datagram_getsockopt"]
opaque Datagram.getsockopt (port : @& Datagram) (level option : Int32) (capacity : USize) : IO ByteArray

/-- `kja_datagram_setsockopt`. -/
@[extern "kjasync_datagram_setsockopt"]
opaque Datagram.setsockopt (port : @& Datagram) (level option : Int32) (value : @& ByteArray) : IO Unit

/-- `kja_datagram_close`. -/
@[extern "kjasync_datagram_close"]
opaque Datagram.close (port : @& Datagram) : IO Unit

/-- `kja_datagram_from_fd`. -/
@[extern "kjasync_datagram_from_fd"]
opaque Datagram.fromFd (runtime : @& Runtime) (fd flags : UInt32) : IO Datagram

end KjAsync.Native
