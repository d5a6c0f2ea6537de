#include "object.h"
#include <stdlib.h>

/* ---- socket options, of whatever has a socket ---- */

/* The value in an array, which first has room for `capacity` bytes and then the size that the system gave. */
#define GETSOCKOPT(kind)                                                                                          \
    lean_obj_res kjasync_##kind##_getsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,             \
                                             size_t capacity) {                                                  \
        lean_object *value = lean_alloc_sarray(1, 0, capacity);                                                   \
        size_t length = 0;                                                                                        \
        kja_status_t status = kja_##kind##_getsockopt(kjasync_id(object), (int32_t)level, (int32_t)option,        \
                                                      lean_sarray_cptr(value), capacity, &length);                \
        if (status != KJA_OK) {                                                                                   \
            lean_dec(value);                                                                                      \
            return kjasync_unit_result(status);                                                                   \
        }                                                                                                         \
        lean_sarray_set_size(value, length < capacity ? length : capacity);                                       \
        return lean_io_result_mk_ok(value);                                                                       \
    }
#define SETSOCKOPT(kind)                                                                                          \
    lean_obj_res kjasync_##kind##_setsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,             \
                                             b_lean_obj_arg value) {                                             \
        return kjasync_unit_result(kja_##kind##_setsockopt(kjasync_id(object), (int32_t)level, (int32_t)option,   \
                                                           lean_sarray_cptr(value), lean_sarray_size(value)));    \
    }

GETSOCKOPT(connection)
SETSOCKOPT(connection)
GETSOCKOPT(listener)
SETSOCKOPT(listener)
GETSOCKOPT(datagram)
SETSOCKOPT(datagram)

/* ---- address ---- */

lean_obj_res kjasync_address_from_sockaddr(b_lean_obj_arg runtime, b_lean_obj_arg bytes) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_address_from_sockaddr(kjasync_id(runtime), lean_sarray_cptr(bytes),
                                                            lean_sarray_size(bytes), &id), &id);
}

lean_obj_res kjasync_address_sockaddr(b_lean_obj_arg address) {
    size_t length = 0;
    kja_status_t status = kja_address_sockaddr(kjasync_id(address), NULL, 0, &length);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *bytes = lean_alloc_sarray(1, length, length);
    status = kja_address_sockaddr(kjasync_id(address), lean_sarray_cptr(bytes), length, NULL);
    if (status == KJA_OK) return lean_io_result_mk_ok(bytes);
    lean_dec(bytes);
    return kjasync_unit_result(status);
}

static lean_obj_res u32_result(kja_status_t status, const uint32_t *value) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box_uint32(*value));
}

static lean_obj_res bool_result(kja_status_t status, const bool *value) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box(*value));
}

lean_obj_res kjasync_address_family(b_lean_obj_arg address) {
    uint32_t family = 0;
    return u32_result(kja_address_family(kjasync_id(address), &family), &family);
}

lean_obj_res kjasync_address_count(b_lean_obj_arg address) {
    size_t count = 0;
    return kjasync_size_result(kja_address_count(kjasync_id(address), &count), &count);
}

lean_obj_res kjasync_address_get(b_lean_obj_arg address, size_t index) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_address_get(kjasync_id(address), index, &id), &id);
}

lean_obj_res kjasync_address_from_connection(b_lean_obj_arg connection) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_address_from_connection(kjasync_id(connection), &id), &id);
}

/* ---- network ---- */

lean_obj_res kjasync_network_new(b_lean_obj_arg runtime) {
    kja_network_t id = 0;
    return kjasync_handle_result(kja_network_new(kjasync_id(runtime), &id), kjasync_network_class, &id);
}

static kja_slice_t *texts_of(b_lean_obj_arg texts) {
    size_t count = lean_array_size(texts);
    kja_slice_t *slices = malloc((count + 1) * sizeof *slices);
    if (slices == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        lean_object *text = lean_array_get_core(texts, i);
        slices[i] = (kja_slice_t){ lean_string_cstr(text), kjasync_text_size(text) };
    }
    return slices;
}

lean_obj_res kjasync_network_restrict(b_lean_obj_arg network, b_lean_obj_arg allow, b_lean_obj_arg deny) {
    kja_slice_t *allowed = texts_of(allow), *denied = texts_of(deny);
    kja_network_t id = 0;
    kja_status_t status = kja_network_restrict(kjasync_id(network), allowed, lean_array_size(allow), denied,
                                               lean_array_size(deny), &id);
    free(allowed);
    free(denied);
    return kjasync_handle_result(status, kjasync_network_class, &id);
}

lean_obj_res kjasync_network_parse_address_start(b_lean_obj_arg network, b_lean_obj_arg text, uint16_t default_port) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_network_parse_address_start(kjasync_id(network), lean_string_cstr(text),
                                                                  kjasync_text_size(text), default_port, &id), &id);
}

lean_obj_res kjasync_network_address_from_sockaddr(b_lean_obj_arg network, b_lean_obj_arg bytes) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_network_address_from_sockaddr(kjasync_id(network), lean_sarray_cptr(bytes),
                                                                    lean_sarray_size(bytes), &id), &id);
}

lean_obj_res kjasync_network_allows(b_lean_obj_arg network, b_lean_obj_arg address) {
    bool allows = false;
    return bool_result(kja_network_allows(kjasync_id(network), kjasync_id(address), &allows), &allows);
}

/* ---- listener ---- */

