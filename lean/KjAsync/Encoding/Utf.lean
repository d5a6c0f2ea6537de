import KjAsync.Encoding.Result

/-!
UTF-16 and UTF-32 as bytes, in either byte order. Between them and UTF-8 also unpaired surrogates survive: as WTF-8, which is
UTF-8 that has them too, in three bytes. They count as errors all the same, and since a `String` has none, texts that may have
them are `ByteArray`s. Nothing is known of byte order marks. Pure functions; the native library is not needed.
-/

namespace KjAsync

/-- In which order the bytes of a unit stand. (ENC-02) -/
inductive ByteOrder where
  /-- The lowest byte first. -/
  | little
  /-- The highest byte first. -/
  | big
  deriving BEq, Repr, Inhabited

namespace Encoding

private def replacement : UInt32 := 0xfffd

/-- Not for users. -/
@[inline] def isSurrogate (code : UInt32) : Bool := code &&& 0xfffff800 == 0xd800
@[inline] private def isPair (first second : UInt32) : Bool :=
  first &&& 0xfffffc00 == 0xd800 && second &&& 0xfffffc00 == 0xdc00

/-- Appends a code point in UTF-8, or a surrogate in the three bytes that it would have. Not for users. -/
def pushCode (out : ByteArray) (code : UInt32) : ByteArray :=
  if code < 0x80 then out.push code.toUInt8
  else if code < 0x800 then (out.push (0xc0 ||| code >>> 6).toUInt8).push (tail code)
  else if code < 0x10000 then ((out.push (0xe0 ||| code >>> 12).toUInt8).push (tail (code >>> 6))).push (tail code)
  else
    (((out.push (0xf0 ||| code >>> 18).toUInt8).push (tail (code >>> 12))).push (tail (code >>> 6))).push (tail code)
where
  tail (code : UInt32) : UInt8 := (0x80 ||| code &&& 0x3f).toUInt8

/-- How many continuation bytes there are from `start` on, at most `most`, and what they add to `code`. -/
private def continuations (text : ByteArray) (start most : Nat) (code : UInt32) : Nat × UInt32 := go most 0 code
where
  go (steps count : Nat) (code : UInt32) : Nat × UInt32 :=
    match steps with
    | 0 => (count, code)
    | steps + 1 =>
      if h : start + count < text.size then
        let byte := text[start + count]
        if byte &&& 0xc0 == 0x80 then go steps (count + 1) (code <<< 6 ||| (byte &&& 0x3f).toUInt32) else (count, code)
      else (count, code)

/-- The code point of the sequence that begins before `start`, with `lead`, or U+FFFD, and how many bytes follow the first one. -/
private def sequence (text : ByteArray) (start : Nat) (lead : UInt8) (previous : UInt32) : UInt32 × Nat :=
  if lead < 0xc0 || lead >= 0xf8 then malformed 0
  else if lead < 0xe0 then check 1 0x80 (lead &&& 0x1f)
  else if lead < 0xf0 then check 2 0x800 (lead &&& 0x0f)
  else check 3 0x10000 (lead &&& 0x07)
where
  malformed (count : Nat) : UInt32 × Nat := (replacement, count + (continuations text (start + count) text.size 0).1)
  check (length : Nat) (least : UInt32) (bits : UInt8) : UInt32 × Nat :=
    let (count, code) := continuations text start length bits.toUInt32
    if count < length || code < least || code > 0x10ffff || isPair previous code then malformed count else (code, count)

/-- Encodes WTF-8; `push` appends a code point. A U+FFFD is an error unless its own three bytes stand there. -/
@[specialize] private def encodeWith (push : ByteArray → UInt32 → ByteArray) (text out : ByteArray) :
    EncodingResult ByteArray :=
  go text.size 0 0 out false
where
  go (steps i : Nat) (previous : UInt32) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if h : i < text.size then
        let lead := text[i]
        if lead < 0x80 then go steps (i + 1) 0 (push out lead.toUInt32) errors
        else
          let (code, more) := sequence text (i + 1) lead previous
          let isError := isSurrogate code || (code == replacement && !isReplacement i more)
          go steps (i + 1 + more) code (push out code) (errors || isError)
      else ⟨out, errors⟩
  isReplacement (i more : Nat) : Bool :=
    more == 2 && text.get! i == 0xef && text.get! (i + 1) == 0xbf && text.get! (i + 2) == 0xbd

@[inline] private def push16 (order : ByteOrder) (out : ByteArray) (unit : UInt32) : ByteArray :=
  match order with
  | .little => (out.push unit.toUInt8).push (unit >>> 8).toUInt8
  | .big => (out.push (unit >>> 8).toUInt8).push unit.toUInt8

@[inline] private def push32 (order : ByteOrder) (out : ByteArray) (code : UInt32) : ByteArray :=
  match order with
  | .little => push16 order (push16 order out (code &&& 0xffff)) (code >>> 16)
  | .big => push16 order (push16 order out (code >>> 16)) (code &&& 0xffff)

@[inline] private def unit16 (order : ByteOrder) (first second : UInt8) : UInt32 :=
  match order with
  | .little => first.toUInt32 ||| second.toUInt32 <<< 8
  | .big => first.toUInt32 <<< 8 ||| second.toUInt32

