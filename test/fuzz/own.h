/* Calls of functions that may not be given just anything; test/fuzz/rules.py says why. */
#ifndef KJASYNC_FUZZ_OWN_H
#define KJASYNC_FUZZ_OWN_H

#include "callbacks.h"

#include <spawn.h>
#include <sys/wait.h>

enum { MOST_LOOPS = 3 };
static count_t loop_count;

static kja_runtime_options_t runtime_options(worker_t *w, uint32_t mode) {
  kja_runtime_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = mode;
  if (fuzz.is_replay || one_in(w, 3)) options.flags = KJA_RUNTIME_VIRTUAL_TIME;
  /* Otherwise a long turn has sockets looked at early, and how long it takes is no part of a replay. */
  if (fuzz.is_replay) options.turns_per_look = 1;
  else if (one_in(w, 3)) options.turns_per_look = 1 + below(w, 300);
  if (one_in(w, 3) && !fuzz.is_replay) options.slow_turn_nanos = 1 + below(w, 100000), options.on_slow_turn = on_slow_turn;
  if (one_in(w, 3)) options.on_thread_start = on_loop_event;
  if (one_in(w, 3)) options.on_thread_stop = on_loop_event;
  if (mode == KJA_RUNTIME_WAIT_SCOPE && one_in(w, 3)) options.on_runnable = on_loop_event;
  options.ctx = lend(w, &options.destroy, NULL);
  return options;
}

static void open_scope(worker_t *w, unsigned at) {
  kja_runtime_options_t options = runtime_options(w, KJA_RUNTIME_WAIT_SCOPE);
  if (CHECK_OK(kja_runtime_new(&options, &w->scopes[at]))) keep(w, RUNTIME, w->scopes[at]);
}
static void open_loop(worker_t *w) {
  kja_runtime_t loop = 0;
  if (count_add(&loop_count, 1) > MOST_LOOPS) {
    count_add(&loop_count, UINT64_MAX);
    return;
  }
  kja_runtime_options_t options = runtime_options(w, KJA_RUNTIME_THREAD);
  if (CHECK_OK(kja_runtime_new(&options, &loop))) keep(w, RUNTIME, loop);
}

static void call_kja_runtime_new(worker_t *w) {
  kja_runtime_options_t options;
  memset(&options, 0, sizeof options);
  options.size = below(w, sizeof options - 1) + (one_in(w, 2) ? sizeof options + 1 : 0);
  options.mode = 2 + (uint32_t)below(w, 5);
  kja_runtime_t out = 0;
  begin(w, F_kja_runtime_new);
  const kja_status_t status = kja_runtime_new(&options, one_in(w, 4) ? NULL : &out);
  ended(w, status);
  CHECK(status != KJA_OK);
  if (w->depth > 0) return;
  if (w->scopes[0] && !w->scopes[1]) open_scope(w, 1);
  if (!fuzz.is_replay) open_loop(w);
}

/* Whether it has a thread, which asking it to be turned does not change. */
static int is_loop(kja_runtime_t runtime) {
  return kja_runtime_turn(runtime, 1, NULL) == KJA_ERR_INVALID_ARGUMENT;
}
/* Makes new ones for those that have been shut down. A scope may be released by anybody. */
static void renew_scopes(worker_t *w) {
  for (unsigned i = 0; i < MOST_SCOPES; i++) {
    if (!w->scopes[i] || kja_runtime_is_alive(w->scopes[i])) continue;
    if (kja_runtime_release(w->scopes[i]) == KJA_OK) forget(RUNTIME, w->scopes[i]);
    open_scope(w, i);
  }
}
static void call_kja_runtime_shutdown(worker_t *w) {
  const kja_runtime_t runtime = one_in(w, 100) ? pick(w, RUNTIME) : one_of(w, RUNTIME, 1);
  begin(w, F_kja_runtime_shutdown);
  const kja_status_t status = kja_runtime_shutdown(runtime);
  ended(w, status);
  CHECK(status != KJA_ERR_TIMED_OUT);
}
static void call_kja_runtime_release(worker_t *w) {
  const kja_runtime_t runtime = one_in(w, 100) ? pick(w, RUNTIME) : one_of(w, RUNTIME, 1);
  const int was_loop = is_loop(runtime);
  begin(w, F_kja_runtime_release);
  const kja_status_t status = kja_runtime_release(runtime);
  ended(w, status);
  CHECK(status != KJA_ERR_TIMED_OUT);
  if (status != KJA_OK) return;
  forget(RUNTIME, runtime);
  if (was_loop) count_add(&loop_count, UINT64_MAX);
}

static void call_kja_runtime_run(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  uint64_t turns = 0;
  begin(w, F_kja_runtime_run);
  const kja_status_t status = kja_runtime_run(runtime, ONE_OF_(w, 0, 1000, 100000), one_in(w, 3) ? NULL : &turns);
  ended(w, status);
}
static void call_kja_runtime_poll(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  uint64_t turns = 0;
  begin(w, F_kja_runtime_poll);
  const kja_status_t status = kja_runtime_poll(runtime, 1 + below(w, 60), one_in(w, 3) ? NULL : &turns);
  ended(w, status);
}
static void call_kja_runtime_turn(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  uint64_t turns = 0;
  begin(w, F_kja_runtime_turn);
  const kja_status_t status = kja_runtime_turn(runtime, 1 + below(w, 10), one_in(w, 3) ? NULL : &turns);
  ended(w, status);
}

static void forget_directory(kja_status_t (*function)(kja_directory_t *), worker_t *w, int number) {
  kja_directory_t directory = 0;
  begin(w, number);
  const kja_status_t status = function(one_in(w, 4) ? NULL : &directory);
  ended(w, status);
  if (status == KJA_OK) CHECK_OK(kja_directory_release(directory));
}
static void call_kja_filesystem_root(worker_t *w) {
  forget_directory(kja_filesystem_root, w, F_kja_filesystem_root);
}
static void call_kja_filesystem_current(worker_t *w) {
  forget_directory(kja_filesystem_current, w, F_kja_filesystem_current);
}

