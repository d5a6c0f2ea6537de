#include "object.h"
#include <stdlib.h>

/* An error does not change and belongs to no runtime, so these cannot fail: the handle lives as long as the object. */

static lean_obj_res wrap(kja_status_t status, const kja_error_t *id) {
    if (status != KJA_OK) lean_internal_panic("KjAsync: an error could not be made");
    return kjasync_wrap(kjasync_error_class, *id);
}

/* The text behind an IO result that is one. */
static lean_obj_res text_of(kjasync_copy_fn copy, b_lean_obj_arg error) {
    return lean_io_result_take_value(kjasync_text_result(copy, kjasync_id(error)));
}

lean_obj_res kjasync_error_new(uint32_t kind, uint32_t os_error, b_lean_obj_arg text) {
    kja_error_t id = 0;
    kjasync_initialize();
    return wrap(kja_error_new((kja_status_t)kind, (int32_t)os_error, lean_string_cstr(text), kjasync_text_size(text), &id),
                &id);
}

lean_obj_res kjasync_last_error_object(void) {
    kja_error_t id = 0;
    if (kja_last_error_status() == KJA_OK || kja_last_error_object(&id) != KJA_OK) return lean_box(0);
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(some, 0, kjasync_wrap(kjasync_error_class, id));
    return some;
}

lean_obj_res kjasync_error_to_io_error(b_lean_obj_arg error) {
    kja_status_t kind = KJA_ERR_FAILED;
    int32_t os_error = 0;
    kja_error_kind(kjasync_id(error), &kind, &os_error);
    lean_object *text = text_of(kja_error_text, error);
    lean_object *result = kjasync_io_error(kind, os_error, lean_string_cstr(text), kjasync_text_size(text));
    lean_dec(text);
    return result;
}

uint32_t kjasync_error_kind(b_lean_obj_arg error) {
    kja_status_t kind = KJA_ERR_FAILED;
    kja_error_kind(kjasync_id(error), &kind, NULL);
    return (uint32_t)kind;
}

uint32_t kjasync_error_os(b_lean_obj_arg error) {
    int32_t os_error = 0;
    kja_error_kind(kjasync_id(error), NULL, &os_error);
    return (uint32_t)os_error;
}

uint32_t kjasync_error_kind_of_os(uint32_t os_error) { return (uint32_t)kja_status_of_os_error((int32_t)os_error); }

lean_obj_res kjasync_error_text(b_lean_obj_arg error) { return text_of(kja_error_text, error); }

lean_obj_res kjasync_error_with_context(b_lean_obj_arg error, b_lean_obj_arg file, uint32_t line, b_lean_obj_arg text) {
    kja_error_t id = 0;
    return wrap(kja_error_with_context(kjasync_id(error), lean_string_cstr(file), kjasync_text_size(file), line,
                                       lean_string_cstr(text), kjasync_text_size(text), &id), &id);
}

lean_obj_res kjasync_error_context(b_lean_obj_arg error) { return text_of(kja_error_context, error); }

lean_obj_res kjasync_error_with_detail(b_lean_obj_arg error, uint64_t detail, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    kja_error_t id = 0;
    return wrap(kja_error_with_detail(kjasync_id(error), detail, bytes->data, bytes->size, &id), &id);
}

lean_obj_res kjasync_error_without_detail(b_lean_obj_arg error, uint64_t detail) {
    kja_error_t id = 0;
    return wrap(kja_error_without_detail(kjasync_id(error), detail, &id), &id);
}

/* `none` if there is no such detail. */
lean_obj_res kjasync_error_detail(b_lean_obj_arg error, uint64_t detail) {
    kja_bytes_t id = 0;
    kja_status_t status = kja_error_detail(kjasync_id(error), detail, &id);
    if (status != KJA_OK) return lean_box(0);
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(some, 0, lean_io_result_take_value(kjasync_bytes_result(status, &id)));
    return some;
}

lean_obj_res kjasync_error_detail_ids(b_lean_obj_arg error) {
    size_t count = 0;
    kja_error_detail_ids(kjasync_id(error), NULL, 0, &count);
    uint64_t *ids = malloc((count + 1) * sizeof *ids);
    if (ids == NULL) lean_internal_panic_out_of_memory();
    kja_error_detail_ids(kjasync_id(error), ids, count, &count);
    lean_object *array = lean_mk_empty_array_with_capacity(lean_usize_to_nat(count));
    for (size_t i = 0; i < count; i++) array = lean_array_push(array, lean_box_uint64(ids[i]));
    free(ids);
    return array;
}
