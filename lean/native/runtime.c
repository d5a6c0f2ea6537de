#include "object.h"

/* The loop thread is not one that Lean started. */
static void thread_start(void *ctx) {
    (void)ctx;
    lean_initialize_thread();
}

static void thread_stop(void *ctx) {
    (void)ctx;
    lean_finalize_thread();
}

lean_obj_res kjasync_runtime_new(uint32_t mode, uint64_t shutdown_nanos, uint64_t look_nanos) {
    kjasync_initialize();
    bool own_thread = mode == KJA_RUNTIME_THREAD;
    kja_runtime_options_t options = {
        .size = sizeof options,
        .mode = mode,
        .shutdown_nanos = shutdown_nanos,
        .look_nanos = look_nanos,
        .on_thread_start = own_thread ? thread_start : NULL,
        .on_thread_stop = own_thread ? thread_stop : NULL,
    };
    kja_runtime_t id = 0;
    kja_status_t status = kja_runtime_new(&options, &id);
    return kjasync_handle_result(status, own_thread ? kjasync_runtime_class : kjasync_scope_class, &id);
}

lean_obj_res kjasync_runtime_shutdown(b_lean_obj_arg runtime) {
    return kjasync_unit_result(kja_runtime_shutdown(kjasync_id(runtime)));
}

uint8_t kjasync_runtime_is_alive(b_lean_obj_arg runtime) { return kja_runtime_is_alive(kjasync_id(runtime)); }

uint8_t kjasync_runtime_on_loop(b_lean_obj_arg runtime) { return kja_runtime_on_loop(kjasync_id(runtime)); }

lean_obj_res kjasync_runtime_executor(b_lean_obj_arg runtime) {
    kja_executor_t id = 0;
    return kjasync_handle_result(kja_runtime_executor(kjasync_id(runtime), &id), kjasync_executor_class, &id);
}

lean_obj_res kjasync_runtime_poll(b_lean_obj_arg runtime) {
    uint64_t turns = 0;
    return kjasync_u64_result(kja_runtime_poll(kjasync_id(runtime), 0, &turns), &turns);
}

lean_obj_res kjasync_runtime_run(b_lean_obj_arg runtime, uint64_t nanos) {
    uint64_t turns = 0;
    return kjasync_u64_result(kja_runtime_run(kjasync_id(runtime), nanos, &turns), &turns);
}

uint8_t kjasync_executor_is_live(b_lean_obj_arg executor) { return kja_executor_is_live(kjasync_id(executor)); }

lean_obj_res kjasync_executor_execute(b_lean_obj_arg executor, lean_obj_arg run) {
    return kjasync_unit_result(
        kja_executor_execute(kjasync_id(executor), kjasync_run, kjasync_give(run), kjasync_destroy));
}

lean_obj_res kjasync_executor_execute_start(b_lean_obj_arg executor, lean_obj_arg run) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_executor_execute_start(kjasync_id(executor), kjasync_run, kjasync_give(run), kjasync_destroy, &id),
        &id);
}

lean_obj_res kjasync_timer_sleep_start(b_lean_obj_arg runtime, uint64_t nanos) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_timer_sleep_start(kjasync_id(runtime), nanos, &id), &id);
}

lean_obj_res kjasync_timer_sleep_until_start(b_lean_obj_arg runtime, uint64_t mono_nanos) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_timer_sleep_until_start(kjasync_id(runtime), mono_nanos, &id), &id);
}

lean_obj_res kjasync_timer_yield_start(b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_timer_yield_start(kjasync_id(runtime), &id), &id);
}
