#include "object.h"
#include <stdlib.h>

/* ---- inside a callback ---- */

static kja_call_t call_id(b_lean_obj_arg call) { return lean_uint64_of_nat(call); }

uint8_t kjasync_call_is_ok(b_lean_obj_arg call) { return kja_call_status(call_id(call)) == KJA_OK; }

uint8_t kjasync_call_is_unit(b_lean_obj_arg call) {
    uint32_t type = KJA_OUTCOME_PENDING;
    return kja_call_outcome_type(call_id(call), &type) == KJA_OK && type == KJA_OUTCOME_UNIT;
}

lean_obj_res kjasync_call_unit(b_lean_obj_arg call) { return kjasync_unit_result(kja_call_status(call_id(call))); }

lean_obj_res kjasync_call_u64(b_lean_obj_arg call) {
    uint64_t value = 0;
    return kjasync_u64_result(kja_call_u64(call_id(call), &value), &value);
}

lean_obj_res kjasync_call_bytes(b_lean_obj_arg call) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_call_bytes(call_id(call), &id), &id);
}

lean_obj_res kjasync_call_address(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_call_handle(call_id(call), &id), kjasync_address_class, &id);
}

lean_obj_res kjasync_call_connection(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_call_handle(call_id(call), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_call_permit(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_call_handle(call_id(call), &id), kjasync_permit_class, &id);
}

lean_obj_res kjasync_call_object(b_lean_obj_arg call) {
    void *value = NULL;
    return kjasync_object_result(kja_call_opaque(call_id(call), &value), &value);
}

lean_obj_res kjasync_call_return_object(b_lean_obj_arg call, lean_obj_arg value) {
    kja_call_return_opaque(call_id(call), kjasync_give(value), kjasync_destroy);
    return lean_box(0);
}

/* The library consumes the handle. Only a promise that nobody else holds can be given away as it is; of
 * another one it gets a branch. */
lean_obj_res kjasync_call_return_u64(b_lean_obj_arg call, uint64_t value) {
    return kjasync_unit_result(kja_call_return_u64(lean_uint64_of_nat(call), value));
}

lean_obj_res kjasync_call_return_promise(b_lean_obj_arg call, lean_obj_arg promise) {
    kja_promise_t id = kjasync_id(promise);
    kja_status_t status = KJA_OK;
    if (!lean_is_exclusive(promise)) status = kja_promise_fork(id, &id);
    if (status == KJA_OK) status = kja_call_return_promise(call_id(call), id);
    lean_dec(promise);
    return kjasync_unit_result(status);
}

lean_obj_res kjasync_call_error_object(b_lean_obj_arg call) {
    kja_error_t id = 0;
    return kjasync_handle_result(kja_call_error_object(call_id(call), &id), kjasync_error_class, &id);
}

lean_obj_res kjasync_call_return_error_object(b_lean_obj_arg call, b_lean_obj_arg error) {
    kja_call_return_error_object(call_id(call), kjasync_id(error));
    return lean_box(0);
}

/* ---- promise ---- */

lean_obj_res kjasync_promise_new_unit(b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_new_unit(kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_promise_new_object(b_lean_obj_arg runtime, lean_obj_arg value) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_promise_new_opaque(kjasync_id(runtime), kjasync_give(value), kjasync_destroy, &id), &id);
}

lean_obj_res kjasync_promise_new_error_object(b_lean_obj_arg runtime, b_lean_obj_arg error) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_new_error_object(kjasync_id(runtime), kjasync_id(error), &id), &id);
}

