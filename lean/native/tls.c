#include "object.h"
#include <stdlib.h>
#include <string.h>

/* ---- key pairs ---- */

lean_obj_res kjasync_tls_key_pair_new(b_lean_obj_arg certificates, b_lean_obj_arg key, uint8_t locked,
                                      b_lean_obj_arg password) {
    kjasync_initialize();
    const kjasync_bytes *chain = kjasync_bytes_of(certificates), *secret = kjasync_bytes_of(key);
    const kjasync_bytes *opener = kjasync_bytes_of(password);
    const void *opens = !locked ? NULL : opener->size ? (const void *)opener->data : "";
    kja_tls_key_pair_t id = 0;
    kja_status_t status = kja_tls_key_pair_new(chain->data, chain->size, secret->data, secret->size, opens,
                                               locked ? opener->size : 0, &id);
    return kjasync_handle_result(status, kjasync_tls_key_pair_class, &id);
}

lean_obj_res kjasync_call_return_tls_key_pair(b_lean_obj_arg call, b_lean_obj_arg key_pair) {
    return kjasync_unit_result(kja_call_return_handle(lean_uint64_of_nat(call), kjasync_id(key_pair)));
}

/* ---- contexts ---- */

/* The ctx is a `Native.TlsContext.Callbacks`: its closures in their order. */
enum { FAILED, SERVER_NAME, CLIENT_CERTIFICATE, VERIFY_ALSO, VERIFY_INSTEAD };

static void run_at(void *ctx, unsigned index, kja_call_t call) {
    lean_object *closure = lean_ctor_get(ctx, index);
    lean_inc(closure);
    lean_dec(lean_apply_2(closure, lean_uint64_to_nat(call), lean_box(0)));
}
static void on_accept_error(void *ctx, kja_call_t call) { run_at(ctx, FAILED, call); }
static void on_server_name(void *ctx, kja_call_t call) { run_at(ctx, SERVER_NAME, call); }
static void on_client_certificate(void *ctx, kja_call_t call) { run_at(ctx, CLIENT_CERTIFICATE, call); }
static void verify_also(void *ctx, kja_call_t call) { run_at(ctx, VERIFY_ALSO, call); }
static void verify_instead(void *ctx, kja_call_t call) { run_at(ctx, VERIFY_INSTEAD, call); }

static kja_callback_fn when(uint32_t wanted, unsigned index, kja_callback_fn run) {
    return wanted >> index & 1 ? run : NULL;
}
static kja_slice_t slice_of(const void *data, size_t size) { return (kja_slice_t){.data = data, .size = size}; }
static kja_slice_t slice_of_bytes(b_lean_obj_arg bytes) {
    return slice_of(kjasync_bytes_of(bytes)->data, kjasync_bytes_of(bytes)->size);
}
static kja_slice_t slice_of_text(b_lean_obj_arg text) {
    return slice_of(lean_string_cstr(text), kjasync_text_size(text));
}

lean_obj_res kjasync_tls_context_new(b_lean_obj_arg runtime, uint32_t flags, uint32_t clients, uint32_t min_version,
                                     uint32_t max_version, uint32_t wanted, b_lean_obj_arg trusted,
                                     b_lean_obj_arg revoked, b_lean_obj_arg suites, b_lean_obj_arg groups,
                                     b_lean_obj_arg alpn, b_lean_obj_arg key_pair, uint64_t accept_timeout,
                                     size_t max_handshakes, lean_obj_arg callbacks) {
    kja_slice_t *protocols = kjasync_slices_of(alpn);
    kja_tls_options_t options = {
        .size = sizeof options,
        .flags = flags,
        .clients = clients,
        .min_version = min_version,
        .max_version = max_version,
        .trusted = slice_of_bytes(trusted),
        .revocation_lists = slice_of_bytes(revoked),
        .cipher_suites = slice_of_text(suites),
        .groups = slice_of_text(groups),
        .alpn = protocols,
        .alpn_count = lean_array_size(alpn),
        .key_pair = kjasync_optional_id(key_pair),
        .accept_timeout_nanos = accept_timeout,
        .max_handshakes = max_handshakes,
        .on_accept_error = when(wanted, FAILED, on_accept_error),
        .on_server_name = when(wanted, SERVER_NAME, on_server_name),
        .on_client_certificate = when(wanted, CLIENT_CERTIFICATE, on_client_certificate),
        .verify_also = when(wanted, VERIFY_ALSO, verify_also),
        .dangerous_verify_instead = when(wanted, VERIFY_INSTEAD, verify_instead),
        .ctx = kjasync_give(callbacks),
        .destroy = kjasync_destroy,
    };
    kja_tls_context_t id = 0;
    kja_status_t status = kja_tls_context_new(kjasync_id(runtime), &options, &id);
    free(protocols);
    return kjasync_handle_result(status, kjasync_tls_context_class, &id);
}

lean_obj_res kjasync_tls_context_wrapper(b_lean_obj_arg context) {
    kja_network_wrapper_t id = 0;
    return kjasync_handle_result(kja_tls_context_wrapper(kjasync_id(context), &id), kjasync_network_wrapper_class, &id);
}

