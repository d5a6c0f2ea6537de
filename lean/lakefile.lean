import Lake
open System Lake DSL

package kjasync where
  version := v!"0.1.0"
  description := "Promises with real cancellation, executors, timers and streams"
  keywords := #["async", "networking", "ffi"]
  license := "Apache-2.0 OR MIT"

/-- The files of the shim, the only code that knows Lean's object layout. -/
def shimSources : Array String := #["object", "bytes", "capability", "compression", "coordination", "coroutine",
  "datagram", "error", "fd", "fd_observer", "filesystem", "http", "http_head", "http_input", "message", "network",
  "network_wrapper", "pipe", "process", "promise", "provider", "runtime", "signal", "stream", "tls", "url",
  "websocket"]

/-- Besides where the headers are. Lean's header has assertions of its own unless NDEBUG is set. -/
def shimFlags : Array String := #["-std=gnu11", "-O2", "-DNDEBUG", "-Werror=implicit-function-declaration", "-fPIC", "-pthread"]

/-- Compiles a file of the shim, against the `lean.h` of the toolchain in use. The compiler is the system's, which cargo
needs as well: the one that comes with Lean has no headers of the C library. -/
def buildShim (pkg : Package) (name : String) : FetchM (Job FilePath) := do
  let native := pkg.dir / "native"
  let include_ := pkg.dir / ".." / "include"
  let mut source ← inputTextFile (native / s!"{name}.c")
  for header in #[native / "object.h", include_ / "kjasync.h"] do
    source := source.add (← inputTextFile header)
  let includes := #["-I", (← getLeanIncludeDir).toString, "-I", native.toString, "-I", include_.toString]
  buildO (pkg.buildDir / "native" / s!"{name}.o") source includes shimFlags "cc" getLeanTrace

/-- Runs cargo, and gives the static library that it has built. Where cargo puts that depends on CARGO_TARGET_DIR,
CARGO_BUILD_TARGET and the user's settings; so cargo is asked. -/
def runCargo (root : FilePath) : LogIO FilePath := do
  unless (← testProc { cmd := "cargo", args := #["--version"] }) do
    error "kjasync builds its native library with cargo, which does not run here: install Rust (https://rustup.rs)"
  let messages ← captureProc {
    cmd := "cargo"
    args := #["build", "--release", "--lib", "--locked", "--message-format", "json-render-diagnostics", "--manifest-path",
      (root / "Cargo.toml").toString]
  }
  -- One of the strings in the messages is the path.
  let name := nameToStaticLib "kjasync"
  let some library := (messages.splitOn "\"").find? fun text => (FilePath.mk text).fileName == some name
    | error s!"cargo has built no {name}"
  return library

/-- Builds the library itself, if anything has changed that it is built from. -/
def buildRust (pkg : Package) : FetchM (Job FilePath) := do
  let root := pkg.dir / ".."
  let sources := (← (root / "src").walkDir).filter (·.extension == some "rs")
  let inputs := sources.qsort (·.toString < ·.toString) ++ #[root / "Cargo.toml", root / "Cargo.lock"]
  let library := pkg.buildDir / "native" / nameToStaticLib "kjasync"
  (Job.collectArray (← inputs.mapM inputTextFile)).mapM fun _ => do
    addPlatformTrace
    buildFileUnlessUpToDate' library do
      createParentDirs library
      IO.FS.writeBinFile library (← IO.FS.readBinFile (← runCargo root))
    return library

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

/-- Compiled also where it is only imported, so that `#eval` and `lake lean` find the native functions. -/
@[default_target]
lean_lib KjAsync where
  precompileModules := true