lean_obj_res kjasync_promise_new_never(b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_new_never(kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_promise_await(b_lean_obj_arg promise) {
    return kjasync_unit_result(kja_promise_await(kjasync_id(promise)));
}

/* A promise may have failed with any kind of error, so its status does not tell what it is: its type does. */
static bool has_type(b_lean_obj_arg promise, uint32_t wanted) {
    uint32_t type = KJA_OUTCOME_PENDING;
    return kja_promise_outcome_type(kjasync_id(promise), &type) == KJA_OK && type == wanted;
}

uint8_t kjasync_promise_is_settled(b_lean_obj_arg promise) { return !has_type(promise, KJA_OUTCOME_PENDING); }

uint8_t kjasync_promise_is_unit(b_lean_obj_arg promise) { return has_type(promise, KJA_OUTCOME_UNIT); }

/* `false`: still pending. */
lean_obj_res kjasync_promise_await_for(b_lean_obj_arg promise, uint64_t nanos) {
    kja_status_t status = kja_promise_await_for(kjasync_id(promise), nanos);
    if (status == KJA_ERR_TIMED_OUT && has_type(promise, KJA_OUTCOME_PENDING)) return lean_io_result_mk_ok(lean_box(false));
    /* It may have settled since. */
    if (status == KJA_ERR_TIMED_OUT) status = kja_promise_status(kjasync_id(promise));
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(true)) : kjasync_unit_result(status);
}

uint8_t kjasync_promise_belongs_to(b_lean_obj_arg promise, b_lean_obj_arg runtime) {
    return kja_promise_belongs_to(kjasync_id(promise), kjasync_id(runtime));
}

uint8_t kjasync_promise_has_branches(b_lean_obj_arg promise) {
    return kja_promise_has_branches(kjasync_id(promise));
}

lean_obj_res kjasync_promise_unit(b_lean_obj_arg promise) {
    return kjasync_unit_result(kja_promise_status(kjasync_id(promise)));
}

lean_obj_res kjasync_promise_u64(b_lean_obj_arg promise) {
    uint64_t value = 0;
    return kjasync_u64_result(kja_promise_u64(kjasync_id(promise), &value), &value);
}

lean_obj_res kjasync_promise_bytes(b_lean_obj_arg promise) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_promise_bytes(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_promise_address(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_address_class, &id);
}

lean_obj_res kjasync_promise_connection(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_promise_permit(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_permit_class, &id);
}

lean_obj_res kjasync_promise_object(b_lean_obj_arg promise) {
    void *value = NULL;
    return kjasync_object_result(kja_promise_opaque(kjasync_id(promise), &value), &value);
}

/* The error, or `none` for a promise without one. */
lean_obj_res kjasync_promise_error_object(b_lean_obj_arg promise) {
    uint32_t type = KJA_OUTCOME_PENDING;
    kja_error_t id = 0;
    kja_status_t status = kja_promise_outcome_type(kjasync_id(promise), &type);
    if (status == KJA_OK && type != KJA_OUTCOME_ERROR) return lean_io_result_mk_ok(lean_box(0));
    if (status == KJA_OK) status = kja_promise_error_object(kjasync_id(promise), &id);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(some, 0, kjasync_wrap(kjasync_error_class, id));
    return lean_io_result_mk_ok(some);
}

lean_obj_res kjasync_promise_trace(b_lean_obj_arg promise) {
    return kjasync_text_result(kja_promise_trace, kjasync_id(promise));
}

lean_obj_res kjasync_promise_cancel(b_lean_obj_arg promise) {
    return kjasync_unit_result(kja_promise_cancel(kjasync_id(promise)));
}

lean_obj_res kjasync_promise_cancel_start(b_lean_obj_arg promise) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_cancel_start(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_promise_release(b_lean_obj_arg promise) {
    return kjasync_unit_result(kja_promise_release(kjasync_id(promise)));
}

#define CONTINUE_WITH(verb)                                                                                  \
    lean_obj_res kjasync_promise_##verb(b_lean_obj_arg promise, lean_obj_arg run) {                          \
        kja_promise_t id = 0;                                                                                \
        kja_status_t status =                                                                                \
            kja_promise_##verb(kjasync_id(promise), kjasync_run, kjasync_give(run), kjasync_destroy, &id);   \
        return kjasync_promise_result(status, &id);                                                          \
    }

CONTINUE_WITH(then)
CONTINUE_WITH(catch)
CONTINUE_WITH(handle_both)
CONTINUE_WITH(finally)

typedef kja_status_t (*join_fn)(kja_runtime_t, const kja_promise_t *, size_t, kja_promise_t *);

static lean_obj_res join(join_fn how, b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    size_t count = lean_array_size(promises);
    kja_promise_t *ids = malloc((count + 1) * sizeof *ids);
    if (ids == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) ids[i] = kjasync_id(lean_array_get_core(promises, i));
    kja_promise_t id = 0;
    kja_status_t status = how(kjasync_id(runtime), ids, count, &id);
    free(ids);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_promise_all(b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    return join(kja_promise_all, runtime, promises);
}

lean_obj_res kjasync_promise_race(b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    return join(kja_promise_race, runtime, promises);
}

lean_obj_res kjasync_promise_join(b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    return join(kja_promise_join, runtime, promises);
}

lean_obj_res kjasync_promise_all_settled(b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    return join(kja_promise_all_settled, runtime, promises);
}

lean_obj_res kjasync_promise_any(b_lean_obj_arg runtime, b_lean_obj_arg promises) {
    return join(kja_promise_any, runtime, promises);
}

lean_obj_res kjasync_promise_deadline(b_lean_obj_arg promise, uint64_t mono_nanos) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_deadline(kjasync_id(promise), mono_nanos, &id), &id);
}

