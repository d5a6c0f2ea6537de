//! Forked children drop what their parent made, and the parent does not notice.

use crate::alone::alone;
use crate::gate::*;
use crate::loopback::*;
use kjasync::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs this in a child, whose end is awaited; whether it ended well.
fn in_child(body: impl FnOnce()) -> bool {
    // SAFETY: the child runs `body` and ends. What other threads of the parent were at does not concern it.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: no arguments but numbers.
            unsafe { libc::alarm(30) };
            let done = catch_unwind(AssertUnwindSafe(body));
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        child => {
            let mut status = -1;
            // SAFETY: `status` is a local.
            let ended = unsafe { libc::waitpid(child, &mut status, 0) };
            ended == child && status == 0
        }
    }
}

// parity: UNIX-19
#[test]
fn a_child_may_drop_what_its_parent_made() {
    alone("fork::a_child_may_drop_what_its_parent_made", || {
        for runtime in [runtime(), wait_scope()] {
            let (client, server) = pair(&runtime);
            let freed = Count::default();
            let reading = server.read(5, 5).unwrap();
            let sleeping = runtime.sleep(MILLISECOND).unwrap();
            let attached = runtime.never().unwrap().attach(opaque(freed.on_drop()));
            // Everything that the parent has; it is still there in the parent afterwards.
            let mut all = Some((runtime, client, server, reading, sleeping, attached));
            let ended_well = in_child(|| {
                let (runtime, client, server, reading, sleeping, attached) = all.take().unwrap();
                assert!(!runtime.is_alive());
                assert_eq!(runtime.never().map(drop).unwrap_err().kind(), ErrorKind::Shutdown);
                assert_eq!(runtime.shutdown().unwrap_err().kind(), ErrorKind::Shutdown);
                drop((reading, client, server, sleeping, attached));
                drop(runtime);
                assert_eq!(freed.get(), 0);
            });
            assert!(ended_well);
            let (runtime, client, _server, reading, sleeping, attached) = all.take().unwrap();
            assert!(outcome(&client.write(b"hello").unwrap()).is_ok());
            assert_eq!(bytes(outcome(&reading)), b"hello");
            assert!(outcome(&sleeping).is_ok());
            drop(attached);
            assert_eq!(freed.get(), 1);
            runtime.shutdown().unwrap();
        }
    });
}
