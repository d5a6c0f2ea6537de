#include "object.h"
#include <stdlib.h>

static lean_obj_res url_result(kja_status_t status, const kja_url_t *id) {
    return kjasync_handle_result(status, kjasync_url_class, id);
}

lean_obj_res kjasync_url_parse(b_lean_obj_arg text, uint32_t context, uint32_t flags) {
    kjasync_initialize();
    kja_url_t id = 0;
    return url_result(kja_url_parse(lean_string_cstr(text), kjasync_text_size(text), context, flags, &id), &id);
}

lean_obj_res kjasync_url_parse_relative(b_lean_obj_arg base, b_lean_obj_arg text) {
    kja_url_t id = 0;
    return url_result(kja_url_parse_relative(kjasync_id(base), lean_string_cstr(text), kjasync_text_size(text), &id),
                      &id);
}

lean_obj_res kjasync_url_new(uint32_t flags) {
    kjasync_initialize();
    kja_url_t id = 0;
    return url_result(kja_url_new(flags, &id), &id);
}

lean_obj_res kjasync_url_text(b_lean_obj_arg url, uint32_t context) {
    size_t length = 0;
    kja_status_t status = kja_url_text(kjasync_id(url), context, NULL, 0, &length);
    if (status != KJA_OK) return kjasync_unit_result(status);
    char *text = malloc(length + 1);
    if (text == NULL) lean_internal_panic_out_of_memory();
    status = kja_url_text(kjasync_id(url), context, text, length + 1, &length);
    lean_obj_res result = status == KJA_OK ? lean_io_result_mk_ok(lean_mk_string_from_bytes(text, length))
                                           : kjasync_unit_result(status);
    free(text);
    return result;
}

static lean_obj_res some(lean_obj_arg value) {
    lean_object *option = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(option, 0, value);
    return option;
}

/* `none` for a part that there is not. */
lean_obj_res kjasync_url_get(b_lean_obj_arg url, uint32_t part) {
    size_t length = 0;
    bool found = false;
    kja_status_t status = kja_url_get(kjasync_id(url), part, NULL, 0, &length, &found);
    if (status != KJA_OK) return kjasync_unit_result(status);
    if (!found) return lean_io_result_mk_ok(lean_box(0));
    char *text = malloc(length + 1);
    if (text == NULL) lean_internal_panic_out_of_memory();
    status = kja_url_get(kjasync_id(url), part, text, length + 1, &length, &found);
    lean_obj_res result = status == KJA_OK ? lean_io_result_mk_ok(some(lean_mk_string_from_bytes(text, length)))
                                           : kjasync_unit_result(status);
    free(text);
    return result;
}

lean_obj_res kjasync_url_set(b_lean_obj_arg url, uint32_t part, b_lean_obj_arg text) {
    return kjasync_unit_result(kja_url_set(kjasync_id(url), part, lean_string_cstr(text), kjasync_text_size(text)));
}

/* The parts of the path as an array. Nobody else has the handle, so that nothing changes between the calls. */
lean_obj_res kjasync_url_path(b_lean_obj_arg url) {
    size_t count = 0;
    kja_status_t status = kja_url_path_count(kjasync_id(url), &count);
    lean_object *path = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; status == KJA_OK && i < count; i++) {
        size_t length = 0;
        status = kja_url_path_at(kjasync_id(url), i, NULL, 0, &length);
        if (status != KJA_OK) break;
        char *text = malloc(length + 1);
        if (text == NULL) lean_internal_panic_out_of_memory();
        status = kja_url_path_at(kjasync_id(url), i, text, length + 1, NULL);
        if (status == KJA_OK) path = lean_array_push(path, lean_mk_string_from_bytes(text, length));
        free(text);
    }
    if (status == KJA_OK) return lean_io_result_mk_ok(path);
    lean_dec(path);
    return kjasync_unit_result(status);
}

lean_obj_res kjasync_url_path_append(b_lean_obj_arg url, b_lean_obj_arg part) {
    return kjasync_unit_result(kja_url_path_append(kjasync_id(url), lean_string_cstr(part), kjasync_text_size(part)));
}

lean_obj_res kjasync_url_trailing_slash(b_lean_obj_arg url) {
    bool slash = false;
    kja_status_t status = kja_url_trailing_slash(kjasync_id(url), &slash);
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(slash)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_url_set_trailing_slash(b_lean_obj_arg url, uint8_t slash) {
    return kjasync_unit_result(kja_url_set_trailing_slash(kjasync_id(url), slash != 0));
}

/* The items of the query as an array of a name and a value, which may be none. */
lean_obj_res kjasync_url_query(b_lean_obj_arg url) {
    size_t count = 0;
    kja_status_t status = kja_url_query_count(kjasync_id(url), &count);
    lean_object *query = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; status == KJA_OK && i < count; i++) {
        size_t name_size = 0, value_size = 0;
        bool has_value = false;
        status = kja_url_query_at(kjasync_id(url), i, NULL, 0, &name_size, NULL, 0, &value_size, &has_value);
        if (status != KJA_OK) break;
        char *name = malloc(name_size + value_size + 2);
        if (name == NULL) lean_internal_panic_out_of_memory();
        char *value = name + name_size + 1;
        status = kja_url_query_at(kjasync_id(url), i, name, name_size + 1, NULL, value, value_size + 1, NULL, NULL);
        if (status == KJA_OK) {
            lean_object *item = lean_alloc_ctor(0, 2, 0);
            lean_ctor_set(item, 0, lean_mk_string_from_bytes(name, name_size));
            lean_ctor_set(item, 1, has_value ? some(lean_mk_string_from_bytes(value, value_size)) : lean_box(0));
            query = lean_array_push(query, item);
        }
        free(name);
    }
    if (status == KJA_OK) return lean_io_result_mk_ok(query);
    lean_dec(query);
    return kjasync_unit_result(status);
}

lean_obj_res kjasync_url_query_append(b_lean_obj_arg url, b_lean_obj_arg name, b_lean_obj_arg value) {
    const char *text = NULL;
    size_t size = 0;
    if (!lean_is_scalar(value)) {
        text = lean_string_cstr(lean_ctor_get(value, 0));
        size = kjasync_text_size(lean_ctor_get(value, 0));
    }
    return kjasync_unit_result(kja_url_query_append(kjasync_id(url), lean_string_cstr(name), kjasync_text_size(name),
                                                    text, size));
}
