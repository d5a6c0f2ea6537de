import KjAsync.Http.Message
import KjAsync.Http.Head
import KjAsync.Http.Input
import KjAsync.Http.Range
import KjAsync.Http.Url
import KjAsync.Http.Server
import KjAsync.Http.Client

/-! HTTP/1.1: servers and clients. -/
