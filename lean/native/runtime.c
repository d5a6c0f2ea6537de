#include "object.h"
#include <stdlib.h>

/* Exported by Lean's runtime, and not declared in lean.h. */
void lean_initialize_thread(void);
void lean_finalize_thread(void);

/* The closures of the options, `Option (UInt64 -> BaseIO Unit)` and `Option (BaseIO Unit)`. */
typedef struct hooks {
    lean_object *on_slow_turn;
    lean_object *on_runnable;
} hooks;

static void free_hooks(void *ctx) {
    hooks *own = ctx;
    lean_dec(own->on_slow_turn);
    lean_dec(own->on_runnable);
    free(own);
}

/* The loop thread is not one that Lean started. */
static void thread_start(void *ctx) {
    (void)ctx;
    lean_initialize_thread();
}

static void thread_stop(void *ctx) {
    (void)ctx;
    lean_finalize_thread();
}

static void slow_turn(void *ctx, uint64_t nanos) {
    lean_object *run = lean_ctor_get(((hooks *)ctx)->on_slow_turn, 0);
    lean_inc(run);
    lean_dec(lean_apply_2(run, lean_box_uint64(nanos), lean_box(0)));
}

static void runnable(void *ctx) {
    lean_object *run = lean_ctor_get(((hooks *)ctx)->on_runnable, 0);
    lean_inc(run);
    lean_dec(lean_apply_1(run, lean_box(0)));
}

lean_obj_res kjasync_runtime_new(uint32_t mode, uint32_t flags, uint64_t shutdown_nanos, uint64_t look_nanos,
                                 uint64_t turns_per_look, uint64_t slow_turn_nanos, lean_obj_arg on_slow_turn,
                                 lean_obj_arg on_runnable) {
    kjasync_initialize();
    bool own_thread = mode == KJA_RUNTIME_THREAD;
    hooks *ctx = malloc(sizeof *ctx);
    if (ctx == NULL) lean_internal_panic_out_of_memory();
    *ctx = (hooks){ kjasync_give(on_slow_turn), kjasync_give(on_runnable) };
    kja_runtime_options_t options = {
        .size = sizeof options,
        .mode = mode,
        .flags = flags,
        .shutdown_nanos = shutdown_nanos,
        .look_nanos = look_nanos,
        .turns_per_look = turns_per_look,
        .slow_turn_nanos = slow_turn_nanos,
        .on_thread_start = own_thread ? thread_start : NULL,
        .on_thread_stop = own_thread ? thread_stop : NULL,
        .on_slow_turn = lean_is_scalar(on_slow_turn) ? NULL : slow_turn,
        .on_runnable = lean_is_scalar(on_runnable) ? NULL : runnable,
        .ctx = ctx,
        .destroy = free_hooks,
    };
    kja_runtime_t id = 0;
    kja_status_t status = kja_runtime_new(&options, &id);
    return kjasync_handle_result(status, own_thread ? kjasync_runtime_class : kjasync_scope_class, &id);
}

lean_obj_res kjasync_runtime_unowned(b_lean_obj_arg runtime) {
    return kjasync_wrap(kjasync_unowned_class, kjasync_id(runtime));
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

lean_obj_res kjasync_runtime_poll(b_lean_obj_arg runtime, uint64_t most) {
    uint64_t turns = 0;
    return kjasync_u64_result(kja_runtime_poll(kjasync_id(runtime), most, &turns), &turns);
}

lean_obj_res kjasync_runtime_turn(b_lean_obj_arg runtime, uint64_t most) {
    uint64_t turns = 0;
    return kjasync_u64_result(kja_runtime_turn(kjasync_id(runtime), most, &turns), &turns);
}

lean_obj_res kjasync_runtime_run(b_lean_obj_arg runtime, uint64_t nanos) {
    uint64_t turns = 0;
    return kjasync_u64_result(kja_runtime_run(kjasync_id(runtime), nanos, &turns), &turns);
}

lean_obj_res kjasync_runtime_wake(b_lean_obj_arg runtime) {
    return kjasync_unit_result(kja_runtime_wake(kjasync_id(runtime)));
}

uint8_t kjasync_runtime_is_runnable(b_lean_obj_arg runtime) { return kja_runtime_is_runnable(kjasync_id(runtime)); }

lean_obj_res kjasync_runtime_cancel_detached(b_lean_obj_arg runtime) {
    return kjasync_unit_result(kja_runtime_cancel_detached(kjasync_id(runtime)));
}

/* A `Runtime.Stats`: its numbers in their order. */
lean_obj_res kjasync_runtime_pollable_fd(b_lean_obj_arg runtime) {
    int32_t fd = -1;
    kja_status_t status = kja_runtime_pollable_fd(kjasync_id(runtime), &fd);
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box_uint32((uint32_t)fd));
}

