import KjAsync.Native.Handle

/-! Foreign functions of URLs. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque UrlPointed : NonemptyType.{0}
/-- A `kja_url_t`. -/
def Url : Type := UrlPointed.type
instance : Nonempty Url := UrlPointed.property

namespace Url

/-- `kja_url_parse`. -/
@[extern "kjasync_url_parse"]
opaque parse (text : @& String) (context flags : UInt32) : IO Url

/-- `kja_url_parse_relative`. -/
@[extern "kjasync_url_parse_relative"]
opaque parseRelative (base : @& Url) (text : @& String) : IO Url

/-- `kja_url_new`. -/
@[extern "kjasync_url_new"]
protected opaque new (flags : UInt32) : IO Url

/-- `kja_url_text`. -/
@[extern "kjasync_url_text"]
opaque text (url : @& Url) (context : UInt32) : IO String

/-- `kja_url_get`. -/
@[extern "kjasync_url_get"]
opaque get (url : @& Url) (part : UInt32) : IO (Option String)

/-- `kja_url_set`. -/
@[extern "kjasync_url_set"]
opaque set (url : @& Url) (part : UInt32) (text : @& String) : IO Unit

/-- `kja_url_path_at` of every part. -/
@[extern "kjasync_url_path"]
opaque path (url : @& Url) : IO (Array String)

/-- `kja_url_path_append`. -/
@[extern "kjasync_url_path_append"]
opaque pathAppend (url : @& Url) (part : @& String) : IO Unit

/-- `kja_url_trailing_slash`. -/
@[extern "kjasync_url_trailing_slash"]
opaque trailingSlash (url : @& Url) : IO Bool

/-- `kja_url_set_trailing_slash`. -/
@[extern "kjasync_url_set_trailing_slash"]
opaque setTrailingSlash (url : @& Url) (slash : Bool) : IO Unit

/-- `kja_url_query_at` of every item. -/
@[extern "kjasync_url_query"]
opaque query (url : @& Url) : IO (Array (String × Option String))

/-- `kja_url_query_append`. -/
@[extern "kjasync_url_query_append"]
opaque queryAppend (url : @& Url) (name : @& String) (value : @& Option String) : IO Unit

end Url
end KjAsync.Native
