#include "object.h"
#include <stdlib.h>
#include <string.h>

static lean_obj_res wrap(const uint8_t *data, size_t size, kja_bytes_t id, lean_obj_arg owner) {
    kjasync_bytes *bytes = malloc(sizeof *bytes);
    if (bytes == NULL) lean_internal_panic_out_of_memory();
    *bytes = (kjasync_bytes){ data, size, id, owner };
    return lean_alloc_external(kjasync_bytes_class, bytes);
}

lean_obj_res kjasync_bytes_result(kja_status_t status, const kja_bytes_t *id) {
    const void *data = NULL;
    size_t size = 0;
    if (status == KJA_OK) status = kja_bytes_data(*id, &data, &size);
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(wrap(data, size, *id, NULL));
}

lean_obj_res kjasync_bytes_of_byte_array(lean_obj_arg data) {
    kjasync_initialize();
    return wrap(lean_sarray_cptr(data), lean_sarray_size(data), 0, kjasync_give(data));
}

lean_obj_res kjasync_bytes_to_byte_array(b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    return kjasync_byte_array(from->data, from->size);
}

size_t kjasync_bytes_size(b_lean_obj_arg bytes) { return kjasync_bytes_of(bytes)->size; }

uint8_t kjasync_bytes_get(b_lean_obj_arg bytes, size_t index) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    return index < from->size ? from->data[index] : 0;
}

lean_obj_res kjasync_bytes_slice(b_lean_obj_arg bytes, size_t start, size_t end) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    if (end > from->size) end = from->size;
    if (start > end) start = end;
    /* A part of a part belongs to the whole, so that parts do not form chains. */
    lean_object *owner = from->owner != NULL ? from->owner : bytes;
    lean_inc(owner);
    return wrap(from->data + start, end - start, 0, kjasync_give(owner));
}

/* 0, 1 or 2: less, equal or greater. */
uint8_t kjasync_bytes_compare(b_lean_obj_arg left, b_lean_obj_arg right) {
    const kjasync_bytes *a = kjasync_bytes_of(left), *b = kjasync_bytes_of(right);
    size_t common = a->size < b->size ? a->size : b->size;
    int order = common == 0 ? 0 : memcmp(a->data, b->data, common);
    if (order == 0) order = (a->size > b->size) - (a->size < b->size);
    return (uint8_t)(1 + (order > 0) - (order < 0));
}

/* The size of `bytes` if there is none. */
size_t kjasync_bytes_index_of(b_lean_obj_arg bytes, b_lean_obj_arg wanted, size_t start) {
    const kjasync_bytes *in = kjasync_bytes_of(bytes), *what = kjasync_bytes_of(wanted);
    while (start <= in->size && in->size - start >= what->size) {
        if (what->size == 0) return start;
        const uint8_t *first = memchr(in->data + start, what->data[0], in->size - start - what->size + 1);
        if (first == NULL) break;
        start = (size_t)(first - in->data);
        if (memcmp(first, what->data, what->size) == 0) return start;
        start++;
    }
    return in->size;
}