lean_obj_res kjasync_tls_context_set_key_pair(b_lean_obj_arg context, b_lean_obj_arg key_pair) {
    return kjasync_unit_result(kja_tls_context_set_key_pair(kjasync_id(context), kjasync_optional_id(key_pair)));
}

/* ---- failures ---- */

uint32_t kjasync_tls_failure(b_lean_obj_arg error) {
    uint32_t failure = 0;
    kja_tls_failure(kjasync_id(error), &failure);
    return failure;
}

/* ---- peers ---- */

lean_obj_res kjasync_call_peer(b_lean_obj_arg call) {
    kja_peer_t id = 0;
    return kjasync_handle_result(kja_call_handle(lean_uint64_of_nat(call), &id), kjasync_peer_class, &id);
}

lean_obj_res kjasync_peer_below(b_lean_obj_arg peer) {
    kja_peer_t id = 0;
    return kjasync_handle_result(kja_peer_below(kjasync_id(peer), &id), kjasync_peer_class, &id);
}

lean_obj_res kjasync_tls_peer_certificates(b_lean_obj_arg peer) {
    size_t count = 0;
    kja_status_t status = kja_tls_peer_certificate_count(kjasync_id(peer), &count);
    lean_object *all = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; status == KJA_OK && i < count; i++) {
        kja_bytes_t id = 0;
        status = kja_tls_peer_certificate(kjasync_id(peer), i, &id);
        if (status != KJA_OK) break;
        lean_object *wrapped = kjasync_bytes_result(status, &id);
        all = lean_array_push(all, lean_io_result_take_value(wrapped));
    }
    if (status == KJA_OK) return lean_io_result_mk_ok(all);
    lean_dec(all);
    return kjasync_unit_result(status);
}

lean_obj_res kjasync_tls_peer_common_name(b_lean_obj_arg peer) {
    return kjasync_text_result(kja_tls_peer_common_name, kjasync_id(peer));
}

lean_obj_res kjasync_tls_peer_server_name(b_lean_obj_arg peer) {
    return kjasync_text_result(kja_tls_peer_server_name, kjasync_id(peer));
}

lean_obj_res kjasync_tls_peer_cipher_suite(b_lean_obj_arg peer) {
    return kjasync_text_result(kja_tls_peer_cipher_suite, kjasync_id(peer));
}

/* A kind and a text. */
static kja_status_t alt_name_of(kja_peer_t peer, size_t index, lean_object **out) {
    uint32_t kind = 0;
    size_t size = 0;
    kja_status_t status = kja_tls_peer_alt_name(peer, index, &kind, NULL, 0, &size);
    if (status != KJA_OK) return status;
    char *text = malloc(size + 1);
    if (text == NULL) lean_internal_panic_out_of_memory();
    status = kja_tls_peer_alt_name(peer, index, &kind, text, size + 1, NULL);
    if (status == KJA_OK) {
        *out = lean_alloc_ctor(0, 2, 0);
        lean_ctor_set(*out, 0, lean_box(kind));
        lean_ctor_set(*out, 1, lean_mk_string_from_bytes(text, size));
    }
    free(text);
    return status;
}

lean_obj_res kjasync_tls_peer_alt_names(b_lean_obj_arg peer) {
    size_t count = 0;
    kja_status_t status = kja_tls_peer_alt_name_count(kjasync_id(peer), &count);
    lean_object *all = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; status == KJA_OK && i < count; i++) {
        lean_object *name = NULL;
        status = alt_name_of(kjasync_id(peer), i, &name);
        if (status == KJA_OK) all = lean_array_push(all, name);
    }
    if (status == KJA_OK) return lean_io_result_mk_ok(all);
    lean_dec(all);
    return kjasync_unit_result(status);
}

static lean_obj_res bool_result(kja_status_t status, const bool *value) {
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(*value)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_tls_peer_matches_host(b_lean_obj_arg peer, b_lean_obj_arg host) {
    bool matches = false;
    kja_status_t status =
        kja_tls_peer_matches_host(kjasync_id(peer), lean_string_cstr(host), kjasync_text_size(host), &matches);
    return bool_result(status, &matches);
}

lean_obj_res kjasync_tls_peer_is_resumed(b_lean_obj_arg peer) {
    bool resumed = false;
    kja_status_t status = kja_tls_peer_is_resumed(kjasync_id(peer), &resumed);
    return bool_result(status, &resumed);
}

lean_obj_res kjasync_tls_peer_alpn(b_lean_obj_arg peer) {
    char protocol[256]; /* the longest that there are */
    size_t size = 0;
    kja_status_t status = kja_tls_peer_alpn(kjasync_id(peer), protocol, sizeof protocol, &size);
    return status == KJA_OK ? lean_io_result_mk_ok(kjasync_byte_array(protocol, size)) : kjasync_unit_result(status);
}

lean_obj_res kjasync_tls_peer_version(b_lean_obj_arg peer) {
    uint32_t version = 0;
    kja_status_t status = kja_tls_peer_version(kjasync_id(peer), &version);
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box_uint32(version)) : kjasync_unit_result(status);
}
