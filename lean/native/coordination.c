#include "object.h"

/* ---- task set ---- */

lean_obj_res kjasync_task_set_new(b_lean_obj_arg runtime, size_t limit, lean_obj_arg on_error) {
    kja_task_set_t id = 0;
    kja_status_t status =
        kja_task_set_new(kjasync_id(runtime), limit, kjasync_run, kjasync_give(on_error), kjasync_destroy, &id);
    return kjasync_handle_result(status, kjasync_task_set_class, &id);
}

lean_obj_res kjasync_task_set_add(b_lean_obj_arg tasks, b_lean_obj_arg promise) {
    return kjasync_unit_result(kja_task_set_add(kjasync_id(tasks), kjasync_id(promise)));
}

lean_obj_res kjasync_task_set_size(b_lean_obj_arg tasks) {
    size_t size = 0;
    return kjasync_size_result(kja_task_set_size(kjasync_id(tasks), &size), &size);
}

lean_obj_res kjasync_task_set_on_empty_start(b_lean_obj_arg tasks) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_task_set_on_empty_start(kjasync_id(tasks), &id), &id);
}

lean_obj_res kjasync_task_set_clear(b_lean_obj_arg tasks) {
    return kjasync_unit_result(kja_task_set_clear(kjasync_id(tasks)));
}

lean_obj_res kjasync_task_set_trace(b_lean_obj_arg tasks) {
    return kjasync_text_result(kja_task_set_trace, kjasync_id(tasks));
}

/* ---- canceler ---- */

lean_obj_res kjasync_canceler_new(b_lean_obj_arg runtime) {
    kja_canceler_t id = 0;
    return kjasync_handle_result(kja_canceler_new(kjasync_id(runtime), &id), kjasync_canceler_class, &id);
}

lean_obj_res kjasync_canceler_wrap(b_lean_obj_arg canceler, b_lean_obj_arg promise) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_canceler_wrap(kjasync_id(canceler), kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_canceler_cancel(b_lean_obj_arg canceler, b_lean_obj_arg error) {
    return kjasync_unit_result(kja_canceler_cancel_error_object(kjasync_id(canceler), kjasync_id(error)));
}

lean_obj_res kjasync_canceler_forget(b_lean_obj_arg canceler) {
    return kjasync_unit_result(kja_canceler_forget(kjasync_id(canceler)));
}

uint8_t kjasync_canceler_is_empty(b_lean_obj_arg canceler) { return kja_canceler_is_empty(kjasync_id(canceler)); }

/* ---- queue ---- */

lean_obj_res kjasync_queue_new(b_lean_obj_arg runtime, size_t capacity) {
    kja_queue_t id = 0;
    return kjasync_handle_result(kja_queue_new(kjasync_id(runtime), capacity, &id), kjasync_queue_class, &id);
}

lean_obj_res kjasync_queue_push_start(b_lean_obj_arg queue, lean_obj_arg value) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_queue_push_opaque_start(kjasync_id(queue), kjasync_give(value), kjasync_destroy, &id), &id);
}

/* `false` if there is no room. */
lean_obj_res kjasync_queue_try_push(b_lean_obj_arg queue, lean_obj_arg value) {
    kja_status_t status = kja_queue_try_push_opaque(kjasync_id(queue), kjasync_give(value), kjasync_destroy);
    if (status == KJA_ERR_OVERLOADED) return lean_io_result_mk_ok(lean_box(false));
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(true)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_queue_pop_start(b_lean_obj_arg queue) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_queue_pop_start(kjasync_id(queue), &id), &id);
}

lean_obj_res kjasync_queue_reject_all(b_lean_obj_arg queue, b_lean_obj_arg error) {
    return kjasync_unit_result(kja_queue_reject_all_error_object(kjasync_id(queue), kjasync_id(error)));
}

lean_obj_res kjasync_queue_reject_oldest(b_lean_obj_arg queue, b_lean_obj_arg error) {
    return kjasync_unit_result(kja_queue_reject_oldest_error_object(kjasync_id(queue), kjasync_id(error)));
}

lean_obj_res kjasync_queue_close(b_lean_obj_arg queue) { return kjasync_unit_result(kja_queue_close(kjasync_id(queue))); }

lean_obj_res kjasync_queue_size(b_lean_obj_arg queue) {
    size_t size = 0;
    return kjasync_size_result(kja_queue_size(kjasync_id(queue), &size), &size);
}

/* ---- semaphore ---- */

lean_obj_res kjasync_semaphore_new(b_lean_obj_arg runtime, uint64_t permits) {
    kja_semaphore_t id = 0;
    return kjasync_handle_result(kja_semaphore_new(kjasync_id(runtime), permits, &id), kjasync_semaphore_class, &id);
}

lean_obj_res kjasync_semaphore_acquire_start(b_lean_obj_arg semaphore, uint64_t count) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_semaphore_acquire_start(kjasync_id(semaphore), count, &id), &id);
}

/* `none` if they are not free. */
lean_obj_res kjasync_semaphore_try_acquire(b_lean_obj_arg semaphore, uint64_t count) {
    kja_permit_t id = 0;
    kja_status_t status = kja_semaphore_try_acquire(kjasync_id(semaphore), count, &id);
    if (status == KJA_ERR_BUSY) return lean_io_result_mk_ok(lean_box(0));
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(some, 0, kjasync_wrap(kjasync_permit_class, id));
    return lean_io_result_mk_ok(some);
}

lean_obj_res kjasync_semaphore_free(b_lean_obj_arg semaphore) {
    uint64_t free = 0;
    return kjasync_u64_result(kja_semaphore_free(kjasync_id(semaphore), &free), &free);
}

lean_obj_res kjasync_permit_release(b_lean_obj_arg permit) {
    return kjasync_unit_result(kja_permit_release(kjasync_id(permit)));
}

/* ---- event ---- */

lean_obj_res kjasync_event_new(b_lean_obj_arg runtime) {
    kja_event_t id = 0;
    return kjasync_handle_result(kja_event_new(kjasync_id(runtime), &id), kjasync_event_class, &id);
}

lean_obj_res kjasync_event_set(b_lean_obj_arg event) { return kjasync_unit_result(kja_event_set(kjasync_id(event))); }

uint8_t kjasync_event_is_set(b_lean_obj_arg event) { return kja_event_is_set(kjasync_id(event)); }

lean_obj_res kjasync_event_wait_start(b_lean_obj_arg event) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_event_wait_start(kjasync_id(event), &id), &id);
}
