import KjAsync.Promise.Basic
import KjAsync.Promise.Combinators
import KjAsync.Promise.Fulfiller
import KjAsync.Promise.Task
