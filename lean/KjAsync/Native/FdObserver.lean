import KjAsync.Native.Handle

/-! Foreign functions of descriptor observers. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque FdObserverPointed : NonemptyType.{0}
/-- A `kja_fd_observer_t`. -/
def FdObserver : Type := FdObserverPointed.type
instance : Nonempty FdObserver := FdObserverPointed.property

/-- `kja_fd_observer_new`. -/
@[extern "kjasync_fd_observer_new"]
opaque FdObserver.new (runtime : @& Runtime) (fd flags : UInt32) : IO FdObserver

/-- `kja_fd_observer_when_start`. -/
@[extern "kjasync_fd_observer_when_start"]
opaque FdObserver.whenStart (observer : @& FdObserver) (what : UInt32) : IO Promise

/-- `kja_fd_observer_at_end`. -/
@[extern "kjasync_fd_observer_at_end"]
opaque FdObserver.atEnd (observer : @& FdObserver) : IO UInt32

end KjAsync.Native
