import KjAsync.Native.Handle

/-! Foreign functions of child processes. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque ProcessPointed : NonemptyType.{0}
/-- A `kja_process_t`. -/
def Process : Type := ProcessPointed.type
instance : Nonempty Process := ProcessPointed.property

private opaque ProcessOutputPointed : NonemptyType.{0}
/-- A `kja_process_output_t`. -/
def ProcessOutput : Type := ProcessOutputPointed.type
instance : Nonempty ProcessOutput := ProcessOutputPointed.property

/-- `kja_process_spawn`. The texts have no NUL; an empty folder is that of this process. The numbers are the flags, with bit 31 for
an environment of its own, the three kinds of standard streams, their three descriptors, then further ones in pairs. -/
@[extern "kjasync_process_spawn"]
opaque Process.spawn (runtime : @& Runtime) (program : @& String) (arguments environment : @& Array String)
  (folder : @& String) (numbers : @& Array UInt32) : IO Process

/-- `kja_process_run_start`; otherwise as `spawn`. -/
@[extern "kjasync_process_run_start"]
opaque Process.runStart (runtime : @& Runtime) (program : @& String) (arguments environment : @& Array String)
  (folder : @& String) (numbers : @& Array UInt32) (input : @& Bytes) (limit : USize) : IO Promise

/-- `kja_process_watch`. -/
@[extern "kjasync_process_watch"]
opaque Process.watch (runtime : @& Runtime) (pid : UInt32) : IO Process

/-- `kja_process_pid`. -/
@[extern "kjasync_process_pid"]
opaque Process.pid (process : @& Process) : IO UInt32

/-- `kja_process_stream`. -/
@[extern "kjasync_process_stream"]
opaque Process.stream (process : @& Process) (number : UInt32) : IO Connection

/-- `kja_process_wait_start`. -/
@[extern "kjasync_process_wait_start"]
opaque Process.waitStart (process : @& Process) : IO Promise

/-- `kja_process_kill`. -/
@[extern "kjasync_process_kill"]
opaque Process.kill (process : @& Process) (signal : UInt32) : IO Unit

/-- `kja_process_kill_group`. -/
@[extern "kjasync_process_kill_group"]
opaque Process.killGroup (process : @& Process) (signal : UInt32) : IO Unit

/-- `kja_process_stop_start`. -/
@[extern "kjasync_process_stop_start"]
opaque Process.stopStart (process : @& Process) (graceNanos : UInt64) : IO Promise

/-- `kja_process_release`. -/
@[extern "kjasync_process_release"]
opaque Process.release (process : @& Process) : IO Unit

/-- `kja_promise_handle` of what a program has said. -/
@[extern "kjasync_promise_process_output"]
opaque Promise.processOutput (promise : @& Promise) : IO ProcessOutput

/-- `kja_call_handle` of what a program has said. -/
@[extern "kjasync_call_process_output"]
opaque Call.processOutput (call : @& Call) : IO ProcessOutput

/-- `kja_process_output_status`. -/
@[extern "kjasync_process_output_status"]
opaque ProcessOutput.status (output : @& ProcessOutput) : IO UInt32

/-- `kja_process_output_stdout`. -/
@[extern "kjasync_process_output_stdout"]
opaque ProcessOutput.stdout (output : @& ProcessOutput) : IO Bytes

/-- `kja_process_output_stderr`. -/
@[extern "kjasync_process_output_stderr"]
opaque ProcessOutput.stderr (output : @& ProcessOutput) : IO Bytes

end KjAsync.Native
