import KjAsync.Listener
import KjAsync.Native.Network

/-!
Socket options, raw: level and number as the system's headers have them, and bytes. Nothing here blocks.
-/

namespace KjAsync

/-- A number as an option's value: a C `int`. All systems that Lean runs on put the low byte first. -/
def SocketOption.ofInt (value : Int32) : ByteArray :=
  let bits := value.toUInt32
  ⟨#[bits.toUInt8, (bits >>> 8).toUInt8, (bits >>> 16).toUInt8, (bits >>> 24).toUInt8]⟩

/-- The C `int` at the head of an option's value, if there is one. -/
def SocketOption.toInt? (value : ByteArray) : Option Int32 :=
  if value.size < 4 then none else
    let byte (index : Nat) : UInt32 := (value.get! index).toUInt32 <<< (8 * index).toUInt32
    some (byte 0 ||| byte 1 ||| byte 2 ||| byte 3).toInt32

/-- The most that is read of an option's value, in bytes. -/
private def valueCapacity (capacity : Nat) : USize := Native.usize (min capacity 1048576)

/-- The value of an option, `capacity` bytes at most. Errors: `unimplemented` if the connection is no socket, otherwise what
the system says, with its number. (STRM-17) -/
def Connection.getsockopt (connection : Connection) (level option : Int32) (capacity : Nat := 256) : IO ByteArray :=
  connection.native.getsockopt level option (valueCapacity capacity)

/-- Sets an option. Errors as for `getsockopt`. (STRM-17) -/
def Connection.setsockopt (connection : Connection) (level option : Int32) (value : ByteArray) : IO Unit :=
  connection.native.setsockopt level option value

/-- The value of an option, `capacity` bytes at most; of several sockets that of the first. Errors: what the system says, with
its number. (NET-19) -/
def Listener.getsockopt (listener : Listener) (level option : Int32) (capacity : Nat := 256) : IO ByteArray :=
  listener.native.getsockopt level option (valueCapacity capacity)

/-- Sets an option, of every socket of the listener. Errors as for `getsockopt`. (NET-19, NET-20) -/
def Listener.setsockopt (listener : Listener) (level option : Int32) (value : ByteArray) : IO Unit :=
  listener.native.setsockopt level option value

end KjAsync