lean_obj_res kjasync_listener_from_connection(b_lean_obj_arg connection) {
    kja_listener_t id = 0;
    return kjasync_handle_result(kja_listener_from_connection(kjasync_id(connection), &id), kjasync_listener_class, &id);
}

lean_obj_res kjasync_listener_aggregate_new(b_lean_obj_arg listeners) {
    size_t count = lean_array_size(listeners);
    kja_listener_t *ids = malloc((count + 1) * sizeof *ids);
    if (ids == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) ids[i] = kjasync_id(lean_array_get_core(listeners, i));
    kja_listener_t id = 0;
    kja_status_t status = kja_listener_aggregate_new(ids, count, &id);
    free(ids);
    return kjasync_handle_result(status, kjasync_listener_class, &id);
}

lean_obj_res kjasync_listener_port(b_lean_obj_arg listener) {
    uint16_t port = 0;
    kja_status_t status = kja_listener_port(kjasync_id(listener), &port);
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(port)) : kjasync_unit_result(status);
}

/* ---- peer ---- */

static lean_obj_res peer_result(kja_status_t status, const kja_peer_t *id) {
    return kjasync_handle_result(status, kjasync_peer_class, id);
}

lean_obj_res kjasync_connection_peer(b_lean_obj_arg connection) {
    kja_peer_t id = 0;
    return peer_result(kja_connection_peer(kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_peer_kind(b_lean_obj_arg peer) {
    uint32_t kind = 0;
    return u32_result(kja_peer_kind(kjasync_id(peer), &kind), &kind);
}

lean_obj_res kjasync_peer_text(b_lean_obj_arg peer) { return kjasync_text_result(kja_peer_text, kjasync_id(peer)); }

lean_obj_res kjasync_peer_address(b_lean_obj_arg peer) {
    kja_address_t id = 0;
    return kjasync_address_result(kja_peer_address(kjasync_id(peer), &id), &id);
}

/* A `Native.Credentials`: its numbers in their order. */
lean_obj_res kjasync_peer_credentials(b_lean_obj_arg peer) {
    int64_t pid = 0, uid = 0, gid = 0;
    kja_status_t status = kja_peer_credentials(kjasync_id(peer), &pid, &uid, &gid);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *result = lean_alloc_ctor(0, 0, 3 * sizeof(uint64_t));
    lean_ctor_set_uint64(result, 0, (uint64_t)pid);
    lean_ctor_set_uint64(result, sizeof(uint64_t), (uint64_t)uid);
    lean_ctor_set_uint64(result, 2 * sizeof(uint64_t), (uint64_t)gid);
    return lean_io_result_mk_ok(result);
}

lean_obj_res kjasync_peer_new_network(b_lean_obj_arg address) {
    kja_peer_t id = 0;
    return peer_result(kja_peer_new_network(kjasync_id(address), &id), &id);
}

lean_obj_res kjasync_peer_new_local(uint64_t pid, uint64_t uid, uint64_t gid) {
    kjasync_initialize();
    kja_peer_t id = 0;
    return peer_result(kja_peer_new_local((int64_t)pid, (int64_t)uid, (int64_t)gid, &id), &id);
}

lean_obj_res kjasync_peer_new_unknown(void) {
    kjasync_initialize();
    kja_peer_t id = 0;
    return peer_result(kja_peer_new_unknown(&id), &id);
}

/* ---- cidr ---- */

/* No block and no IP address has a longer text than 43 bytes. */
enum { CIDR_TEXT = 64 };

static lean_obj_res cidr_text_result(kja_status_t status, const char *text, const size_t *length) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_mk_string_from_bytes(text, *length));
}

lean_obj_res kjasync_cidr_text(b_lean_obj_arg text) {
    char buffer[CIDR_TEXT];
    size_t length = 0;
    return cidr_text_result(kja_cidr_text(lean_string_cstr(text), kjasync_text_size(text), buffer, sizeof buffer,
                                          &length), buffer, &length);
}

lean_obj_res kjasync_cidr_text_of(b_lean_obj_arg ip, uint8_t prefix) {
    char buffer[CIDR_TEXT];
    size_t length = 0;
    return cidr_text_result(kja_cidr_text_of(lean_sarray_cptr(ip), lean_sarray_size(ip), prefix, buffer,
                                             sizeof buffer, &length), buffer, &length);
}

lean_obj_res kjasync_cidr_family(b_lean_obj_arg text) {
    uint32_t family = 0;
    return u32_result(kja_cidr_family(lean_string_cstr(text), kjasync_text_size(text), &family), &family);
}

lean_obj_res kjasync_cidr_specificity(b_lean_obj_arg text) {
    uint32_t prefix = 0;
    return u32_result(kja_cidr_specificity(lean_string_cstr(text), kjasync_text_size(text), &prefix), &prefix);
}

lean_obj_res kjasync_cidr_matches(b_lean_obj_arg text, b_lean_obj_arg address) {
    bool matches = false;
    return bool_result(kja_cidr_matches(lean_string_cstr(text), kjasync_text_size(text), kjasync_id(address),
                                        &matches), &matches);
}

lean_obj_res kjasync_cidr_matches_text(b_lean_obj_arg text, b_lean_obj_arg ip) {
    bool matches = false;
    return bool_result(kja_cidr_matches_text(lean_string_cstr(text), kjasync_text_size(text), lean_string_cstr(ip),
                                             kjasync_text_size(ip), &matches), &matches);
}
