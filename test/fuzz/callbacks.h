/* What the library calls: callbacks that call back, and destructors that are counted. */
#ifndef KJASYNC_FUZZ_CALLBACKS_H
#define KJASYNC_FUZZ_CALLBACKS_H

#include "values.h"

static const uint64_t ALIVE = 0x616c697665212121, DEAD = 0x6465616464656164;

/* What is lent to the library, as a ctx or a value, until its destructor runs. */
typedef struct lent_t {
  uint64_t state, made; /* how many calls there were before */
  void *memory;
  int function; /* that it was lent to */
  struct lent_t *next, *before;
} lent_t;

enum { GRAVES = 4096 };
/* Those whose destructor has run stay a while, so that another run of it is noticed. The others are in a ring. */
static struct {
  pthread_mutex_t lock;
  lent_t *buried[GRAVES], out;
  unsigned count;
} lents = {.lock = PTHREAD_MUTEX_INITIALIZER, .out = {.next = &lents.out, .before = &lents.out}};
static count_t lent_count, destroyed_count;
/* Lent without a destructor. */
static lent_t for_good = {.state = 0x616c697665212121};

static void call_something(worker_t *w);
static void call_now(worker_t *w, int function);

static void on_destroy(void *ctx) {
  lent_t *lent = (lent_t *)ctx;
  if (__atomic_exchange_n(&lent->state, DEAD, __ATOMIC_SEQ_CST) != ALIVE) {
    check_fail_(__FILE__, __LINE__, "a destructor ran twice");
    return;
  }
  free(lent->memory);
  count_add(&destroyed_count, 1);
  pthread_mutex_lock(&lents.lock);
  lent->next->before = lent->before;
  lent->before->next = lent->next;
  lent_t **grave = &lents.buried[lents.count++ % GRAVES], *old = *grave;
  *grave = lent;
  pthread_mutex_unlock(&lents.lock);
  free(old);
  worker_t *w = worker();
  if (w->depth >= DEEPEST || any(w, 4)) return;
  int now = w->now;
  w->depth++, w->destroying++;
  call_something(w);
  w->depth--, w->destroying--;
  w->now = now;
}

static void *lend(worker_t *w, kja_destroy_fn *destroy, void *memory) {
  if (!memory && one_in(w, 10)) {
    *destroy = NULL;
    return &for_good;
  }
  lent_t *lent = (lent_t *)malloc(sizeof *lent);
  *lent = (lent_t){ALIVE, w->made, memory, w->prepared, NULL, &lents.out};
  *destroy = on_destroy;
  pthread_mutex_lock(&lents.lock);
  lent->next = lents.out.next;
  lent->next->before = lent;
  lents.out.next = lent;
  pthread_mutex_unlock(&lents.lock);
  count_add(&lent_count, 1);
  return lent;
}

static worker_t *enter(void *ctx, kja_call_t call) {
  worker_t *w = worker();
  lent_t *lent = (lent_t *)ctx;
  if (lent && __atomic_load_n(&lent->state, __ATOMIC_SEQ_CST) != ALIVE) check_fail_(__FILE__, __LINE__, "a callback ran with a ctx that is gone");
  w->calls[w->call_count++ % MOST_CALLS] = call;
  w->depth++;
  return w;
}
static void leave(worker_t *w, int now) {
  w->depth--;
  w->now = now;
}
/* Most often the running one. */
static kja_call_t a_call(worker_t *w) {
  if (one_in(w, 10)) return next(w);
  if (!w->call_count) return 0;
  unsigned back = any(w, 8) ? 0 : (unsigned)below(w, MOST_CALLS);
  return w->calls[(w->call_count - 1 - back) % MOST_CALLS];
}

static void do_some(worker_t *w, kja_call_t call) {
  kja_handle_t brought = 0;
  if (any(w, 4) && kja_call_handle(call, &brought) == KJA_OK) keep_any(w, brought);
  if (w->depth > DEEPEST) return;
  static const int RESULTS[] = {F_kja_call_return_u64, F_kja_call_return_bytes, F_kja_call_return_handle, F_kja_call_return_promise,
                                F_kja_call_return_error, F_kja_call_await, F_kja_call_return_opaque, F_kja_call_outcome_type};
  for (size_t i = below(w, 4); i > 0; i--) call_something(w);
  if (one_in(w, 2)) call_now(w, RESULTS[below(w, LENGTH(RESULTS))]);
}

static void on_call(void *ctx, kja_call_t call) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  do_some(w, call);
  leave(w, now);
}
#define on_callback on_call
/* Leaves nothing to wait for. */
static void on_call_at_once(void *ctx, kja_call_t call) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  kja_call_return_u64(call, next(w));
  leave(w, now);
}
static void on_http_hook(void *ctx, kja_call_t call, kja_http_request_t request) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  keep(w, HTTP_REQUEST, request);
  do_some(w, call);
  leave(w, now);
}
static void on_http_connection(void *ctx, kja_call_t call, kja_connection_t connection, kja_http_service_t *service) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  keep(w, CONNECTION, connection);
  do_some(w, call);
  if (any(w, 4)) {
    service->run = on_call;
    service->ctx = lend(w, &service->destroy, NULL);
  }
  leave(w, now);
}
static void on_wrap_server(void *ctx, kja_call_t call, kja_connection_t connection) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  keep(w, CONNECTION, connection);
  do_some(w, call);
  if (any(w, 4)) kja_call_return_handle(call, connection);
  leave(w, now);
}
static void on_wrap_client(void *ctx, kja_call_t call, kja_connection_t connection, const char *host, size_t host_len) {
  (void)host;
  (void)host_len;
  on_wrap_server(ctx, call, connection);
}
static void on_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  worker_t *w = enter(ctx, call);
  int now = w->now;
  kja_bytes_t bytes = 0;
  const size_t size = any(w, 8) && max < sizeof BYTES_ ? (min <= max ? min + below(w, max - min + 1) : max) : below(w, 300);
  do_some(w, call);
  if (any(w, 2) && kja_bytes_new(BYTES_, size, &bytes) == KJA_OK) {
    kja_call_return_bytes(call, bytes);
    kja_bytes_release(bytes);
  }
  leave(w, now);
}
static void on_parse(void *ctx, kja_call_t call, const char *text, size_t text_len, uint16_t default_port) {
  (void)text;
  (void)text_len;
  (void)default_port;
  on_call(ctx, call);
}
/* Functions of files in memory, whose ctx is a lent one, and of streams. */
static uint64_t on_clock(void *ctx) {
  lent_t *lent = (lent_t *)ctx;
  if (lent && __atomic_load_n(&lent->state, __ATOMIC_SEQ_CST) != ALIVE) check_fail_(__FILE__, __LINE__, "a clock ran with a ctx that is gone");
  return 7;
}
#define on_length on_clock
/* The hooks of a loop, whose ctx is a lent one. */
static void on_loop_event(void *ctx) {
  lent_t *lent = (lent_t *)ctx;
  if (__atomic_load_n(&lent->state, __ATOMIC_SEQ_CST) != ALIVE) check_fail_(__FILE__, __LINE__, "a hook ran with a ctx that is gone");
}
static void on_slow_turn(void *ctx, uint64_t nanos) {
  (void)nanos;
  on_loop_event(ctx);
}

#endif
