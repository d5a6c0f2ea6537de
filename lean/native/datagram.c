#include "object.h"
#include <stdlib.h>

lean_obj_res kjasync_address_bind_datagram(b_lean_obj_arg address) {
    kja_datagram_t id = 0;
    return kjasync_handle_result(kja_address_bind_datagram(kjasync_id(address), &id), kjasync_datagram_class, &id);
}

/* An `Option Address`; 0 for none. */
static kja_address_t destination(b_lean_obj_arg to) {
    return lean_is_scalar(to) ? 0 : kjasync_id(lean_ctor_get(to, 0));
}

lean_obj_res kjasync_datagram_send_start(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_datagram_send_start(kjasync_id(port), from->data, from->size, destination(to), &id), &id);
}

static lean_obj_res bool_result(kja_status_t status, const bool *value) {
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(*value)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_datagram_send_now(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    bool sent = false;
    return bool_result(kja_datagram_send_now(kjasync_id(port), from->data, from->size, destination(to), &sent), &sent);
}

lean_obj_res kjasync_datagram_reply_start(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_datagram_reply_start(kjasync_id(port), from->data, from->size, kjasync_id(to), &id), &id);
}

lean_obj_res kjasync_datagram_reply_now(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    bool sent = false;
    return bool_result(kja_datagram_reply_now(kjasync_id(port), from->data, from->size, kjasync_id(to), &sent), &sent);
}

lean_obj_res kjasync_datagram_sendv_start(b_lean_obj_arg port, b_lean_obj_arg pieces, b_lean_obj_arg to) {
    kja_slice_t *slices = kjasync_slices_of(pieces);
    kja_promise_t id = 0;
    kja_status_t status =
        kja_datagram_sendv_start(kjasync_id(port), slices, lean_array_size(pieces), destination(to), &id);
    free(slices);
    return kjasync_promise_result(status, &id);
}

static kja_datagram_options_t options_of(size_t capacity, size_t control_capacity) {
    return (kja_datagram_options_t){
        .size = sizeof(kja_datagram_options_t),
        .capacity = capacity,
        .ancillary_capacity = control_capacity,
    };
}

lean_obj_res kjasync_datagram_receive_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity) {
    kja_datagram_options_t options = options_of(capacity, control_capacity);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_datagram_receive_start(kjasync_id(port), &options, &id), &id);
}

lean_obj_res kjasync_datagram_receive_many_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity,
                                                 size_t max) {
    kja_datagram_options_t options = options_of(capacity, control_capacity);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_datagram_receive_many_start(kjasync_id(port), &options, max, &id), &id);
}

lean_obj_res kjasync_datagram_receive_each_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity,
                                                 lean_obj_arg on_message) {
    kja_datagram_options_t options = options_of(capacity, control_capacity);
    kja_promise_t id = 0;
    kja_status_t status = kja_datagram_receive_each_start(kjasync_id(port), &options, kjasync_run,
                                                          kjasync_give(on_message), kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_datagram_connect(b_lean_obj_arg port, b_lean_obj_arg to) {
    return kjasync_unit_result(kja_datagram_connect(kjasync_id(port), kjasync_id(to)));
}

lean_obj_res kjasync_datagram_local_address(b_lean_obj_arg port) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_datagram_local_address(kjasync_id(port), &id), &id);
}

lean_obj_res kjasync_datagram_close(b_lean_obj_arg port) {
    return kjasync_unit_result(kja_datagram_close(kjasync_id(port)));
}

lean_obj_res kjasync_datagram_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags) {
    kja_datagram_t id = 0;
    return kjasync_handle_result(kja_datagram_from_fd(kjasync_id(runtime), (int32_t)fd, flags, &id),
                                 kjasync_datagram_class, &id);
}
