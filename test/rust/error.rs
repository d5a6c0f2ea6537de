//! A promise fails with an error that keeps its kind, its text and its number; panics become errors.

use crate::c::*;
use crate::gate::*;
use kjasync::promise::{Promise, Resolution, When};
use kjasync::{Error, ErrorKind, Value};

// parity: EXC-01, EXC-02, FORK-04, PROM-03
#[test]
fn kind_text_and_number_reach_every_waiter() {
    let runtime = runtime();
    for kind in ErrorKind::ALL {
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let through = promise.then(When::Value, |_| -> Resolution { unreachable!("errors pass by") }).fork();
        let joined = Promise::all(&runtime, std::slice::from_ref(&through)).unwrap();
        fulfiller.settle(Err(Error::with_os(kind, 104, "the text")));
        for promise in [promise, through, joined] {
            let error = outcome(&promise).unwrap_err();
            assert_eq!((error.kind(), error.os_error(), error.text()), (kind, 104, "the text"));
        }
    }
}

#[test]
fn a_panic_becomes_an_error_and_the_loop_goes_on() {
    let runtime = runtime();
    let executor = runtime.executor().unwrap();
    let held = Count::default();
    for _ in 0..100 {
        let guard = held.on_drop();
        let promise = executor
            .start(move || -> Resolution {
                let _guard = &guard;
                panic!("as planned")
            })
            .unwrap();
        let error = outcome(&promise).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert!(error.text().contains("as planned"), "{error}");
    }
    assert_eq!(held.get(), 100);
    let after = executor.start(|| Ok(Value::U64(7))).unwrap();
    assert_eq!(number(&after), 7);
}

#[test]
fn a_panic_in_a_destructor_stays_inside() {
    let runtime = runtime();
    let never = runtime.never().unwrap();
    let attached = never.attach(opaque(on_drop(|| panic!("in a destructor"))));
    drop(attached);
    let settled =
        runtime.settled(Ok(Value::Opaque(std::sync::Arc::new(opaque(on_drop(|| panic!("in another"))))))).unwrap();
    drop(settled);
    assert_eq!(number(&runtime.settled(Ok(Value::U64(1))).unwrap().fork()), 1);
    never.cancel();
}

#[test]
fn a_panic_in_a_callback_of_the_c_abi_is_a_status() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let promise = start(executor, |_| panic!("in a callback"));
    fails(status(promise), KJA_ERR_PANIC);
    let mut text = [0; 64];
    // SAFETY: the buffer is a local of that size.
    let length = unsafe { kja_last_error_text(text.as_mut_ptr().cast(), text.len()) };
    assert!(String::from_utf8_lossy(&text[..length]).contains("in a callback"));
    let (run, ctx, destroy) = callback(|_| panic!("once more"));
    // SAFETY: `callback` made all three for each other.
    fails(unsafe { kja_executor_execute(executor, run, ctx, destroy) }, KJA_ERR_PANIC);
    ok(kja_promise_release(promise));
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

#[test]
fn the_last_error_is_each_threads_own() {
    fails(kja_promise_release(0), KJA_ERR_BAD_HANDLE);
    let other = std::thread::spawn(|| {
        let before = kja_last_error_status();
        fails(kja_call_return_error_of_nothing(), KJA_ERR_INVALID_ARGUMENT);
        before
    });
    assert_eq!(other.join().unwrap(), KJA_OK);
    assert_eq!(kja_last_error_status(), KJA_ERR_BAD_HANDLE);
}

fn kja_call_return_error_of_nothing() -> i32 {
    // SAFETY: null is refused.
    unsafe { kja_bytes_new(std::ptr::null(), 1, &mut 0) }
}

// parity: PROM-06, PROM-10
#[test]
fn an_error_in_an_error_handler_replaces_the_error() {
    let runtime = runtime();
    let failed = runtime.settled(Err(Error::new(ErrorKind::Overloaded, "first"))).unwrap();
    let caught = failed.then(When::Error, |outcome| {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Overloaded);
        Err(Error::new(ErrorKind::Disconnected, "second"))
    });
    assert_eq!(failure(&caught), ErrorKind::Disconnected);
    assert_eq!(failure(&failed), ErrorKind::Overloaded);
}
