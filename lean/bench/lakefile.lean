import Lake
open Lake DSL

package kjasyncbench

require kjasync from ".."

@[default_target]
lean_exe bench where
  root := `Bench

lean_exe driver where
  root := `Driver
