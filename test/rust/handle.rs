//! No handle value is dangerous.

use crate::alone::alone;
use crate::c::*;
use crate::gate::{Count, Random};
use std::ptr::{null, null_mut};

/// Every function that takes a handle, given `id` for each of them.
fn every_function(id: u64) -> Vec<(&'static str, i32)> {
    let mut out = 0;
    let (mut port, mut other) = (0, 0);
    let mut pointer = null_mut();
    let destroyed = Count::default();
    let owned = || crate::c::owned(destroyed.on_drop());
    let callback = || {
        let dropped = destroyed.on_drop();
        crate::c::callback(move |_| {
            drop(dropped);
            panic!("a callback ran for a bad handle")
        })
    };
    macro_rules! all {
        ($($call:expr;)*) => { vec![$((stringify!($call), $call)),*] };
    }
    let [c1, c2, c3, c4, c5, c6, c7, c8] = std::array::from_fn(|_| callback());
    let [o1, o2, o3, o4, o5, o6, o7, o8] = std::array::from_fn(|_| owned());
    let mut size = 0;
    let mut buffer = [0u8; 8];
    // SAFETY: every pointer is a local or made for the purpose.
    let statuses = unsafe {
        all! {
            kja_runtime_shutdown(id);
            kja_runtime_release(id);
            kja_runtime_executor(id, &mut out);
            kja_runtime_poll(id, 1, &mut out);
            kja_runtime_turn(id, 1, &mut out);
            kja_runtime_run(id, 1, &mut out);
            kja_runtime_wake(id);
            kja_runtime_cancel_detached(id);
            kja_timer_now(id, &mut out);
            kja_timer_advance(id, 1);
            kja_timer_next(id, &mut out);
            kja_timer_timeout_to_next(id, 1, 1, &mut out);
            kja_timer_yield_until_queue_empty_start(id, &mut out);
            kja_timer_yield_until_would_sleep_start(id, &mut out);
            kja_promise_join(id, &id, 1, &mut out);
            kja_promise_all_settled(id, &id, 1, &mut out);
            kja_promise_any(id, &id, 1, &mut out);
            kja_promise_deadline(id, 1, &mut out);
            kja_promise_trace(id, null_mut(), 0, null_mut());
            kja_promise_error_object(id, &mut out);
            kja_promise_new_error_object(id, id, &mut out);
            kja_fulfiller_error_object(id, id);
            kja_call_error_object(id, &mut out);
            kja_call_return_error_object(id, id);
            kja_error_kind(id, null_mut(), null_mut());
            kja_error_text(id, null_mut(), 0, null_mut());
            kja_error_context(id, null_mut(), 0, null_mut());
            kja_error_detail(id, 1, &mut out);
            kja_error_without_detail(id, 1, &mut out);
            kja_error_clone(id, &mut out);
            kja_error_release(id);
            kja_queue_new(id, 1, &mut out);
            kja_queue_push_u64_start(id, 1, &mut out);
            kja_queue_push_handle_start(id, id, &mut out);
            kja_queue_push_opaque_start(id, o7.0, o7.1, &mut out);
            kja_queue_try_push_u64(id, 1);
            kja_queue_try_push_opaque(id, o8.0, o8.1);
            kja_queue_pop_start(id, &mut out);
            kja_queue_reject_all(id, 1, 0, null(), 0);
            kja_queue_reject_oldest(id, 1, 0, null(), 0);
            kja_queue_close(id);
            kja_queue_release(id);
            kja_semaphore_new(id, 1, &mut out);
            kja_semaphore_acquire_start(id, 1, &mut out);
            kja_semaphore_try_acquire(id, 1, &mut out);
            kja_semaphore_free(id, &mut out);
            kja_semaphore_release(id);
            kja_permit_release(id);
            kja_event_new(id, &mut out);
            kja_event_set(id);
            kja_event_wait_start(id, &mut out);
            kja_event_release(id);
            kja_canceler_new(id, &mut out);
            kja_canceler_wrap(id, id, &mut out);
            kja_canceler_cancel(id, 1, 0, null(), 0);
            kja_canceler_forget(id);
            kja_canceler_release(id);
            kja_task_set_new(id, 1, c8.0, c8.1, c8.2, &mut out);
            kja_task_set_add(id, id);
            kja_task_set_size(id, &mut size);
            kja_task_set_on_empty_start(id, &mut out);
            kja_task_set_clear(id);
            kja_task_set_trace(id, null_mut(), 0, null_mut());
            kja_task_set_release(id);
            kja_executor_clone(id, &mut out);
            kja_executor_execute_start(id, c1.0, c1.1, c1.2, &mut out);
            kja_executor_execute(id, c2.0, c2.1, c2.2);
            kja_executor_release(id);
            kja_promise_new_unit(id, &mut out);
            kja_promise_new_u64(id, 1, &mut out);
            kja_promise_new_bytes(id, id, &mut out);
            kja_promise_new_handle(id, id, &mut out);
            kja_promise_new_opaque(id, o1.0, o1.1, &mut out);
            kja_promise_new_error(id, 1, 0, null(), 0, &mut out);
            kja_promise_new_never(id, &mut out);
            kja_promise_await(id);
            kja_promise_await_for(id, 1);
            kja_promise_status(id);
            kja_promise_u64(id, &mut out);
            kja_promise_bytes(id, &mut out);
            kja_promise_handle(id, &mut out);
            kja_promise_opaque(id, &mut pointer);
            kja_promise_cancel(id);
            kja_promise_release(id);
            kja_promise_fork(id, &mut out);
            kja_promise_then(id, c3.0, c3.1, c3.2, &mut out);
            kja_promise_catch(id, c4.0, c4.1, c4.2, &mut out);
            kja_promise_handle_both(id, c5.0, c5.1, c5.2, &mut out);
            kja_promise_finally(id, c6.0, c6.1, c6.2, &mut out);
            kja_promise_all(id, &id, 1, &mut out);
            kja_promise_race(id, &id, 1, &mut out);
            kja_promise_timeout(id, 1, &mut out);
            kja_promise_attach(id, o2.0, o2.1, &mut out);
            kja_promise_detach(id, c7.0, c7.1, c7.2);
            kja_fulfiller_new(id, &mut out, &mut other);
            kja_fulfiller_unit(id);
            kja_fulfiller_u64(id, 1);
            kja_fulfiller_bytes(id, id);
            kja_fulfiller_handle(id, id);
            kja_fulfiller_opaque(id, o3.0, o3.1);
            kja_fulfiller_promise(id, id);
            kja_fulfiller_error(id, 1, 0, null(), 0);
            kja_fulfiller_release(id);
            kja_bytes_data(id, null_mut(), null_mut());
            kja_bytes_slice(id, 0, 0, &mut out);
            kja_bytes_release(id);
            kja_timer_sleep_start(id, 1, &mut out);
            kja_timer_sleep_until_start(id, 1, &mut out);
            kja_timer_yield_start(id, &mut out);
            kja_address_parse_start(id, c"::1".as_ptr(), 3, 1, &mut out);
            kja_address_text(id, null_mut(), 0, null_mut());
            kja_address_port(id, &mut port);
            kja_address_connect_start(id, &mut out);
            kja_address_listen(id, 1, &mut out);
            kja_address_release(id);
            kja_listener_local_address(id, &mut out);
            kja_listener_accept_start(id, &mut out);
            kja_listener_close(id);
            kja_listener_release(id);
            kja_connection_read_start(id, 1, 1, &mut out);
            kja_connection_read_into_start(id, buffer.as_mut_ptr().cast(), 1, 8, o4.0, o4.1, &mut out);
            kja_connection_read_all_start(id, 1, &mut out);
            kja_connection_write_start(id, c"x".as_ptr().cast(), 1, &mut out);
            kja_connection_write_borrowed_start(id, c"x".as_ptr().cast(), 1, o5.0, o5.1, &mut out);
            kja_connection_write_bytes_start(id, id, &mut out);
            kja_connection_writev_start(id, null(), 0, &mut out);
            kja_connection_shutdown_write_start(id, &mut out);
            kja_connection_abort_read(id);
            kja_connection_pump_start(id, id, 1, &mut out);
            kja_connection_set_nodelay(id, true);
            kja_connection_local_address(id, &mut out);
            kja_connection_peer_address(id, &mut out);
            kja_connection_close(id);
            kja_connection_release(id);
            kja_call_status(id);
            kja_call_u64(id, &mut out);
            kja_call_bytes(id, &mut out);
            kja_call_handle(id, &mut out);
            kja_call_opaque(id, &mut pointer);
            kja_call_return_u64(id, 1);
            kja_call_return_bytes(id, id);
            kja_call_return_handle(id, id);
            kja_call_return_opaque(id, o6.0, o6.1);
            kja_call_return_promise(id, id);
            kja_call_return_error(id, 1, 0, null(), 0);
        }
    };
    assert_eq!(destroyed.get(), 16, "every context is destroyed though the call failed");
    assert!(!kja_runtime_is_alive(id) && !kja_runtime_on_loop(id));
    assert!(!kja_executor_is_live(id) && !kja_fulfiller_is_waiting(id) && !kja_runtime_is_runnable(id));
    assert!(!kja_event_is_set(id));
    statuses
}

