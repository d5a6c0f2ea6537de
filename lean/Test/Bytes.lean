import Test.Check

open Test KjAsync

private def sample : BytesRef := ByteArray.mk #[0, 1, 2, 3, 255, 2, 3]

test "bytes are what they were made of" := do
  checkEq sample.size 7
  checkEq sample.toByteArray.data #[0, 1, 2, 3, 255, 2, 3]
  checkEq (sample.get 4) 255
  checkEq (sample.get 7) 0
  checkEq (sample.get (2 ^ 70)) 0
  check (!sample.isEmpty && BytesRef.empty.isEmpty) "isEmpty"
  if h : 1 < sample.size then checkEq sample[1] 1

test "a part shares the memory and is cut to what there is" := do
  let before ← Native.handleCount
  let part := sample.slice 2 5
  checkEq part.toByteArray.data #[2, 3, 255]
  checkEq (part.slice 1).toByteArray.data #[3, 255]
  checkEq (part.slice 1 100).toByteArray.data #[3, 255]
  checkEq (part.slice 3 2).size 0
  checkEq (part.slice (2 ^ 70) (2 ^ 71)).size 0
  checkEq (sample.slice).size 7
  checkEq (← Native.handleCount) before

test "bytes can be joined, gone through, hashed and shown" := do
  let text : BytesRef := "ab"
  checkEq (text ++ "c") "abc"
  checkEq (text ++ .empty ++ text) "abab"
  checkEq s!"{text}|{(⟨#[65, 255, 0]⟩ : ByteArray) |> BytesRef.ofByteArray}" "ab|\\x41\\xff\\x00"
  checkEq (hash text) (hash (("xabx" : BytesRef).slice 1 3))
  let sum (bytes : BytesRef) : Nat := Id.run do
    let mut sum := 0
    for byte in bytes do sum := sum + byte.toNat
    return sum
  checkEq (sum sample) (0 + 1 + 2 + 3 + 255 + 2 + 3)
  Async.runMain do
    let mut count := 0
    for byte in BytesRef.ofByteArray ⟨Array.replicate 300_000 1⟩ do count := count + byte.toNat
    checkEq count 300_000

test "the order is that of the bytes" := do
  let order (left right : String) := compare (left : BytesRef) (right : BytesRef)
  check (order "abc" "abd" == .lt && order "b" "abc" == .gt && order "ab" "abc" == .lt) "compare"
  check (order "" "" == .eq && order "" "a" == .lt) "empty"
  check ((sample.slice 2 4) == (sample.slice 5 7) && sample != sample.slice 1) "equality"
  check (compare (ByteArray.mk #[200] : BytesRef) (ByteArray.mk #[100] : BytesRef) == .gt) "signed"

test "what is looked for is found" := do
  let text : BytesRef := "one two one"
  checkEq (text.indexOf? "one") (some 0)
  checkEq (text.indexOf? "one" 1) (some 8)
  checkEq (text.indexOf? "one" 9) none
  checkEq (text.indexOf? "onex") none
  checkEq (text.indexOf? "one two one and more") none
  checkEq (text.indexOf? "") (some 0)
  checkEq (text.indexOf? "" 11) (some 11)
  checkEq (text.indexOf? "" 12) none
  checkEq (BytesRef.empty.indexOf? "a") none
  check (text.startsWith "one " && !text.startsWith "two" && text.startsWith "") "startsWith"

test "text is UTF-8 or nothing" := do
  checkEq (("größer" : BytesRef).toString?) (some "größer")
  checkEq (("größer" : BytesRef).slice 0 3).toString? none
  discard <| fails .failed (("größer" : BytesRef).slice 0 3).toText
  checkEq (BytesRef.empty.toString?) (some "")

test "a part keeps the whole alive" := withRuntime fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "a longer text"
  let part := (← server.read (min := 13)).slice 2 8
  runtime.yieldNow
  checkEq (← part.toText) "longer"
