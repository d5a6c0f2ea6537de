import KjAsync.Native.Url

/-! URLs as values: their parts, decoded. -/

namespace KjAsync.Http

/-- Where a URL stands, which decides what parts it has. -/
inductive UrlContext where
  /-- A link: scheme, user, host, path, query and fragment. -/
  | remoteHref
  /-- The first line of a request to a proxy: no user and no fragment, and `#` is a character like any other. (URL-03) -/
  | httpProxyRequest
  /-- The first line of a request to a server: path and query only. (URL-04) -/
  | httpRequest
  deriving DecidableEq, Repr, Inhabited

private def UrlContext.code : UrlContext → UInt32
  | .remoteHref => 0
  | .httpProxyRequest => 1
  | .httpRequest => 2

/-- How a URL is read and written. -/
structure UrlOptions where
  /-- Escapes are decoded on the way in and made on the way out; otherwise all text stays as it is. (URL-09) -/
  percentDecode : Bool := true
  /-- Empty parts of a path and empty items of a query are kept; otherwise they are dropped. (URL-10) -/
  allowEmpty : Bool := false
  deriving DecidableEq, Repr, Inhabited

private def UrlOptions.flags (options : UrlOptions) : UInt32 :=
  (if options.percentDecode then 0 else 1) ||| (if options.allowEmpty then 2 else 0)

/-- The user that a URL names. -/
structure UserInfo where
  /-- The name. -/
  name : String
  /-- The password; an empty one is not the same as none. -/
  password? : Option String := none
  deriving DecidableEq, Repr, Inhabited

/-- An item of a query: `name` or `name=value`. (URL-08) -/
structure QueryItem where
  /-- The text before the first `=`. -/
  name : String
  /-- The text behind it; `none` if there is no `=`. -/
  value? : Option String := none
  deriving DecidableEq, Repr, Inhabited

/--
A URL in its parts, all of them decoded. A plain value, equal to another if all parts are. (URL-01, URL-11)

    let url ← Http.Url.parse "https://example.com/a%20b?page=2"
    IO.println url.path  -- #["a b"]
    IO.println (← { url with query := #[{ name := "page", value? := some "3" }] }.toText)

Hosts are ASCII: an international name is given in its `xn--` form. (URL-07)
-/
structure Url where
  /-- In lower case, without the colon. -/
  scheme : String := ""
  /-- The user, if one is named. -/
  userInfo? : Option UserInfo := none
  /-- In lower case, with the port if one is given. -/
  host : String := ""
  /-- The parts between the slashes. -/
  path : Array String := #[]
  /-- Whether a slash follows the last part. -/
  trailingSlash : Bool := false
  /-- The query. -/
  query : Array QueryItem := #[]
  /-- The text behind `#`, if there is one. -/
  fragment? : Option String := none
  /-- How it was read and will be written. -/
  options : UrlOptions := {}
  deriving DecidableEq, Repr, Inhabited

namespace Url

private def ofNative (native : Native.Url) (options : UrlOptions) : IO Url := do
  let userInfo? := (← native.get 2).map fun name => { name : UserInfo }
  let password? ← native.get 3
  return {
    scheme := (← native.get 0).getD "", userInfo? := userInfo?.map ({ · with password? }), host := (← native.get 1).getD ""
    path := ← native.path, trailingSlash := ← native.trailingSlash
    query := (← native.query).map fun (name, value?) => { name, value? }, fragment? := ← native.get 4, options }

private def native (url : Url) : IO Native.Url := do
  let native ← Native.Url.new url.options.flags
  native.set 0 url.scheme
  native.set 1 url.host
  if let some user := url.userInfo? then
    native.set 2 user.name
    if let some password := user.password? then native.set 3 password
  for part in url.path do native.pathAppend part
  native.setTrailingSlash url.trailingSlash
  for item in url.query do native.queryAppend item.name item.value?
  if let some fragment := url.fragment? then native.set 4 fragment
  return native

/-- Reads a URL. Never blocks. Errors: `invalidArgument` for a text that is none in this context, such as `mailto:` or a bad escape.
(URL-02) -/
def parse (text : String) (context : UrlContext := .remoteHref) (options : UrlOptions := {}) : IO Url := do
  ofNative (← Native.Url.parse text context.code options.flags) options

/-- As `parse`; `none` for a text that is no URL in this context. (URL-02) -/
def parse? (text : String) (context : UrlContext := .remoteHref) (options : UrlOptions := {}) : BaseIO (Option Url) :=
  return (← (parse text context options).toBaseIO).toOption

/-- Resolves a reference found in a document at this URL. `..` stops at the root; the options are this URL's. Errors: as `parse`.
(URL-06) -/
def parseRelative (base : Url) (text : String) : IO Url := do
  ofNative (← (← base.native).parseRelative text) base.options

/-- As `parseRelative`; `none` for a text that is no reference. (URL-06) -/
def parseRelative? (base : Url) (text : String) : BaseIO (Option Url) :=
  return (← (base.parseRelative text).toBaseIO).toOption

/-- The text of the URL for a context. Errors: `invalidArgument` for parts that would be read back as others, such as a part of the path
that is `..`, and for a host with characters that hosts do not have. (URL-05) -/
def toText (url : Url) (context : UrlContext := .remoteHref) : IO String := do
  (← url.native).text context.code

end Url
end KjAsync.Http
