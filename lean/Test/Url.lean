import Test.Check

open Test KjAsync

namespace Test.Url
open Http (Url UrlContext UrlOptions)

private def item (name : String) (value? : Option String := none) : Http.QueryItem := { name, value? }

-- parity: URL-01, URL-02, URL-05, URL-07, URL-08, URL-11
test "a link is read into its parts and written back" := do
  let url ← Url.parse "HTTPS://Bob:s%20c@Example.COM:80/a/./b%2Fc/?x=1&y&z=&q+r=%3D#frag%20ment"
  let expected : Url := {
    scheme := "https", userInfo? := some { name := "Bob", password? := some "s c" }, host := "example.com:80"
    path := #["a", "b/c"], trailingSlash := true
    query := #[item "x" (some "1"), item "y", item "z" (some ""), item "q r" (some "=")], fragment? := some "frag ment" }
  checkEq url expected
  check (decide (url = expected)) "equality is decidable"
  checkEq (← url.toText) "https://Bob:s%20c@example.com:80/a/b%2Fc/?x=1&y&z=&q+r=%3D#frag%20ment"
  checkEq (← url.toText .httpProxyRequest) "https://example.com:80/a/b%2Fc/?x=1&y&z=&q+r=%3D"
  checkEq (← url.toText .httpRequest) "/a/b%2Fc/?x=1&y&z=&q+r=%3D"
  let changed := { url with path := url.path.push "d", trailingSlash := false, query := #[], fragment? := none }
  checkEq (← changed.toText) "https://Bob:s%20c@example.com:80/a/b%2Fc/d"
  checkEq (← Url.parse "http://:p@h").userInfo? (some { name := "", password? := some "p" })
  checkEq (← Url.parse "http://u@h").userInfo? (some { name := "u" })

-- parity: URL-02, URL-03, URL-04
test "what is no URL in its context is refused" := do
  for (text, context) in
      [("", UrlContext.remoteHref), ("/a", .remoteHref), ("mailto:a@b", .remoteHref), ("http://h/%zz", .remoteHref),
       ("http://h/%ff", .remoteHref), ("http://a b/", .remoteHref), ("http://u@h/", .httpProxyRequest),
       ("http://h#f", .httpProxyRequest), ("a", .httpRequest), ("http://h/", .httpRequest)] do
    discard <| fails .invalidArgument (Url.parse text context)
    checkEq (← Url.parse? text context) none text
  checkEq (← Url.parse "http://h/a#b?c#d" .httpProxyRequest)
    { scheme := "http", host := "h", path := #["a#b"], query := #[item "c#d"] }
  checkEq (← Url.parse "/a?b" .httpRequest) { path := #["a"], query := #[item "b"] }

-- parity: URL-06
test "references are resolved" := do
  let base ← Url.parse "https://bob@a.example/x/y/z?q#f"
  for (reference, whole) in
      [("", "https://bob@a.example/x/y/z?q#f"), ("?r=1", "https://bob@a.example/x/y/z?r=1"),
       ("../w", "https://bob@a.example/x/w"), ("../../../../w", "https://bob@a.example/w"),
       ("//b.example", "https://b.example"), ("http://b.example/v", "http://b.example/v")] do
    checkEq (← (← base.parseRelative reference).toText) whole reference
  discard <| fails .invalidArgument (base.parseRelative "//a b")
  checkEq (← base.parseRelative? "%") none
  let options : UrlOptions := { allowEmpty := true }
  let kept ← (← Url.parse "http://h/a" (options := options)).parseRelative "b//c"
  checkEq (kept.path, kept.options) (#["b", "", "c"], options)

-- parity: URL-05
test "parts that would lead elsewhere are not written" := do
  let url ← Url.parse "http://h"
  for part in ["", ".", ".."] do
    discard <| fails .invalidArgument { url with path := #["a", part] }.toText
  for host in ["a/b", "a b", "a@b"] do
    discard <| fails .invalidArgument { url with host }.toText
  discard <| fails .invalidArgument { url with scheme := "java script" }.toText

-- parity: URL-09, URL-10
test "escapes and empty parts may be kept" := do
  let text := "http://u%20@h//a%2fb//%zz?&x=a+b%20&"
  let kept ← Url.parse text (options := { percentDecode := false, allowEmpty := true })
  checkEq kept.path #["", "a%2fb", "", "%zz"]
  checkEq (← kept.toText) text
  checkEq (← (← Url.parse "http://h//a%2fb//?&x&").toText) "http://h/a%2Fb/?x"

end Test.Url
