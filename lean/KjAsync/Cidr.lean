import KjAsync.AddressFamily

/-! Blocks of IP addresses. -/

namespace KjAsync

/-- A block of addresses, such as `10.0.0.0/8` or `fd00::/8`. A plain value. Nothing here blocks. -/
structure Cidr where
  private mk ::
  /-- Its text, which can be parsed, with the bits past the prefix cleared. (CIDR-02) -/
  text : String
  /-- `ipv4` or `ipv6`. (CIDR-02) -/
  family : AddressFamily
  /-- The length of the prefix: the longer, the more specific. (CIDR-02) -/
  specificity : Nat
  deriving BEq, Repr, Inhabited

namespace Cidr

private def ofText (text : String) : IO Cidr :=
  return ⟨text, .ofCode (← Native.Cidr.family text), (← Native.Cidr.specificity text).toNat⟩

/-- The block that a text means, such as `10.1.2.3/8`. Errors: `invalidArgument` for a text that is none. (CIDR-01) -/
def parse (text : String) : IO Cidr := do ofText (← Native.Cidr.text text)

/-- The block of `lengthOfPrefix` bits around an IP address of 4 or 16 bytes. Errors: `invalidArgument` for another size and
for a prefix that is too long. (CIDR-01) -/
def ofBytes (ip : ByteArray) (lengthOfPrefix : UInt8) : IO Cidr := do
  ofText (← Native.Cidr.textOf ip lengthOfPrefix)

/-- Does the block have every address that this one stands for? An IPv4 block has the v4-mapped IPv6 addresses too; no block
has a unix socket. (CIDR-02) -/
def «matches» (cidr : Cidr) (address : Address) : IO Bool := Native.Cidr.matchesAddress cidr.text address.native

/-- Does the block have this IP address? Errors: `invalidArgument` for a text that is none. (CIDR-02) -/
def matchesText (cidr : Cidr) (ip : String) : IO Bool := Native.Cidr.matchesText cidr.text ip

instance : ToString Cidr := ⟨Cidr.text⟩

end Cidr
end KjAsync