lean_obj_res kjasync_runtime_stats(b_lean_obj_arg runtime) {
    kja_runtime_stats_t stats = { .size = sizeof stats };
    kja_status_t status = kja_runtime_stats(kjasync_id(runtime), &stats);
    if (status != KJA_OK) return kjasync_unit_result(status);
    const uint64_t numbers[] = { stats.promises, stats.detached, stats.timers,
                                 stats.turns,    stats.wake_ups, stats.longest_turn_nanos };
    lean_object *result = lean_alloc_ctor(0, 0, sizeof numbers);
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        lean_ctor_set_uint64(result, i * sizeof *numbers, numbers[i]);
    return lean_io_result_mk_ok(result);
}

/* `none` if nothing is kept. */
lean_obj_res kjasync_local_get(b_lean_obj_arg runtime, uint64_t key) {
    void *value = NULL;
    kja_status_t status = kja_local_get(kjasync_id(runtime), key, &value);
    if (status == KJA_ERR_FAILED) return lean_io_result_mk_ok(lean_box(0));
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_inc(value);
    lean_ctor_set(some, 0, value);
    return lean_io_result_mk_ok(some);
}

lean_obj_res kjasync_local_get_or_set(b_lean_obj_arg runtime, uint64_t key, lean_obj_arg value) {
    void *kept = NULL;
    kja_status_t status =
        kja_local_get_or_set(kjasync_id(runtime), key, kjasync_give(value), kjasync_destroy, &kept);
    return kjasync_object_result(status, &kept);
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

lean_obj_res kjasync_executor_execute_last_start(b_lean_obj_arg executor, lean_obj_arg run) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_executor_execute_last_start(kjasync_id(executor), kjasync_run, kjasync_give(run), kjasync_destroy, &id),
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

lean_obj_res kjasync_timer_yield_until_queue_empty_start(b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_timer_yield_until_queue_empty_start(kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_timer_yield_until_would_sleep_start(b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_timer_yield_until_would_sleep_start(kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_timer_now(b_lean_obj_arg runtime) {
    uint64_t now = 0;
    return kjasync_u64_result(kja_timer_now(kjasync_id(runtime), &now), &now);
}

lean_obj_res kjasync_timer_advance(b_lean_obj_arg runtime, uint64_t nanos) {
    return kjasync_unit_result(kja_timer_advance(kjasync_id(runtime), nanos));
}

lean_obj_res kjasync_timer_next(b_lean_obj_arg runtime) {
    uint64_t next = 0;
    return kjasync_u64_result(kja_timer_next(kjasync_id(runtime), &next), &next);
}

lean_obj_res kjasync_timer_timeout_to_next(b_lean_obj_arg runtime, uint64_t unit, uint64_t most) {
    uint64_t left = 0;
    return kjasync_u64_result(kja_timer_timeout_to_next(kjasync_id(runtime), unit, most, &left), &left);
}

uint64_t kjasync_clock_now_nanos(uint32_t clock) {
    uint64_t now = 0;
    kja_clock_now_nanos(clock, &now);
    return now;
}
