/-
Stand-in for `Init.System.Platform`.
-/
prelude
import Init.System.ST

namespace System.Platform

@[extern "lean_system_platform_windows"]
opaque getIsWindows : Unit → Bool
@[extern "lean_system_platform_osx"]
opaque getIsOSX : Unit → Bool
@[extern "lean_system_platform_linux"]
opaque getIsLinux : Unit → Bool
@[extern "lean_system_platform_emscripten"]
opaque getIsEmscripten : Unit → Bool

def isWindows : Bool := getIsWindows ()
def isOSX : Bool := getIsOSX ()
def isLinux : Bool := getIsLinux ()
def isEmscripten : Bool := getIsEmscripten ()

@[extern "lean_system_platform_target"]
opaque getTarget : Unit → String

def target : String := getTarget ()

end System.Platform
