import Lake
open Lake DSL

package kjasyncexamples

require kjasync from ".."

@[default_target]
lean_exe echo where
  root := `Echo

lean_exe chat where
  root := `Chat

lean_exe stop where
  root := `Stop

lean_exe pipeline where
  root := `Pipeline
