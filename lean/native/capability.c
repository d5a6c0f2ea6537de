#include "object.h"
#include <stdlib.h>

lean_obj_res kjasync_connection_write_with_fds_start(b_lean_obj_arg connection, b_lean_obj_arg bytes,
                                                     b_lean_obj_arg fds) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    size_t count = lean_array_size(fds);
    int32_t *numbers = malloc((count + 1) * sizeof *numbers);
    if (numbers == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) numbers[i] = (int32_t)lean_unbox_uint32(lean_array_get_core(fds, i));
    kja_promise_t id = 0;
    kja_status_t status = kja_connection_write_with_fds_start(kjasync_id(connection), from->data, from->size,
                                                              numbers, count, &id);
    free(numbers);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_connection_read_with_fds_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                    size_t max_fds) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_connection_read_with_fds_start(kjasync_id(connection), min, max, max_fds, &id), &id);
}

lean_obj_res kjasync_connection_write_with_connections_start(b_lean_obj_arg connection, b_lean_obj_arg bytes,
                                                             b_lean_obj_arg moved) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    size_t count = lean_array_size(moved);
    kja_connection_t *ids = malloc((count + 1) * sizeof *ids);
    if (ids == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) ids[i] = kjasync_id(lean_array_get_core(moved, i));
    kja_promise_t id = 0;
    kja_status_t status = kja_connection_write_with_connections_start(kjasync_id(connection), from->data, from->size,
                                                                      ids, count, &id);
    free(ids);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_connection_read_with_connections_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                            size_t max_connections) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_connection_read_with_connections_start(kjasync_id(connection), min, max, max_connections, &id), &id);
}

lean_obj_res kjasync_connection_read_with_control_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                        size_t capacity) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_connection_read_with_control_start(kjasync_id(connection), min, max, capacity, &id), &id);
}

lean_obj_res kjasync_connection_send_fd_start(b_lean_obj_arg connection, uint32_t fd) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_send_fd_start(kjasync_id(connection), (int32_t)fd, &id), &id);
}

lean_obj_res kjasync_connection_receive_fd_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_receive_fd_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_try_receive_fd_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_try_receive_fd_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_send_connection_start(b_lean_obj_arg connection, b_lean_obj_arg moved) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_connection_send_connection_start(kjasync_id(connection), kjasync_id(moved), &id), &id);
}

lean_obj_res kjasync_connection_receive_connection_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_receive_connection_start(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_connection_try_receive_connection_start(b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_try_receive_connection_start(kjasync_id(connection), &id), &id);
}
