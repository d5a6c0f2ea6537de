#include "object.h"
#include <stdlib.h>

/* What is left of a coroutine: a closure, or a scalar once it has ended. The library uses and frees it on the loop's thread
 * only. So a closure that comes from that thread is not marked as shared: the objects that only it holds are updated in
 * place. One from another thread is. */
typedef struct coroutine {
    lean_object *rest;
} coroutine;

static void resume(void *ctx, kja_call_t call) {
    coroutine *own = ctx;
    lean_object *rest = own->rest;
    own->rest = lean_box(0);
    own->rest = lean_apply_2(rest, lean_uint64_to_nat(call), lean_box(0));
}

static void destroy(void *ctx) {
    lean_dec(((coroutine *)ctx)->rest);
    free(ctx);
}

static uint32_t flags_of(uint8_t shielded) { return shielded ? KJA_AWAIT_SHIELDED : 0; }

static lean_obj_res start(kja_runtime_t runtime, kja_promise_t first, uint32_t flags, lean_obj_arg code) {
    if (!kja_runtime_on_loop(runtime)) lean_mark_mt(code);
    coroutine *own = malloc(sizeof *own);
    if (own == NULL) lean_internal_panic_out_of_memory();
    own->rest = code;
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_coroutine_start(runtime, first, flags, resume, own, destroy, &id), &id);
}

lean_obj_res kjasync_coroutine_start(b_lean_obj_arg runtime, lean_obj_arg code) {
    return start(kjasync_id(runtime), 0, 0, code);
}

lean_obj_res kjasync_coroutine_go_on(b_lean_obj_arg runtime, b_lean_obj_arg waits_for, uint8_t shielded,
                                     lean_obj_arg code) {
    return start(kjasync_id(runtime), kjasync_id(waits_for), flags_of(shielded), code);
}

lean_obj_res kjasync_call_await(b_lean_obj_arg call, b_lean_obj_arg promise, uint8_t shielded) {
    return kjasync_unit_result(kja_call_await(lean_uint64_of_nat(call), kjasync_id(promise), flags_of(shielded)));
}

uint8_t kjasync_call_is_canceled(b_lean_obj_arg call) { return kja_call_is_canceled(lean_uint64_of_nat(call)); }

/* Every 64th time no. */
uint8_t kjasync_may_go_on(void) {
    static _Thread_local uint32_t awaited;
    return awaited++ % 64 != 63;
}
