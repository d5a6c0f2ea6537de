import KjAsync.Encoding.Utf

/-! Percent-encoding, with the sets of bytes that each part of a URL leaves as they are. Pure functions; the native library is
not needed. -/

namespace KjAsync.Percent
open Encoding

/-- Which bytes an encoder leaves as they are. (ENC-06, ENC-07, ENC-08) -/
inductive Set where
  /-- As JavaScript's `encodeURIComponent`. -/
  | component
  /-- A fragment. -/
  | fragment
  /-- One part of a path: `/` and `\` are escaped too. -/
  | path
  /-- A user name or password. -/
  | userInfo
  /-- A name or value of a form: a space becomes `+`. -/
  | form
  deriving BEq, Repr, Inhabited

/-- What each byte becomes: itself, or 0 if it is escaped. -/
private def table (spared : String) : ByteArray := Id.run do
  let mut table := ByteArray.mk (Array.replicate 256 0)
  for byte in [0:128] do
    if (Char.ofNat byte).isAlphanum || spared.toList.any (·.toNat == byte) then table := table.set! byte byte.toUInt8
  return table

private def component : ByteArray := table "-_.!~*'()"
private def fragment : ByteArray := table "!#$&'()*+,-./:;=?@[\\]^_{|}~"
private def path : ByteArray := table "!$&'()*+,-.:;=@[]_|~"
private def userInfo : ByteArray := table "!$&'()*+,-._~"
private def form : ByteArray := (table "*-._").set! 32 43

private def Set.table : Set → ByteArray
  | .component => Percent.component
  | .fragment => Percent.fragment
  | .path => Percent.path
  | .userInfo => Percent.userInfo
  | .form => Percent.form

/-- Bytes with `%` and two upper-case digits for each one that the set does not leave as it is. (ENC-06, ENC-07, ENC-08) -/
def encode (set : Set) (bytes : ByteArray) : String := ascii (go bytes.size set.table 0 (.emptyWithCapacity bytes.size))
where
  letter (half : UInt8) : UInt8 := if half < 10 then half + 48 else half + 55
  go (steps : Nat) (table : ByteArray) (i : Nat) (out : ByteArray) : ByteArray :=
    match steps with
    | 0 => out
    | steps + 1 =>
      if h : i < bytes.size then
        let byte := bytes[i]
        let kept := table.get! byte.toNat
        if kept != 0 then go steps table (i + 1) (out.push kept)
        else go steps table (i + 1) (((out.push 37).push (letter (byte >>> 4))).push (letter (byte &&& 15)))
      else out

/-- As `encode`, of a string's UTF-8. (ENC-06, ENC-07, ENC-08)

    #eval Percent.encodeString .component "a b"  -- "a%20b"
    #eval Percent.encodeString .form "a b"       -- "a+b" -/
def encodeString (set : Set) (text : String) : String := encode set text.toUTF8

/-- The bytes that a text stands for, of whatever set; with `plusToSpace`, as in forms, a `+` is a space. Errors: a `%` that two digits
do not follow stays as it is. (ENC-01, ENC-06, ENC-08, ENC-09) -/
def decode (text : String) (plusToSpace : Bool := false) : EncodingResult ByteArray :=
  let bytes := text.toUTF8
  go bytes.size bytes 0 (.emptyWithCapacity bytes.size) false
where
  go (steps : Nat) (bytes : ByteArray) (i : Nat) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if h : i < bytes.size then
        let byte := bytes[i]
        if byte == 37 then
          if i + 2 < bytes.size then
            let high := digit (bytes.get! (i + 1))
            let low := digit (bytes.get! (i + 2))
            if high ||| low < 16 then go steps bytes (i + 3) (out.push (high <<< 4 ||| low)) errors
            else go steps bytes (i + 1) (out.push byte) true
          else go steps bytes (i + 1) (out.push byte) true
        else go steps bytes (i + 1) (out.push (if plusToSpace && byte == 43 then 32 else byte)) errors
      else ⟨out, errors⟩

/-- As `decode`, to a string. Errors: also what is not UTF-8, which becomes U+FFFD. (ENC-01, ENC-06, ENC-08) -/
def decodeString (text : String) (plusToSpace : Bool := false) : EncodingResult String :=
  let bytes := decode text plusToSpace
  let result := repairUtf8 bytes.value
  { result with hadErrors := result.hadErrors || bytes.hadErrors }

end KjAsync.Percent
