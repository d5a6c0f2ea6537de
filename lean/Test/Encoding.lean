import Test.Check

open Test KjAsync

/-- Bytes of every length from 0 to 300, the same in every run, and all that there are. -/
private def samples : Array ByteArray := Id.run do
  let mut state : UInt64 := 64
  let mut found := #[ByteArray.mk ((Array.range 256).map (·.toUInt8))]
  for length in [0:301] do
    let mut bytes := ByteArray.emptyWithCapacity length
    for _ in [0:length] do
      state := state * 6364136223846793005 + 1442695040888963407
      bytes := bytes.push (state >>> 56).toUInt8
    found := found.push bytes
  return found

private def bytesOf (bytes : List UInt8) : ByteArray := ⟨bytes.toArray⟩

/-- The result is this. -/
private def decodes (result : EncodingResult ByteArray) (value : ByteArray) (errors : Bool := false) (what : String := "decoded") :
    IO Unit := do
  checkEq result.value.data value.data what
  checkEq result.hadErrors errors s!"errors of {what}"

-- parity: ENC-01, ENC-05
test "hexadecimal digits are read in either case and repaired" := do
  for (bytes, text) in [("", ""), ("f", "66"), ("foobar", "666f6f626172")] do
    checkEq (Hex.encode bytes.toUTF8) text
  for bytes in samples do
    let text := Hex.encode bytes
    decodes (Hex.decode text) bytes
    decodes (Hex.decode text.toUpper) bytes
  for (text, bytes) in [("abc", [0xab, 0xc0]), ("g1", [0x01]), ("1g", [0x10]), ("12 34", [0x12, 0x03, 0x40]), ("g", [0]),
      ("/:@G`g", [0, 0, 0])] do
    decodes (Hex.decode text) (bytesOf bytes) true text
  checkEq ((Hex.decode "abc").value?.map (·.data)) none

-- parity: ENC-11, ENC-12, ENC-13
test "base64 is undone" := do
  for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")] do
    checkEq (Base64.encode bytes.toUTF8) text
  let last := bytesOf [0xfb, 0xff, 0xfe, 0xff]
  checkEq (Base64.encode last) "+//+/w=="
  checkEq (Base64.encodeUrl last) "-__-_w"
  decodes (Base64.decodeUrl "-__-_w==") last
  decodes (Base64.decodeUrl "+-__-_w") last true
  for bytes in samples do
    decodes (Base64.decode (Base64.encode bytes)) bytes
    decodes (Base64.decode ((Base64.encode bytes).replace "=" "")) bytes
    decodes (Base64.decodeUrl (Base64.encodeUrl bytes)) bytes
    let lines := Base64.encode bytes (breakLines := true)
    decodes (Base64.decode lines) bytes
    checkEq (lines.replace "\n" "") (Base64.encode bytes)
    let all := lines.splitOn "\n"
    checkEq (all.getLast? == some "") true
    for (line, place) in all.dropLast.zipIdx do
      check (line.length == 72 || (place + 2 == all.length && line.length > 0 && line.length < 72)) s!"{line.length} columns"

-- parity: ENC-01, ENC-12
test "errors of base64 are those of the forgiving decoder" := do
  for (text, bytes, errors) in
      [(" Z\tm\n9\x0cv\r", "foo", false), ("Zm9v Yg = =\n", "foob", false), ("Zg", "f", false), ("Zh", "f", false), ("Zh==", "f", false),
       ("Zm9", "fo", false), ("Zg=", "f", true), ("Zg===", "f", true), ("Zm9v=", "foo", true), ("Zm9v====", "foo", true), ("Z", "", true),
       ("Zm9vY", "foo", true), ("Z===", "", true), ("=", "", true), ("Zg==Zg==", "f\x06`", true), ("Zm.9v", "foo", true),
       ("Zm9v\x0b", "foo", true), ("Zm9év", "foo", true)] do
    decodes (Base64.decode text) bytes.toUTF8 errors text