#[test]
fn any_bit_pattern_in_any_function_is_bad_handle() {
    let stale = {
        let runtime = new_runtime();
        let promise = never(runtime);
        ok(kja_promise_release(promise));
        ok(kja_runtime_release(runtime));
        [runtime, promise]
    };
    let mut random = Random::new(7);
    let mut ids = vec![0, 1, u64::MAX, 1 << 63, u64::from(u32::MAX)];
    ids.extend(stale);
    // Generation bits that no handle of this short process reaches.
    ids.extend((0..200).map(|_| random.next() | 1 << 63));
    for id in ids {
        for (call, status) in every_function(id) {
            assert_eq!(status, KJA_ERR_BAD_HANDLE, "{call} of {id:#x}");
        }
    }
}

#[test]
fn a_handle_of_another_type_is_bad_handle_and_stays_valid() {
    let runtime = new_runtime();
    // SAFETY: nothing is read for a size of 0.
    let bytes = made(|out| unsafe { kja_bytes_new(null(), 0, out) });
    for (call, status) in every_function(bytes) {
        if !call.starts_with("kja_bytes") && !call.starts_with("kja_error_detail") {
            assert_eq!(status, KJA_ERR_BAD_HANDLE, "{call}");
        }
    }
    let promise = never(runtime);
    fails(kja_bytes_release(promise), KJA_ERR_BAD_HANDLE);
    fails(kja_runtime_release(promise), KJA_ERR_BAD_HANDLE);
    ok(kja_promise_release(promise));
    ok(kja_runtime_release(runtime));
}

