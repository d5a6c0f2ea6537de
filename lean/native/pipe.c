#include "object.h"
#include <stdlib.h>

/* ---- pipes, and connections that are made from something else ---- */

static lean_obj_res pair_result(kja_status_t status, const kja_connection_t *one, const kja_connection_t *other) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_connection_class, *one));
    lean_ctor_set(pair, 1, kjasync_wrap(kjasync_connection_class, *other));
    return lean_io_result_mk_ok(pair);
}

lean_obj_res kjasync_pipe_new_one_way(b_lean_obj_arg runtime, uint64_t length) {
    kja_connection_t reader = 0, writer = 0;
    return pair_result(kja_pipe_new_one_way(kjasync_id(runtime), length, &reader, &writer), &reader, &writer);
}

lean_obj_res kjasync_pipe_new_two_way(b_lean_obj_arg runtime) {
    kja_connection_t one = 0, other = 0;
    return pair_result(kja_pipe_new_two_way(kjasync_id(runtime), &one, &other), &one, &other);
}

lean_obj_res kjasync_pipe_new_os_one_way(b_lean_obj_arg runtime) {
    kja_connection_t reader = 0, writer = 0;
    return pair_result(kja_pipe_new_os_one_way(kjasync_id(runtime), &reader, &writer), &reader, &writer);
}

lean_obj_res kjasync_pipe_new_os_two_way(b_lean_obj_arg runtime) {
    kja_connection_t one = 0, other = 0;
    return pair_result(kja_pipe_new_os_two_way(kjasync_id(runtime), &one, &other), &one, &other);
}

lean_obj_res kjasync_pipe_new_capability(b_lean_obj_arg runtime) {
    kja_connection_t one = 0, other = 0;
    return pair_result(kja_pipe_new_capability(kjasync_id(runtime), &one, &other), &one, &other);
}

lean_obj_res kjasync_pipe_tee(b_lean_obj_arg source, size_t limit) {
    kja_connection_t one = 0, other = 0;
    return pair_result(kja_pipe_tee(kjasync_id(source), limit, &one, &other), &one, &other);
}

lean_obj_res kjasync_connection_new_promised(b_lean_obj_arg promise) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_connection_new_promised(kjasync_id(promise), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_call_return_connection(b_lean_obj_arg call, b_lean_obj_arg connection) {
    return kjasync_unit_result(kja_call_return_handle(lean_uint64_of_nat(call), kjasync_id(connection)));
}

lean_obj_res kjasync_connection_new_null(b_lean_obj_arg runtime) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_connection_new_null(kjasync_id(runtime), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_connection_from_file(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags, uint64_t offset) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_connection_from_file(kjasync_id(runtime), (int32_t)fd, flags, offset, &id),
                                 kjasync_connection_class, &id);
}

/* ---- what every connection can do ---- */

lean_obj_res kjasync_connection_read_required_start(b_lean_obj_arg connection, size_t min, size_t max) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_read_required_start(kjasync_id(connection), min, max, &id), &id);
}

lean_obj_res kjasync_connection_abort_write(b_lean_obj_arg connection, b_lean_obj_arg error) {
    return kjasync_unit_result(kja_connection_abort_write_error_object(kjasync_id(connection), kjasync_id(error)));
}

lean_obj_res kjasync_connection_when_write_disconnected_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_when_write_disconnected_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_length(b_lean_obj_arg connection) {
    uint64_t length = 0;
    return kjasync_u64_result(kja_connection_length(kjasync_id(connection), &length), &length);
}

/* ---- reading into an array ---- */

/* Gives back the array, to whoever asks first. */
lean_obj_res kjasync_buffer_take(b_lean_obj_arg buffer) {
    static const char taken[] = "the array of this read has been given out";
    lean_object *array = atomic_exchange(&kjasync_buffer_of(buffer)->array, NULL);
    if (array != NULL) return lean_io_result_mk_ok(array);
    return lean_io_result_mk_error(kjasync_io_error(KJA_ERR_FAILED, 0, taken, sizeof taken - 1));
}

/* The array is not marked as shared between threads, which it would stay for good: one thread at a time has it. */
lean_obj_res kjasync_connection_read_into_start(b_lean_obj_arg connection, lean_obj_arg array, size_t start,
                                                size_t stop, size_t min) {
    if (!lean_is_exclusive(array)) {
        lean_object *shared = array;
        array = kjasync_byte_array(lean_sarray_cptr(shared), lean_sarray_size(shared));
        lean_dec(shared);
    }
    if (stop > lean_sarray_size(array)) stop = lean_sarray_size(array);
    if (start > stop) start = stop;
    kjasync_buffer *buffer = malloc(sizeof *buffer);
    if (buffer == NULL) lean_internal_panic_out_of_memory();
    atomic_init(&buffer->holders, 2);
    atomic_init(&buffer->array, array);
    lean_object *holder = lean_alloc_external(kjasync_buffer_class, buffer);
    kja_promise_t id = 0;
    kja_status_t status =
        kja_connection_read_into_start(kjasync_id(connection), lean_sarray_cptr(array) + start, min, stop - start,
                                       buffer, kjasync_buffer_release, &id);
    if (status != KJA_OK) {
        lean_object *result = kjasync_unit_result(status);
        lean_dec(holder);
        return result;
    }
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_promise_class, id));
    lean_ctor_set(pair, 1, holder);
    return lean_io_result_mk_ok(pair);
}
