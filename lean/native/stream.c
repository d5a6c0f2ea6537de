#include "object.h"
#include <stdlib.h>

/* ---- address and listener ---- */

lean_obj_res kjasync_address_parse_start(b_lean_obj_arg runtime, b_lean_obj_arg text, uint16_t default_port) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_address_parse_start(kjasync_id(runtime), lean_string_cstr(text),
                                                  lean_string_size(text) - 1, default_port, &id), &id);
}

lean_obj_res kjasync_address_text(b_lean_obj_arg address) {
    return kjasync_text_result(kja_address_text, kjasync_id(address));
}

lean_obj_res kjasync_address_port(b_lean_obj_arg address) {
    uint16_t port = 0;
    kja_status_t status = kja_address_port(kjasync_id(address), &port);
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(port)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_address_connect_start(b_lean_obj_arg address) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_address_connect_start(kjasync_id(address), &id), &id);
}

lean_obj_res kjasync_address_listen(b_lean_obj_arg address, uint32_t backlog, uint32_t flags) {
    kja_listen_options_t options = { .size = sizeof options, .backlog = backlog, .flags = flags };
    kja_listener_t id = 0;
    return kjasync_handle_result(kja_address_listen_with(kjasync_id(address), &options, &id), kjasync_listener_class,
                                 &id);
}

lean_obj_res kjasync_listener_local_address(b_lean_obj_arg listener) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_listener_local_address(kjasync_id(listener), &id), &id);
}

lean_obj_res kjasync_listener_accept_start(b_lean_obj_arg listener) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_listener_accept_start(kjasync_id(listener), &id), &id);
}

lean_obj_res kjasync_listener_accept_each_start(b_lean_obj_arg listener, lean_obj_arg on_connection) {
    kja_promise_t id = 0;
    kja_status_t status = kja_listener_accept_each_start(kjasync_id(listener), kjasync_run, kjasync_give(on_connection),
                                                         kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_listener_close(b_lean_obj_arg listener) {
    return kjasync_unit_result(kja_listener_close(kjasync_id(listener)));
}

/* ---- connection ---- */

lean_obj_res kjasync_connection_read_start(b_lean_obj_arg connection, size_t min, size_t max) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_read_start(kjasync_id(connection), min, max, &id), &id);
}

lean_obj_res kjasync_connection_read_all_start(b_lean_obj_arg connection, size_t limit) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_read_all_start(kjasync_id(connection), limit, &id), &id);
}

lean_obj_res kjasync_connection_read_each_start(b_lean_obj_arg connection, size_t min, size_t max, lean_obj_arg on_bytes) {
    kja_promise_t id = 0;
    kja_status_t status = kja_connection_read_each_start(kjasync_id(connection), min, max, kjasync_run,
                                                         kjasync_give(on_bytes), kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_connection_write_now(b_lean_obj_arg connection, b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    size_t written = 0;
    return kjasync_size_result(kja_connection_write_now(kjasync_id(connection), from->data, from->size, &written),
                               &written);
}

/* The bytes themselves are the context: they stay until they are written. */
lean_obj_res kjasync_connection_write_start(b_lean_obj_arg connection, lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    kja_status_t status = kja_connection_write_borrowed_start(kjasync_id(connection), from->data, from->size,
                                                              kjasync_give(bytes), kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_connection_writev_start(b_lean_obj_arg connection, b_lean_obj_arg pieces) {
    kja_slice_t *slices = kjasync_slices_of(pieces);
    kja_promise_t id = 0;
    kja_status_t status =
        kja_connection_writev_start(kjasync_id(connection), slices, lean_array_size(pieces), &id);
    free(slices);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_connection_shutdown_write_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_shutdown_write_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_flush_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_flush_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_abort_read(b_lean_obj_arg connection) {
    return kjasync_unit_result(kja_connection_abort_read(kjasync_id(connection)));
}

lean_obj_res kjasync_connection_pump_start(b_lean_obj_arg from, b_lean_obj_arg to, uint64_t limit) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_pump_start(kjasync_id(from), kjasync_id(to), limit, &id), &id);
}

lean_obj_res kjasync_connection_set_nodelay(b_lean_obj_arg connection, uint8_t on) {
    return kjasync_unit_result(kja_connection_set_nodelay(kjasync_id(connection), on));
}

lean_obj_res kjasync_connection_local_address(b_lean_obj_arg connection) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_connection_local_address(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_peer_address(b_lean_obj_arg connection) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_connection_peer_address(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_close(b_lean_obj_arg connection) {
    return kjasync_unit_result(kja_connection_close(kjasync_id(connection)));
}