#[test]
fn a_second_release_is_an_error_from_any_thread() {
    let runtime = new_runtime();
    for _ in 0..200 {
        let promise = never(runtime);
        let succeeded = std::thread::scope(|scope| {
            let releases: Vec<_> = (0..4).map(|_| scope.spawn(move || kja_promise_release(promise))).collect();
            releases.into_iter().map(|release| release.join().unwrap()).filter(|s| *s == KJA_OK).count()
        });
        assert_eq!(succeeded, 1);
        fails(kja_promise_release(promise), KJA_ERR_BAD_HANDLE);
    }
    ok(kja_runtime_release(runtime));
}

#[test]
fn a_stale_id_never_names_the_next_tenant() {
    let runtime = new_runtime();
    let mut stale = Vec::new();
    for n in 0..5000 {
        // SAFETY: `out` is a local.
        let promise = made(|out| unsafe { kja_promise_new_u64(runtime, n, out) });
        ok(kja_promise_release(promise));
        stale.push(promise);
    }
    // SAFETY: `out` is a local.
    let tenant = made(|out| unsafe { kja_promise_new_u64(runtime, 1, out) });
    for id in stale {
        assert_eq!(kja_promise_status(id), KJA_ERR_BAD_HANDLE);
        assert_eq!(kja_promise_release(id), KJA_ERR_BAD_HANDLE);
    }
    ok(kja_promise_status(tenant));
    ok(kja_promise_release(tenant));
    ok(kja_runtime_release(runtime));
}

#[test]
fn using_releasing_and_making_handles_at_once_is_safe() {
    alone("handle::using_releasing_and_making_handles_at_once_is_safe", || {
        let runtime = new_runtime();
        let latest = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let latest = &latest;
                scope.spawn(move || {
                    for n in 0..5000u64 {
                        // SAFETY: `out` is a local.
                        let own = made(|out| unsafe { kja_promise_new_u64(runtime, n, out) });
                        let other = latest.swap(own, std::sync::atomic::Ordering::SeqCst);
                        let mut value = 0;
                        // SAFETY: `value` is a local.
                        let read = unsafe { kja_promise_u64(own, &mut value) };
                        // Another thread may have released it, even between the look-up and the reading.
                        let gone = read == KJA_ERR_BAD_HANDLE || read == KJA_ERR_CANCELED;
                        assert!(gone || read == KJA_OK && value == n, "{thread}: {read} {value}");
                        let released = kja_promise_release(other);
                        assert!(released == KJA_OK || released == KJA_ERR_BAD_HANDLE);
                    }
                });
            }
        });
        ok(kja_promise_release(latest.into_inner()));
        ok(kja_runtime_release(runtime));
        assert_eq!(kja_handle_count(), 0);
    });
}

#[test]
fn the_call_number_of_a_callback_is_of_no_use_outside_it() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let (tell, told) = std::sync::mpsc::channel();
    let promise = start(executor, move |call| {
        let foreign = std::thread::spawn(move || kja_call_return_u64(call, 2)).join().unwrap();
        tell.send((call, foreign, kja_call_return_u64(call, 1))).unwrap();
    });
    ok(status(promise));
    let (call, foreign, own) = told.recv().unwrap();
    assert_eq!((foreign, own), (KJA_ERR_BAD_HANDLE, KJA_OK));
    fails(kja_call_return_u64(call, 3), KJA_ERR_BAD_HANDLE);
    let mut value = 0;
    // SAFETY: `value` is a local.
    ok(unsafe { kja_promise_u64(promise, &mut value) });
    assert_eq!(value, 1);
    ok(kja_promise_release(promise));
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}
