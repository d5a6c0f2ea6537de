/-
Stand-in for `Init.System.IOError`.
-/
prelude
import Init.System.ST

inductive IO.Error where
  | alreadyExists (filename : Option String) (osCode : UInt32) (details : String)
  | otherError (osCode : UInt32) (details : String)
  | resourceBusy (osCode : UInt32) (details : String)
  | resourceVanished (osCode : UInt32) (details : String)
  | unsupportedOperation (osCode : UInt32) (details : String)
  | hardwareFault (osCode : UInt32) (details : String)
  | unsatisfiedConstraints (osCode : UInt32) (details : String)
  | illegalOperation (osCode : UInt32) (details : String)
  | protocolError (osCode : UInt32) (details : String)
  | timeExpired (osCode : UInt32) (details : String)
  | interrupted (filename : String) (osCode : UInt32) (details : String)
  | noFileOrDirectory (filename : String) (osCode : UInt32) (details : String)
  | invalidArgument (filename : Option String) (osCode : UInt32) (details : String)
  | permissionDenied (filename : Option String) (osCode : UInt32) (details : String)
  | resourceExhausted (filename : Option String) (osCode : UInt32) (details : String)
  | inappropriateType (filename : Option String) (osCode : UInt32) (details : String)
  | noSuchThing (filename : Option String) (osCode : UInt32) (details : String)
  | unexpectedEof
  | userError (msg : String)

instance : Inhabited IO.Error where
  default := .userError "(`Inhabited.default` for `IO.Error`)"

def IO.userError (s : String) : IO.Error := IO.Error.userError s

instance : Coe String IO.Error := ⟨IO.userError⟩

namespace IO.Error

def otherErrorToString (gist : String) (code : UInt32) : Option String → String
  | some details => gist ++ " (error code: " ++ toString code ++ ", " ++ details ++ ")"
  | none => gist ++ " (error code: " ++ toString code ++ ")"

def fopenErrorToString (gist fn : String) (code : UInt32) : Option String → String
  | some details => gist ++ " (error code: " ++ toString code ++ ", " ++ details ++ ")\n  file: " ++ fn
  | none => gist ++ " (error code: " ++ toString code ++ ")\n  file: " ++ fn

def toString : IO.Error → String
  | unexpectedEof => "end of file"
  | inappropriateType (some fn) code details => fopenErrorToString "inappropriate type" fn code (some details)
  | inappropriateType none code details => otherErrorToString "inappropriate type" code (some details)
  | interrupted fn code details => fopenErrorToString "interrupted system call" fn code (some details)
  | invalidArgument (some fn) code details => fopenErrorToString "invalid argument" fn code (some details)
  | invalidArgument none code details => otherErrorToString "invalid argument" code (some details)
  | noFileOrDirectory fn code _ => fopenErrorToString "no such file or directory" fn code none
  | noSuchThing (some fn) code details => fopenErrorToString "no such thing" fn code (some details)
  | noSuchThing none code details => otherErrorToString "no such thing" code (some details)
  | permissionDenied (some fn) code details => fopenErrorToString "permission denied" fn code (some details)
  | permissionDenied none code details => otherErrorToString "permission denied" code (some details)
  | resourceExhausted (some fn) code details => fopenErrorToString "resource exhausted" fn code (some details)
  | resourceExhausted none code details => otherErrorToString "resource exhausted" code (some details)
  | alreadyExists none code details => otherErrorToString "already exists" code (some details)
  | alreadyExists (some fn) code details => fopenErrorToString "already exists" fn code (some details)
  | otherError code details => otherErrorToString "other error" code (some details)
  | hardwareFault code details => otherErrorToString "hardware fault" code (some details)
  | illegalOperation code details => otherErrorToString "illegal operation" code (some details)
  | protocolError code details => otherErrorToString "protocol error" code (some details)
  | resourceBusy code details => otherErrorToString "resource busy" code (some details)
  | resourceVanished code details => otherErrorToString "resource vanished" code (some details)
  | timeExpired code details => otherErrorToString "time expired" code (some details)
  | unsatisfiedConstraints code details => otherErrorToString "directory not empty" code (some details)
  | unsupportedOperation code details => otherErrorToString "unsupported operation" code (some details)
  | userError msg => msg

instance : ToString IO.Error := ⟨IO.Error.toString⟩

end IO.Error
