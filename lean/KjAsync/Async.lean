import KjAsync.Async.Basic
import KjAsync.Async.Children
import KjAsync.Async.Combinators
import KjAsync.Async.Each
import KjAsync.Async.Finally
import KjAsync.Async.Loop
import KjAsync.Async.Retry
import KjAsync.Async.Scope