static void call_kja_promise_await(worker_t *w) {
  const kja_promise_t promise = pick(w, PROMISE);
  if (kja_promise_status(promise) == KJA_ERR_PENDING) return;
  begin(w, F_kja_promise_await);
  const kja_status_t status = kja_promise_await(promise);
  ended(w, status);
}
static void call_kja_promise_await_for(worker_t *w) {
  const kja_promise_t promise = pick(w, PROMISE);
  /* How far a loop gets in no time is no part of a replay. */
  if (fuzz.is_replay && kja_promise_status(promise) == KJA_ERR_PENDING) return;
  begin(w, F_kja_promise_await_for);
  const kja_status_t status = kja_promise_await_for(promise, fuzz.is_replay ? 0 : ONE_OF_(w, 0, 1000, 100000));
  ended(w, status);
}

static void call_kja_executor_execute(worker_t *w) {
  kja_executor_t executor = one_of(w, EXECUTOR, 1);
  kja_runtime_t loop = pick(w, RUNTIME);
  /* Only of a loop with a thread of its own, and not from a callback, whose own loop another might wait for. */
  if (w->depth == 0 && any(w, 4) && is_loop(loop))
    kja_runtime_executor(loop, &executor);
  kja_destroy_fn destroy;
  void *ctx = lend(w, &destroy, NULL);
  begin(w, F_kja_executor_execute);
  const kja_status_t status = kja_executor_execute(executor, on_call_at_once, ctx, destroy);
  ended(w, status);
  keep(w, EXECUTOR, executor);
}

static char *const TRUE_WORDS[] = {(char *)"true", NULL};
static const char *const NO_WORDS[] = {NULL};
static const char *const SOME_WORDS[] = {"a", "b c", NULL};

/* Programs that end when their input does, or at once, and touch nothing. */
static kja_process_options_t process_options(worker_t *w, kja_process_fd_t *fds) {
  static const char *const programs[] = {"/bin/true", "/bin/false", "/bin/cat", "/nowhere/none", "", NULL, "/"};
  kja_process_options_t options;
  memset(&options, 0, sizeof options);
  options.size = any(w, 20) ? sizeof options : below(w, sizeof options);
  options.program = programs[below(w, any(w, 4) ? 3 : LENGTH(programs))];
  options.arguments = one_in(w, 3) ? NO_WORDS : NULL;
  options.environment = one_in(w, 3) ? SOME_WORDS : NULL;
  options.folder = one_in(w, 4) ? "/" : NULL;
  options.flags = one_in(w, 3) ? (uint32_t)A_CHOICE(w) : 0;
  /* One that is kept is not killed, and would wait for ever for some inputs. */
  if (options.flags & KJA_PROCESS_KEEP) options.program = programs[0];
  for (int i = 0; i < 3; i++) {
    options.stdio[i] = one_in(w, 2) ? KJA_STDIO_NULL : KJA_STDIO_PIPE;
    if (one_in(w, 6)) options.stdio[i] = KJA_STDIO_FD, options.stdio_fds[i] = descriptor(w);
  }
  if (one_in(w, 3)) {
    options.fd_count = 1 + below(w, 2);
    options.fds = fds;
    for (size_t i = 0; i < options.fd_count; i++) fds[i] = (kja_process_fd_t){descriptor(w), (int32_t)below(w, 6)};
  }
  return options;
}
static void put_back_all(const kja_process_options_t *options) {
  for (int i = 0; i < 3; i++)
    if (options->stdio[i] == KJA_STDIO_FD) put_back(options->stdio_fds[i]);
  for (size_t i = 0; i < options->fd_count; i++) put_back(options->fds[i].fd);
}
static void call_kja_process_spawn(worker_t *w) {
  kja_process_fd_t fds[2];
  const kja_process_options_t options = process_options(w, fds);
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_process_t out = 0;
  begin(w, F_kja_process_spawn);
  const kja_status_t status = kja_process_spawn(runtime, any(w, 40) ? &options : NULL, any(w, 40) ? &out : NULL);
  ended(w, status);
  keep(w, PROCESS, out);
  put_back_all(&options);
}
static void call_kja_process_run_start(worker_t *w) {
  kja_process_fd_t fds[2];
  const kja_process_options_t options = process_options(w, fds);
  const kja_runtime_t runtime = pick(w, RUNTIME);
  const kja_slice_t input = some_bytes(w);
  kja_promise_t out = 0;
  begin(w, F_kja_process_run_start);
  const kja_status_t status = kja_process_run_start(runtime, &options, input.data, input.size, A_SIZE(w), &out);
  ended(w, status);
  keep(w, PROMISE, out);
  put_back_all(&options);
}
static void call_kja_process_watch(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  pid_t child = 0;
  kja_process_t out = 0;
  if (posix_spawn(&child, "/bin/true", NULL, NULL, TRUE_WORDS, NULL)) return;
  begin(w, F_kja_process_watch);
  const kja_status_t status = kja_process_watch(runtime, any(w, 5) ? child : 0x7ffffff0, &out);
  ended(w, status);
  keep(w, PROCESS, out);
}

static void call_kja_signal_send(worker_t *w) {
  const int32_t number = (int32_t)ONE_OF_(w, SIGUSR1, SIGUSR2, 0, 1000);
  begin(w, F_kja_signal_send);
  const kja_status_t status = kja_signal_send(any(w, 8) ? getpid() : 0x7ffffff0, number);
  ended(w, status);
}

#endif
