#include "object.h"
#include <stdlib.h>
#include <string.h>

static lean_obj_res head_result(kja_status_t status, const kja_http_head_t *id) {
    return kjasync_handle_result(status, kjasync_http_head_class, id);
}

/* `limits` are numbers in the order of the structure. */
static kja_http_head_options_t options_of(b_lean_obj_arg limits) {
    kja_http_head_options_t options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_head = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 0));
    options.max_headers = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 1));
    options.max_target = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 2));
    return options;
}

lean_obj_res kjasync_http_head_length(b_lean_obj_arg data, b_lean_obj_arg limits) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    kja_http_head_options_t options = options_of(limits);
    size_t length = 0;
    return kjasync_size_result(kja_http_head_length(bytes->data, bytes->size, &options, &length), &length);
}

lean_obj_res kjasync_http_head_parse(b_lean_obj_arg data, uint32_t kind, b_lean_obj_arg limits) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    kja_http_head_options_t options = options_of(limits);
    kja_http_head_t id = 0;
    return head_result(kja_http_head_parse(bytes->data, bytes->size, kind, &options, &id), &id);
}

lean_obj_res kjasync_http_head_new_request(b_lean_obj_arg method, b_lean_obj_arg target, uint32_t version,
                                           b_lean_obj_arg headers) {
    kja_http_head_t id = 0;
    return head_result(kja_http_head_new_request(lean_string_cstr(method), kjasync_text_size(method),
                                                 lean_string_cstr(target), kjasync_text_size(target), version,
                                                 kjasync_id(headers), &id), &id);
}

/* An empty text stands for the usual one. */
lean_obj_res kjasync_http_head_new_response(uint32_t status, b_lean_obj_arg reason, uint32_t version,
                                            b_lean_obj_arg headers) {
    size_t reason_size = kjasync_text_size(reason);
    kja_http_head_t id = 0;
    return head_result(kja_http_head_new_response(status, reason_size ? lean_string_cstr(reason) : NULL, reason_size,
                                                  version, kjasync_id(headers), &id), &id);
}

lean_obj_res kjasync_http_head_method(b_lean_obj_arg head) {
    return kjasync_text_result(kja_http_head_method, kjasync_id(head));
}

lean_obj_res kjasync_http_head_target(b_lean_obj_arg head) {
    return kjasync_text_result(kja_http_head_target, kjasync_id(head));
}

lean_obj_res kjasync_http_head_reason(b_lean_obj_arg head) {
    return kjasync_text_result(kja_http_head_reason, kjasync_id(head));
}

static lean_obj_res number_result(kja_status_t status, uint32_t number) {
    uint64_t wide = number;
    return kjasync_u64_result(status, &wide);
}

lean_obj_res kjasync_http_head_status(b_lean_obj_arg head) {
    uint32_t code = 0;
    kja_status_t status = kja_http_head_status(kjasync_id(head), &code);
    return number_result(status, code);
}

lean_obj_res kjasync_http_head_version(b_lean_obj_arg head) {
    uint32_t version = 0;
    kja_status_t status = kja_http_head_version(kjasync_id(head), &version);
    return number_result(status, version);
}

lean_obj_res kjasync_http_head_headers(b_lean_obj_arg head) {
    kja_http_headers_t id = 0;
    return kjasync_handle_result(kja_http_head_headers(kjasync_id(head), &id), kjasync_http_headers_class, &id);
}

lean_obj_res kjasync_http_head_bytes(b_lean_obj_arg head) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_http_head_bytes(kjasync_id(head), &id), &id);
}

/* The framing and the length. */
lean_obj_res kjasync_http_head_body_framing(b_lean_obj_arg head, b_lean_obj_arg method) {
    uint32_t framing = 0;
    uint64_t length = 0;
    kja_status_t status = kja_http_head_body_framing(kjasync_id(head), lean_string_cstr(method),
                                                     kjasync_text_size(method), &framing, &length);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, lean_box_uint32(framing));
    lean_ctor_set(pair, 1, lean_box_uint64(length));
    return lean_io_result_mk_ok(pair);
}

/* ---- ranges ---- */

/* The kind and the ranges, each a pair of its first and its last byte. */
lean_obj_res kjasync_http_range_parse(b_lean_obj_arg value, uint64_t total) {
    enum { MOST = 256 };
    kja_http_range_t *found = malloc(MOST * sizeof *found);
    if (found == NULL) lean_internal_panic_out_of_memory();
    uint32_t kind = 0;
    size_t count = 0;
    kja_status_t status =
        kja_http_range_parse(lean_string_cstr(value), kjasync_text_size(value), total, found, MOST, &count, &kind);
    if (status != KJA_OK) {
        free(found);
        return kjasync_unit_result(status);
    }
    lean_object *ranges = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; i < count; i++) {
        lean_object *range = lean_alloc_ctor(0, 2, 0);
        lean_ctor_set(range, 0, lean_box_uint64(found[i].start));
        lean_ctor_set(range, 1, lean_box_uint64(found[i].end));
        ranges = lean_array_push(ranges, range);
    }
    free(found);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, lean_box_uint32(kind));
    lean_ctor_set(pair, 1, ranges);
    return lean_io_result_mk_ok(pair);
}
