#include "object.h"
#include <stdlib.h>

lean_obj_res kjasync_signal_new(b_lean_obj_arg runtime, b_lean_obj_arg numbers) {
    size_t count = lean_array_size(numbers);
    int32_t *copy = malloc((count + 1) * sizeof *copy);
    if (copy == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) copy[i] = (int32_t)lean_unbox_uint32(lean_array_get_core(numbers, i));
    kja_signal_t id = 0;
    kja_status_t status = kja_signal_new(kjasync_id(runtime), copy, count, &id);
    free(copy);
    return kjasync_handle_result(status, kjasync_signal_class, &id);
}

lean_obj_res kjasync_signal_next_start(b_lean_obj_arg signal) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_signal_next_start(kjasync_id(signal), &id), &id);
}

lean_obj_res kjasync_signal_each_start(b_lean_obj_arg signal, lean_obj_arg on_signal) {
    kja_promise_t id = 0;
    kja_status_t status =
        kja_signal_each_start(kjasync_id(signal), kjasync_run, kjasync_give(on_signal), kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_signal_close(b_lean_obj_arg signal) {
    return kjasync_unit_result(kja_signal_close(kjasync_id(signal)));
}

/* A `SignalInfo`: the bytes, copied, then the numbers, the wider ones first. */
static lean_obj_res info_result(kja_status_t status, const kja_signal_info_t *info) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    kja_signal_fields_t fields = { .size = sizeof fields };
    size_t length = 0;
    status = kja_signal_info_fields(*info, &fields);
    if (status == KJA_OK) status = kja_signal_info_bytes(*info, NULL, 0, &length);
    lean_object *bytes = lean_alloc_sarray(1, length, length);
    if (status == KJA_OK) status = kja_signal_info_bytes(*info, lean_sarray_cptr(bytes), length, NULL);
    kja_signal_info_release(*info);
    if (status != KJA_OK) {
        lean_dec(bytes);
        return kjasync_unit_result(status);
    }
    const uint64_t wide[] = { fields.value, fields.merged };
    const uint32_t narrow[] = { (uint32_t)fields.number, (uint32_t)fields.code, (uint32_t)fields.pid, fields.uid };
    lean_object *result = lean_alloc_ctor(0, 1, sizeof wide + sizeof narrow);
    lean_ctor_set(result, 0, bytes);
    unsigned at = sizeof(void *);
    for (unsigned i = 0; i < 2; i++, at += sizeof *wide) lean_ctor_set_uint64(result, at, wide[i]);
    for (unsigned i = 0; i < 4; i++, at += sizeof *narrow) lean_ctor_set_uint32(result, at, narrow[i]);
    return lean_io_result_mk_ok(result);
}

lean_obj_res kjasync_promise_signal_info(b_lean_obj_arg promise) {
    kja_signal_info_t id = 0;
    return info_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_signal_info(b_lean_obj_arg call) {
    kja_signal_info_t id = 0;
    return info_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

lean_obj_res kjasync_signal_send(uint32_t pid, uint32_t number) {
    return kjasync_unit_result(kja_signal_send((int32_t)pid, (int32_t)number));
}
