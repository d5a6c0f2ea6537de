import Lake
open Lake DSL

package kjasyncexamples

require kjasync from ".."

@[default_target]
lean_exe echo where
  root := `Echo

lean_exe chat where
  root := `Chat