lean_obj_res kjasync_promise_timeout(b_lean_obj_arg promise, uint64_t nanos) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_timeout(kjasync_id(promise), nanos, &id), &id);
}

lean_obj_res kjasync_promise_fork(b_lean_obj_arg promise) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_fork(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_promise_attach(b_lean_obj_arg promise, lean_obj_arg object) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_promise_attach(kjasync_id(promise), kjasync_give(object), kjasync_destroy, &id), &id);
}

static void run_once(void *run) { lean_dec(lean_apply_1(run, lean_box(0))); }

lean_obj_res kjasync_promise_attach_action(b_lean_obj_arg promise, lean_obj_arg run) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_promise_attach(kjasync_id(promise), kjasync_give(run), run_once, &id), &id);
}

lean_obj_res kjasync_promise_detach(b_lean_obj_arg promise, lean_obj_arg on_error) {
    return kjasync_unit_result(
        kja_promise_detach(kjasync_id(promise), kjasync_run, kjasync_give(on_error), kjasync_destroy));
}

/* ---- fulfiller ---- */

/* The pair `(fulfiller, promise)`. */
lean_obj_res kjasync_fulfiller_new(b_lean_obj_arg runtime) {
    kja_fulfiller_t fulfiller = 0;
    kja_promise_t promise = 0;
    kja_status_t status = kja_fulfiller_new(kjasync_id(runtime), &fulfiller, &promise);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_fulfiller_class, fulfiller));
    lean_ctor_set(pair, 1, kjasync_wrap(kjasync_promise_class, promise));
    return lean_io_result_mk_ok(pair);
}

lean_obj_res kjasync_fulfiller_object(b_lean_obj_arg fulfiller, lean_obj_arg value) {
    return kjasync_unit_result(
        kja_fulfiller_opaque(kjasync_id(fulfiller), kjasync_give(value), kjasync_destroy));
}

/* The library consumes the handle it gets, the caller keeps its own. */
lean_obj_res kjasync_fulfiller_promise(b_lean_obj_arg fulfiller, b_lean_obj_arg promise) {
    kja_promise_t branch = 0;
    kja_status_t status = kja_promise_fork(kjasync_id(promise), &branch);
    if (status == KJA_OK) status = kja_fulfiller_promise(kjasync_id(fulfiller), branch);
    return kjasync_unit_result(status);
}

lean_obj_res kjasync_fulfiller_error_object(b_lean_obj_arg fulfiller, b_lean_obj_arg error) {
    return kjasync_unit_result(kja_fulfiller_error_object(kjasync_id(fulfiller), kjasync_id(error)));
}

uint8_t kjasync_fulfiller_is_waiting(b_lean_obj_arg fulfiller) {
    return kja_fulfiller_is_waiting(kjasync_id(fulfiller));
}
