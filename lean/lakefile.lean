import Lake
open System Lake DSL

package kjasync where
  version := v!"0.1.0"
  description := "Promises with real cancellation, executors, timers and streams"
  keywords := #["async", "networking", "ffi"]
  license := "Apache-2.0 OR MIT"

/-- The files of the shim, the only code that knows Lean's object layout. -/
def shimSources : Array String := #["object", "bytes", "capability", "coordination", "datagram", "error", "fd",
  "http", "message", "network", "network_wrapper", "pipe", "promise", "runtime", "stream"]

/-- Compiles a file of the shim, against the `lean.h` of the toolchain in use. The compiler is the system's, which cargo
needs as well: the one that comes with Lean has no headers of the C library. -/
def buildShim (pkg : Package) (name : String) : FetchM (Job FilePath) := do
  let native := pkg.dir / "native"
  let include_ := pkg.dir / ".." / "include"
  let mut source ← inputTextFile (native / s!"{name}.c")
  for header in #[native / "object.h", include_ / "kjasync.h"] do
    source := source.add (← inputTextFile header)
  let includes := #["-I", (← getLeanIncludeDir).toString, "-I", native.toString, "-I", include_.toString]
  buildO (pkg.buildDir / "native" / s!"{name}.o") source includes
    #["-std=gnu11", "-O2", "-DNDEBUG", "-Werror=implicit-function-declaration", "-fPIC", "-pthread"] "cc" getLeanTrace

/-- Builds the library itself. Cargo knows what there is to do. -/
def buildRust (pkg : Package) : FetchM (Job FilePath) := do
  let root := pkg.dir / ".."
  let target := root / "target"
  proc {
    cmd := "cargo"
    args := #["build", "--release", "--lib", "--quiet", "--manifest-path", (root / "Cargo.toml").toString,
      "--target-dir", target.toString]
  }
  inputBinFile (target / "release" / nameToStaticLib "kjasync")

/-- The library and the shim in one archive. Lake links it into every program that imports `KjAsync`, in this package or
in one that requires it; so such a package has nothing to say about linking. -/
extern_lib kjasyncnative pkg := do
  let objects ← shimSources.mapM (buildShim pkg)
  let rust ← buildRust pkg
  let archive := pkg.staticLibDir / nameToStaticLib "kjasyncnative"
  (Job.collectArray (objects.push rust)).mapM fun files => do
    addPlatformTrace
    buildFileUnlessUpToDate' archive do
      createParentDirs archive
      IO.FS.writeBinFile archive (← IO.FS.readBinFile files.back!)
      proc { cmd := (← getLeanAr).toString, args := #["rcs", archive.toString] ++ files.pop.map toString }
    return archive

@[default_target]
lean_lib KjAsync

lean_lib Test

@[default_target, test_driver]
lean_exe tests where
  root := `Test.Main

@[default_target]
lean_exe echo where
  srcDir := "examples"
  root := `Echo

lean_exe bench where
  srcDir := "bench"
  root := `Bench

lean_exe driver where
  srcDir := "bench"
  root := `Driver