-- parity: ENC-01, ENC-06, ENC-07, ENC-08, ENC-09
test "percent-encoding has five sets and is undone" := do
  let printable := String.ofList ((List.range 95).map fun n => Char.ofNat (n + 32))
  for (set, spared) in [(Percent.Set.component, "!'()*-._~"), (.fragment, "!#$&'()*+,-./:;=?@[\\]^_{|}~"),
      (.path, "!$&'()*+,-.:;=@[]_|~"), (.userInfo, "!$&'()*+,-._~"), (.form, "+*-._")] do
    let parts := (Percent.encodeString set printable).splitOn "%"
    let kept := String.join (parts.head! :: parts.tail!.map fun part => String.ofList (part.toList.drop 2))
    checkEq (kept.toList.filter (!·.isAlphanum)) spared.toList s!"what {repr set} spares"
    checkEq (kept.toList.filter (·.isAlphanum)).length 62
    for bytes in samples do
      decodes (Percent.decode (Percent.encode set bytes) (plusToSpace := set == .form)) bytes
  checkEq (Percent.encodeString .form "a b+c") "a+b%2Bc"
  checkEq (Percent.encodeString .component "é") "%C3%A9"
  for (text, plus, bytes, errors) in [("a+b", false, "a+b", false), ("a+b", true, "a b", false), ("%c3%A9", false, "é", false),
      ("100%", false, "100%", true), ("%4", false, "%4", true), ("%G1%41", false, "%G1A", true), ("é%", true, "é%", true)] do
    decodes (Percent.decode text plus) bytes.toUTF8 errors text
    checkEq (Percent.decodeString text plus) ⟨bytes, errors⟩
  checkEq (Percent.decodeString "%ff%80a") ⟨"\ufffda", true⟩

-- parity: ENC-01, ENC-10
test "escapes of C are read and undone" := do
  checkEq (CEscape.encode "\x07\x08\t\n\x0b\x0c\r\"'\\\x00\x1b\x7f1 é?") "\\a\\b\\t\\n\\v\\f\\r\\\"\\'\\\\\\000\\033\\1771 é?"
  checkEq (CEscape.encodeBinary "é".toUTF8) "\\303\\251"
  for bytes in samples do
    decodes (CEscape.decodeBinary (CEscape.encodeBinary bytes)) bytes
    let text := String.ofList (bytes.toList.map (Char.ofNat ·.toNat))
    checkEq (CEscape.decode (CEscape.encode text)) ⟨text, false⟩
  for (text, bytes, errors) in
      [("\\?\\'", "?'".toUTF8, false), ("\\1\\12\\1234\\0", "\x01\x0aS4\x00".toUTF8, false), ("\\18", "\x018".toUTF8, false),
       ("\\400", "\x00".toUTF8, true), ("\\x41\\x00000042g", "ABg".toUTF8, false), ("\\x141", "A".toUTF8, true),
       ("\\x10000000000000041", "A".toUTF8, true), ("\\xg", "xg".toUTF8, true), ("\\x", "x".toUTF8, true),
       ("\\u00e9\\U0001F600", "é😀".toUTF8, false), ("\\u41", "A".toUTF8, true), ("\\u", "\x00".toUTF8, true),
       ("\\ud800", bytesOf [0xed, 0xa0, 0x80], true), ("\\U00110000", "\ufffd".toUTF8, true), ("\\Uffffffff", "\ufffd".toUTF8, true),
       ("\\q", "q".toUTF8, true), ("\\8", "8".toUTF8, true), ("a\\", "a".toUTF8, true), ("a\\\\", "a\\".toUTF8, false),
       ("é", "é".toUTF8, false)] do
    decodes (CEscape.decodeBinary text) bytes errors text
  checkEq (CEscape.decode "\\377a") ⟨"\ufffda", true⟩

/-- The bytes of 16-bit units. -/
private def units (of : List UInt16) : ByteArray := bytesOf (of.flatMap fun unit => [unit.toUInt8, (unit >>> 8).toUInt8])

/-- The bytes of code points. -/
private def codes (of : List UInt32) : ByteArray :=
  bytesOf (of.flatMap fun code => [code.toUInt8, (code >>> 8).toUInt8, (code >>> 16).toUInt8, (code >>> 24).toUInt8])