@[inline] private def unit32 (order : ByteOrder) (first second third fourth : UInt8) : UInt32 :=
  match order with
  | .little => unit16 order first second ||| unit16 order third fourth <<< 16
  | .big => unit16 order first second <<< 16 ||| unit16 order third fourth

/-- The text of bytes that should be UTF-8. Errors: each malformed sequence becomes one U+FFFD. (ENC-01) -/
def repairUtf8 (bytes : ByteArray) : EncodingResult String :=
  match String.fromUTF8? bytes with
  | some text => ⟨text, false⟩
  | none =>
    let push (out : ByteArray) (code : UInt32) := pushCode out (if isSurrogate code then replacement else code)
    ⟨String.fromUTF8! (encodeWith push bytes (.emptyWithCapacity bytes.size)).value, true⟩

end Encoding

namespace Utf16
open Encoding

/-- UTF-8 as UTF-16; with `nulTerminate` a unit 0 follows. Errors: an unpaired surrogate, which stays; a malformed sequence, which becomes
U+FFFD, and so does the second of two surrogates that would become a pair. (ENC-01, ENC-02) -/
def encode (text : ByteArray) (order : ByteOrder := .little) (nulTerminate : Bool := false) : EncodingResult ByteArray :=
  let push (out : ByteArray) (code : UInt32) : ByteArray :=
    if code < 0x10000 then push16 order out code
    else push16 order (push16 order out (0xd7c0 + code >>> 10)) (0xdc00 ||| code &&& 0x3ff)
  let result := encodeWith push text (.emptyWithCapacity (2 * text.size + 2))
  if nulTerminate then { result with value := push16 order result.value 0 } else result

/-- A string as UTF-16. (ENC-02)

    #eval Utf16.encodeString "aé"  -- the bytes 61 00 e9 00 -/
def encodeString (text : String) (order : ByteOrder := .little) (nulTerminate : Bool := false) : ByteArray :=
  (encode text.toUTF8 order nulTerminate).value

/-- UTF-16 as UTF-8. Errors: an unpaired surrogate, which stays, in three bytes, so that encoding the result gives the same units; half a
unit at the end, which becomes U+FFFD. (ENC-01, ENC-03) -/
def decode (units : ByteArray) (order : ByteOrder := .little) : EncodingResult ByteArray :=
  go units.size 0 (.emptyWithCapacity units.size) false
where
  go (steps i : Nat) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if i + 1 < units.size then
        let unit := unit16 order (units.get! i) (units.get! (i + 1))
        if isSurrogate unit then
          if i + 3 < units.size then
            let next := unit16 order (units.get! (i + 2)) (units.get! (i + 3))
            if isPair unit next then
              go steps (i + 4) (pushCode out (0x10000 + (unit &&& 0x3ff) <<< 10 + (next &&& 0x3ff))) errors
            else go steps (i + 2) (pushCode out unit) true
          else go steps (i + 2) (pushCode out unit) true
        else go steps (i + 2) (pushCode out unit) errors
      else if i < units.size then ⟨pushCode out replacement, true⟩
      else ⟨out, errors⟩

/-- UTF-16 as a string. Errors: as in `decode`, but unpaired surrogates become U+FFFD. (ENC-01, ENC-03) -/
def decodeString (units : ByteArray) (order : ByteOrder := .little) : EncodingResult String :=
  let result := decode units order
  { repairUtf8 result.value with hadErrors := result.hadErrors }

end Utf16

namespace Utf32
open Encoding

/-- UTF-8 as UTF-32; with `nulTerminate` a unit 0 follows. Errors: as in `Utf16.encode`. (ENC-01, ENC-02) -/
def encode (text : ByteArray) (order : ByteOrder := .little) (nulTerminate : Bool := false) : EncodingResult ByteArray :=
  let result := encodeWith (push32 order) text (.emptyWithCapacity (4 * text.size + 4))
  if nulTerminate then { result with value := push32 order result.value 0 } else result

/-- A string as UTF-32. (ENC-02) -/
def encodeString (text : String) (order : ByteOrder := .little) (nulTerminate : Bool := false) : ByteArray :=
  (encode text.toUTF8 order nulTerminate).value

/-- UTF-32 as UTF-8. Errors: a surrogate, which stays, unless it would become the second of a pair; what is past U+10FFFF, and a part of
a unit at the end, which become U+FFFD. (ENC-01, ENC-03) -/
def decode (codes : ByteArray) (order : ByteOrder := .little) : EncodingResult ByteArray :=
  go codes.size 0 0 (.emptyWithCapacity codes.size) false
where
  go (steps i : Nat) (previous : UInt32) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if i + 3 < codes.size then
        let code := unit32 order (codes.get! i) (codes.get! (i + 1)) (codes.get! (i + 2)) (codes.get! (i + 3))
        let kept := if code > 0x10ffff || isPair previous code then replacement else code
        go steps (i + 4) kept (pushCode out kept) (errors || code > 0x10ffff || isSurrogate code)
      else if i < codes.size then ⟨pushCode out replacement, true⟩
      else ⟨out, errors⟩

/-- UTF-32 as a string. Errors: as in `decode`, but surrogates become U+FFFD. (ENC-01, ENC-03) -/
def decodeString (codes : ByteArray) (order : ByteOrder := .little) : EncodingResult String :=
  let result := decode codes order
  { repairUtf8 result.value with hadErrors := result.hadErrors }

end Utf32
end KjAsync
