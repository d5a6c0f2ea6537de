#include "object.h"

/* ---- out of a promise, or out of a running call, which is a number ---- */

static lean_obj_res message_result(kja_status_t status, const kja_message_t *id) {
    return kjasync_handle_result(status, kjasync_message_class, id);
}

/* The messages of a list, in an array; the list is released. */
static lean_obj_res messages_result(kja_status_t status, const kja_message_list_t *list) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    size_t count = 0;
    status = kja_message_list_count(*list, &count);
    lean_object *messages = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; i < count && status == KJA_OK; i++) {
        kja_message_t id = 0;
        status = kja_message_list_get(*list, i, &id);
        if (status == KJA_OK) messages = lean_array_push(messages, kjasync_wrap(kjasync_message_class, id));
    }
    lean_object *result = status == KJA_OK ? lean_io_result_mk_ok(messages) : kjasync_unit_result(status);
    if (status != KJA_OK) lean_dec(messages);
    kja_message_list_release(*list);
    return result;
}

lean_obj_res kjasync_promise_message(b_lean_obj_arg promise) {
    kja_message_t id = 0;
    return message_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_message(b_lean_obj_arg call) {
    kja_message_t id = 0;
    return message_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

lean_obj_res kjasync_promise_messages(b_lean_obj_arg promise) {
    kja_message_list_t id = 0;
    return messages_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_messages(b_lean_obj_arg call) {
    kja_message_list_t id = 0;
    return messages_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

/* ---- what came ---- */

lean_obj_res kjasync_message_content(b_lean_obj_arg message) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_message_content(kjasync_id(message), &id), &id);
}

static lean_obj_res bool_result(kja_status_t status, const bool *value) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box(*value));
}

lean_obj_res kjasync_message_is_truncated(b_lean_obj_arg message) {
    bool is = false;
    return bool_result(kja_message_is_truncated(kjasync_id(message), &is), &is);
}

lean_obj_res kjasync_message_is_control_truncated(b_lean_obj_arg message) {
    bool is = false;
    return bool_result(kja_message_is_control_truncated(kjasync_id(message), &is), &is);
}

lean_obj_res kjasync_message_control_count(b_lean_obj_arg message) {
    size_t count = 0;
    return kjasync_size_result(kja_message_control_count(kjasync_id(message), &count), &count);
}

/* A `ControlMessage`: the data, copied, then level and type. */
lean_obj_res kjasync_message_control(b_lean_obj_arg message, size_t index) {
    int32_t level = 0, type = 0;
    const void *data = NULL;
    size_t size = 0;
    kja_status_t status = kja_message_control(kjasync_id(message), index, &level, &type, &data, &size);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *result = lean_alloc_ctor(0, 1, 2 * sizeof(uint32_t));
    lean_ctor_set(result, 0, kjasync_byte_array(data, size));
    lean_ctor_set_uint32(result, sizeof(void *), (uint32_t)level);
    lean_ctor_set_uint32(result, sizeof(void *) + sizeof(uint32_t), (uint32_t)type);
    return lean_io_result_mk_ok(result);
}

lean_obj_res kjasync_message_source(b_lean_obj_arg message) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_message_source(kjasync_id(message), &id), &id);
}

lean_obj_res kjasync_message_fd_count(b_lean_obj_arg message) {
    size_t count = 0;
    return kjasync_size_result(kja_message_fd_count(kjasync_id(message), &count), &count);
}

lean_obj_res kjasync_message_take_fd(b_lean_obj_arg message, size_t index) {
    int32_t fd = -1;
    return kjasync_fd_result(kja_message_take_fd(kjasync_id(message), index, &fd), &fd);
}

lean_obj_res kjasync_message_connection_count(b_lean_obj_arg message) {
    size_t count = 0;
    return kjasync_size_result(kja_message_connection_count(kjasync_id(message), &count), &count);
}

lean_obj_res kjasync_message_take_connection(b_lean_obj_arg message, size_t index) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_message_take_connection(kjasync_id(message), index, &id),
                                 kjasync_connection_class, &id);
}
