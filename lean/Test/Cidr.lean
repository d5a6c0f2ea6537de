import Test.Check

open Test KjAsync

-- parity: CIDR-01, CIDR-02
test "blocks are read and shown" := do
  for (text, shown, family, specificity) in
      [("10.1.2.3/8", "10.0.0.0/8", AddressFamily.ipv4, 8), ("1.2.3.4/32", "1.2.3.4/32", .ipv4, 32),
       ("255.255.255.255/0", "0.0.0.0/0", .ipv4, 0), ("2001:db8:ffff::1/35", "2001:db8:e000::/35", .ipv6, 35),
       ("::1/128", "::1/128", .ipv6, 128), ("ffff::/0", "::/0", .ipv6, 0)] do
    let cidr ← Cidr.parse text
    checkEq cidr.text shown
    checkEq cidr.family family shown
    checkEq cidr.specificity specificity shown
    checkEq (toString cidr) shown
    check ((← Cidr.parse shown) == cidr) "another block"

-- parity: CIDR-01
test "blocks are made from bytes" := do
  checkEq (← Cidr.ofBytes ⟨#[10, 1, 2, 3]⟩ 16).text "10.1.0.0/16"
  let six : ByteArray := ⟨#[0x20, 0x01, 0x0d, 0xb8, 0xff] ++ Array.replicate 11 0⟩
  checkEq (← Cidr.ofBytes six 36).text "2001:db8:f000::/36"
  discard <| fails .invalidArgument (Cidr.ofBytes ⟨#[10, 1, 2, 3]⟩ 33)
  discard <| fails .invalidArgument (Cidr.ofBytes six 129)
  discard <| fails .invalidArgument (Cidr.ofBytes ⟨#[1, 2, 3, 4, 5]⟩ 1)
  discard <| fails .invalidArgument (Cidr.ofBytes .empty 0)

-- parity: CIDR-01
test "what is no block is refused" := do
  for text in ["", "/", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "::1/x",
      "[::1]/8", "name/8", "1.2.3.4/8 ", "10.0.0.0\u0000/8"] do
    discard <| fails .invalidArgument (Cidr.parse text)

-- parity: CIDR-02
test "blocks match texts and addresses" := inBoth fun runtime => do
  for (block, ip, expected) in
      [("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
       ("0.0.0.0/0", "::1", false), ("::/0", "1.2.3.4", false), ("127.0.0.1/32", "127.0.0.2", false),
       ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false)] do
    let cidr ← Cidr.parse block
    checkEq (← cidr.matchesText ip) expected s!"{block} has {ip}"
    checkEq (← cidr.matches (← Address.parse (m := IO) runtime ip 80)) expected s!"{block} has {ip}"
  let loopback ← Cidr.parse "127.0.0.0/8"
  checkEq (← loopback.matches (← Address.parse (m := IO) runtime "127.0.0.1:1,127.0.0.2:1")) true
  checkEq (← loopback.matches (← Address.parse (m := IO) runtime "127.0.0.1:1,10.0.0.2:1")) false
  checkEq (← (← Cidr.parse "::/0").matches (← Address.parse (m := IO) runtime "unix:/x")) false
  discard <| fails .invalidArgument (loopback.matchesText "localhost")
