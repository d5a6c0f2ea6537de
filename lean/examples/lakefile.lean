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

lean_exe api where
  root := `Api

lean_exe files where
  root := `Files

lean_exe «reverse-proxy» where
  root := `ReverseProxy

lean_exe download where
  root := `Download
