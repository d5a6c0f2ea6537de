import KjAsync.Native.HttpHead

/-! Ranges of bytes, as `Range` asks for them and `Content-Range` tells of them. -/

namespace KjAsync.Http

/-- Some bytes of a representation; both ends are included. As a text it is what `Content-Range` has, such as `0-99`. (HTTP-26) -/
structure ByteRange where
  /-- The place of the first byte. -/
  start : Nat
  /-- The place of the last byte. -/
  stop : Nat
  deriving DecidableEq, Repr, Inhabited

namespace ByteRange
instance : ToString ByteRange := ⟨fun range => s!"{range.start}-{range.stop}"⟩
/-- How many bytes. -/
def size (range : ByteRange) : Nat := range.stop + 1 - range.start
end ByteRange

/-- What a `Range` header asks for. (HTTP-17) -/
inductive Ranges where
  /-- One of them covers it all: the whole is the answer. -/
  | everything
  /-- These, in the order in which they were asked for. -/
  | some (ranges : Array ByteRange)
  /-- The header is malformed, or none of its ranges has a byte: 416 is the answer. -/
  | unsatisfiable
  deriving DecidableEq, Repr, Inhabited

/-- Reads the value of a `Range` header for something of `total` bytes. Ranges are cut to the bytes that there are; one that begins past
the end is left out; one item that is malformed spoils the whole header, and so do more than 256. (HTTP-17)

    match ← Http.Ranges.parse "bytes=0-99" size with
    | .some #[range] => ... -- 206 with `Content-Range: bytes {range}/{size}`
-/
def Ranges.parse (value : String) (total : Nat) : IO Ranges := do
  let (kind, ranges) ← Native.httpRangeParse value (min total (UInt64.size - 1)).toUInt64
  return match kind with
    | 1 => .everything
    | 2 => .some (ranges.map fun (start, stop) => { start := start.toNat, stop := stop.toNat })
    | _ => .unsatisfiable

end KjAsync.Http
