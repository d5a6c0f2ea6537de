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

def otherErrorToString (gist : String) (code : UInt32) (details : Option String) : String :=
  let details := match details with
    | some details => ", " ++ details.decapitalize
    | none => ""
  gist.decapitalize ++ " (error code: " ++ toString code ++ details ++ ")"

def fopenErrorToString (gist fn : String) (code : UInt32) (details : Option String) : String :=
  otherErrorToString gist code details ++ "\n  file: " ++ fn

def toString : IO.Error → String
  | unexpectedEof => "end of file"
  | userError msg => msg
  | noFileOrDirectory fn code _ => fopenErrorToString "no such file or directory" fn code none
  | interrupted fn code details => fopenErrorToString "interrupted system call" fn code details
  | alreadyExists fn code details => about "already exists" fn code details
  | inappropriateType fn code details => about "inappropriate type" fn code details
  | invalidArgument fn code details => about "invalid argument" fn code details
  | noSuchThing fn code details => about "no such thing" fn code details
  | resourceExhausted fn code details => about "resource exhausted" fn code details
  | permissionDenied fn code details => about details fn code none
  | otherError code details => otherErrorToString details code none
  | hardwareFault code _ => otherErrorToString "hardware fault" code none
  | unsatisfiedConstraints code _ => otherErrorToString "directory not empty" code none
  | illegalOperation code details => otherErrorToString "illegal operation" code details
  | protocolError code details => otherErrorToString "protocol error" code details
  | resourceBusy code details => otherErrorToString "resource busy" code details
  | resourceVanished code details => otherErrorToString "resource vanished" code details
  | timeExpired code details => otherErrorToString "time expired" code details
  | unsupportedOperation code details => otherErrorToString "unsupported operation" code details
where
  about (gist : String) (file : Option String) (code : UInt32) (details : Option String) : String :=
    match file with
    | some file => fopenErrorToString gist file code details
    | none => otherErrorToString gist code details

instance : ToString IO.Error := ⟨IO.Error.toString⟩

end IO.Error
