import Lake
open Lake DSL

-- Requires the package as anyone would, and says nothing about linking.
package downstream

require kjasync from "../.."

@[default_target]
lean_exe downstream where
  root := `Main
