import Lake
open Lake DSL

-- The tests are a package of their own: a package that requires kjasync sees no module named `Test`.
package kjasynctest where
  testDriver := "tests"

require kjasync from ".."

lean_lib Test where
  srcDir := ".."

@[default_target]
lean_exe tests where
  srcDir := ".."
  root := `Test.Main