-- parity: ENC-02, ENC-03
test "strings go through UTF-16 and UTF-32" := do
  let text := "𒍅=Ra≢é\ufffd\ufeff"
  checkEq (Utf16.encodeString text).data (units [0xd808, 0xdf45, 0x3d, 0x52, 0x61, 0x2262, 0xe9, 0xfffd, 0xfeff]).data
  checkEq (Utf32.encodeString text).data (codes [0x12345, 0x3d, 0x52, 0x61, 0x2262, 0xe9, 0xfffd, 0xfeff]).data
  checkEq (Utf16.encodeString "𒍅" .big true).data #[0xd8, 0x08, 0xdf, 0x45, 0, 0]
  checkEq (Utf32.encodeString "𒍅" .big true).data #[0, 1, 0x23, 0x45, 0, 0, 0, 0]
  for order in [ByteOrder.little, .big] do
    checkEq (Utf16.encode text.toUTF8 order).hadErrors false
    checkEq (Utf32.encode text.toUTF8 order).hadErrors false
    checkEq (Utf16.decodeString (Utf16.encodeString text order) order) ⟨text, false⟩
    checkEq (Utf32.decodeString (Utf32.encodeString text order) order) ⟨text, false⟩

-- parity: ENC-01, ENC-02, ENC-03
test "unpaired surrogates survive UTF-16 and UTF-32" := do
  for bytes in samples do
    let mut list := []
    for n in [0:bytes.size / 3] do
      let unit := (bytes.get! (3 * n)).toUInt16 <<< 8 ||| (bytes.get! (3 * n + 1)).toUInt16
      list := (if bytes.get! (3 * n + 2) < 100 then 0xd800 ||| (unit &&& 0x7ff) else unit) :: list
    let text := Utf16.decode (units list)
    checkEq (Utf16.encode text.value).value.data (units list).data
    checkEq (Utf16.encode text.value).hadErrors text.hadErrors
    let wide := Utf32.encode text.value
    decodes (Utf32.decode wide.value) text.value text.hadErrors
  decodes (Utf16.decode (units [0xd800, 0x61])) (bytesOf [0xed, 0xa0, 0x80, 0x61]) true
  decodes (Utf16.decode (bytesOf [0x61, 0, 0x62])) "a\ufffd".toUTF8 true
  decodes (Utf32.decode (bytesOf [0x61, 0, 0, 0, 0x62])) "a\ufffd".toUTF8 true
  checkEq (Utf16.decodeString (units [0xdc00, 0x61])) ⟨"\ufffda", true⟩
  let pair := bytesOf [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]
  decodes (Utf16.encode pair) (units [0xd83d, 0xfffd]) true
  decodes (Utf32.encode pair) (codes [0xd83d, 0xfffd]) true
  decodes (Utf32.decode (codes [0xd83d, 0xde00])) (bytesOf [0xed, 0xa0, 0xbd, 0xef, 0xbf, 0xbd]) true
  decodes (Utf32.decode (codes [0x110000, 0xffffffff, 0x41])) "\ufffd\ufffdA".toUTF8 true

-- parity: ENC-01, ENC-02, ENC-03
test "what is malformed in UTF-8 becomes one replacement" := do
  for (text, expected) in
      [([0x61, 0x80, 0x62], [0x61, 0xfffd, 0x62]), ([0x80, 0xbf, 0x80], [0xfffd]), ([0xc3], [0xfffd]), ([0xc3, 0x61], [0xfffd, 0x61]),
       ([0xc0, 0x80], [0xfffd]), ([0xc1, 0xbf, 0x80, 0x7a], [0xfffd, 0x7a]), ([0xe0, 0x9f, 0xbf], [0xfffd]), ([0xe2, 0x82], [0xfffd]),
       ([0xe2, 0x82, 0xc3, 0xa9], [0xfffd, 0xe9]), ([0xf0, 0x8f, 0xbf, 0xbf], [0xfffd]), ([0xf4, 0x90, 0x80, 0x80], [0xfffd]),
       ([0xf8, 0x88, 0x80, 0x80, 0x80], [0xfffd]), ([0xff, 0xfe], [0xfffd, 0xfffd]), ([0xed, 0xa0, 0x80, 0x78], [0xd800, 0x78])] do
    decodes (Utf32.encode (bytesOf text)) (codes expected) true s!"{text}"
    decodes (Utf16.encode (bytesOf text)) (units (expected.map (·.toUInt16))) true s!"{text}"
