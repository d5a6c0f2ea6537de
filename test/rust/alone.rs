//! A process of its own for tests that count what belongs to a whole process.

use std::process::Command;

const MARK: &str = "KJA_TEST_ALONE";

/// Runs `body` in a new process in which only the named test, the caller, runs.
#[track_caller]
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let program = std::env::current_exe().expect("the test program's path");
    let run = Command::new(program).args([name, "--exact", "--nocapture", "--test-threads=1"]).env(MARK, "1").output();
    let run = run.expect("the test program runs");
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&run.stderr));
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("a folder of this process").count()
}

/// Open descriptors of this process.
pub(crate) fn descriptors() -> usize {
    // The one that reads the folder is among them, both before and after.
    entries(if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" })
}

/// Threads of this process, where the system tells.
pub(crate) fn threads() -> usize {
    if cfg!(target_os = "linux") { entries("/proc/self/task") } else { 0 }
}
