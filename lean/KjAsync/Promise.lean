import KjAsync.Promise.Basic
import KjAsync.Promise.Await
import KjAsync.Promise.Combinators
import KjAsync.Promise.Fulfiller
import KjAsync.Promise.Outcome
import KjAsync.Promise.Task
