import KjAsync.Address
import KjAsync.Native.Network

/-! What an address is made of: its family, the addresses behind a name, and the system's own form of it. -/

namespace KjAsync

/-- What kind of address it is. -/
inductive AddressFamily where
  /-- None of the others. -/
  | other
  /-- IPv4. -/
  | ipv4
  /-- IPv6. -/
  | ipv6
  /-- Unix sockets with a path, or without a name. -/
  | unix
  /-- Unix sockets with an abstract name, which Linux has. -/
  | unixAbstract
  deriving BEq, DecidableEq, Repr, Inhabited

/-- The family with this number in `kjasync.h`. -/
def AddressFamily.ofCode : UInt32 → AddressFamily
  | 1 => ipv4
  | 2 => ipv6
  | 3 => unix
  | 4 => unixAbstract
  | _ => other

namespace Address

/-- The family; of several addresses that of the first, for `*` IPv6. Never blocks. -/
def family (address : Address) : IO AddressFamily := return .ofCode (← address.native.family)

/-- How many addresses it stands for: several if a name resolved to them, 0 for a connection, otherwise 1.
Never blocks. (NET-15) -/
def count (address : Address) : IO Nat := address.native.count

/-- One of the addresses that it stands for, by itself, so that its family can be chosen. An address never changes, and is
cloned by copying the reference. Never blocks. Errors: `invalidArgument` for an `index` that is not less than `count`.
(NET-15) -/
def get (address : Address) (index : Nat) : IO Address :=
  return ⟨← address.native.get (Native.usize index), address.runtime⟩

/-- All the addresses that it stands for, in their order. Never blocks. -/
def all (address : Address) : IO (Array Address) := do (Array.range (← address.count)).mapM address.get

/-- An address from the bytes of a `struct sockaddr` of IPv4, IPv6 or a unix socket. Never blocks. Errors: `invalidArgument`
for bytes that are cut off, `unimplemented` for another family. (NET-04) -/
def ofSockaddr (runtime : Runtime) (bytes : ByteArray) : IO Address :=
  return ⟨← Native.Address.fromSockaddr runtime.native bytes, runtime⟩

/-- The bytes of the `struct sockaddr`, of several addresses the first. Never blocks. (STRM-18) -/
def sockaddr (address : Address) : IO ByteArray := address.native.sockaddr

end Address
end KjAsync
