/* Forked children: what the parent made is out of their reach, and they make runtimes of their own. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

#include <sys/wait.h>

/* Runs this in a child, which must end well. */
static void in_child(void (*run)(void *), void *ctx) {
  int status = -1;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(CHECK_SECONDS);
    check_failures_ = 0;
    run(ctx);
    fflush(NULL);
    _exit(check_failures_ != 0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0)) fprintf(stderr, "  the child ended with %d\n", status);
}

typedef struct parent_t {
  kja_runtime_t runtime;
  kja_executor_t executor;
  kja_listener_t listener;
  kja_promise_t accepting, sleeping, attached;
  kja_fulfiller_t fulfiller;
  kja_bytes_t bytes;
  kja_queue_t queue;
  count_t destroyed;
} parent_t;

static void everything_is_refused(void *ctx) {
  parent_t *parent = (parent_t *)ctx;
  kja_promise_t made = 0;
  CHECK_U64(kja_handle_count(), 0);
  CHECK(!kja_runtime_is_alive(parent->runtime));
  CHECK(!kja_executor_is_live(parent->executor));
  CHECK_IS(kja_promise_await(parent->accepting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_cancel(parent->sleeping), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_timer_sleep_start(parent->runtime, 1, &made), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_executor_execute(parent->executor, do_nothing, NULL, NULL), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fulfiller_unit(parent->fulfiller), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_queue_try_push_u64(parent->queue, 1), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_listener_accept_start(parent->listener, &made), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_listener_close(parent->listener), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_runtime_shutdown(parent->runtime), KJA_ERR_BAD_HANDLE);
}
static void releases_do_nothing(void *ctx) {
  parent_t *parent = (parent_t *)ctx;
  CHECK_IS(kja_promise_release(parent->accepting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(parent->sleeping), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(parent->attached), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_listener_release(parent->listener), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fulfiller_release(parent->fulfiller), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_queue_release(parent->queue), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_bytes_release(parent->bytes), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_executor_release(parent->executor), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_runtime_release(parent->runtime), KJA_ERR_BAD_HANDLE);
  CHECK_U64(count_get(&parent->destroyed), 0);
}
/* A child that ends as a program does: destructors of its libraries run. */
static void ends_with_exit(void *ctx) {
  releases_do_nothing(ctx);
  exit(check_failures_ != 0);
}
/* Its own runtime works, and no handle of it is one of the parent's. */
static void makes_its_own(void *ctx) {
  parent_t *parent = (parent_t *)ctx;
  for (int round = 0; round < 3; round++) {
    kja_runtime_t runtime = runtime_open();
    kja_bytes_t bytes = 0;
    pair_t pair = pair_open(runtime);
    CHECK_OK(kja_bytes_new("mine", 4, &bytes));
    CHECK(runtime != parent->runtime && bytes != parent->bytes);
    write_text(pair.client, "hello");
    expect_text(read_start(pair.server, 5, 5), "hello");
    expect(sleep_start(runtime, MILLISECOND), KJA_OK);
    CHECK_OK(kja_bytes_release(bytes));
    pair_release(pair);
    runtime_close(runtime);
    CHECK_U64(kja_handle_count(), 0);
  }
  everything_is_refused(parent);
}
static void forks_again(void *ctx) {
  makes_its_own(ctx);
  in_child(makes_its_own, ctx);
}

/* parity: UNIX-19 */
static void a_child_cannot_touch_what_its_parent_made(void) {
  /* What the child leaves alone, since its parent has it, counts as lost there. */
  if (under_valgrind()) return;
  static void (*const children[])(void *) = {everything_is_refused, releases_do_nothing, ends_with_exit, makes_its_own, forks_again};
  for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
    parent_t parent;
    memset(&parent, 0, sizeof parent);
    parent.runtime = runtime_open();
    kja_promise_t never = 0, promise = 0;
    CHECK_OK(kja_runtime_executor(parent.runtime, &parent.executor));
    CHECK_OK(kja_bytes_new("theirs", 6, &parent.bytes));
    CHECK_OK(kja_queue_new(parent.runtime, 1, &parent.queue));
    CHECK_OK(kja_fulfiller_new(parent.runtime, &parent.fulfiller, &promise));
    CHECK_OK(kja_promise_new_never(parent.runtime, &never));
    CHECK_OK(kja_promise_attach(never, &parent.destroyed, count_destroy, &parent.attached));
    parent.listener = listen_on_loopback(parent.runtime);
    parent.accepting = accept_start(parent.listener);
    parent.sleeping = sleep_start(parent.runtime, 100 * MILLISECOND);
    let_loop_rest(parent.runtime);

    in_child(children[i], &parent);

    /* Everything is as it was here. */
    kja_connection_t client = handle_from(connect_start(parent.listener)), server = handle_from(parent.accepting);
    write_text(client, "hello");
    expect_text(read_start(server, 5, 5), "hello");
    expect(parent.sleeping, KJA_OK);
    CHECK_OK(kja_fulfiller_unit(parent.fulfiller));
    expect(promise, KJA_OK);
    CHECK_OK(kja_bytes_release(parent.bytes));
    CHECK_U64(count_get(&parent.destroyed), 0);
    CHECK_OK(kja_executor_release(parent.executor));
    runtime_close(parent.runtime);
    CHECK_U64(count_get(&parent.destroyed), 1);
  }
}

typedef struct busy_t {
  kja_runtime_t runtime;
  count_t stop;
} busy_t;
static void *make_and_release(void *arg) {
  busy_t *busy = (busy_t *)arg;
  while (!count_get(&busy->stop)) {
    kja_promise_t never = 0, attached = 0;
    kja_bytes_t bytes = 0;
    CHECK_OK(kja_bytes_new("x", 1, &bytes));
    CHECK_OK(kja_promise_new_never(busy->runtime, &never));
    CHECK_OK(kja_promise_attach(never, NULL, NULL, &attached));
    CHECK_OK(kja_promise_release(attached));
    CHECK_OK(kja_promise_release(never));
    CHECK_OK(kja_bytes_release(bytes));
  }
  return NULL;
}
static void uses_the_table(void *ctx) {
  kja_runtime_t runtime = runtime_open();
  kja_bytes_t bytes[100];
  (void)ctx;
  for (int i = 0; i < 100; i++) CHECK_OK(kja_bytes_new("x", 1, &bytes[i]));
  expect(sleep_start(runtime, 1), KJA_OK);
  for (int i = 0; i < 100; i++) CHECK_OK(kja_bytes_release(bytes[i]));
  runtime_close(runtime);
}

/* Whatever the threads of the parent were at. */
static void a_child_works_whenever_it_was_forked(void) {
  /* What the child leaves alone, since its parent has it, counts as lost there. */
  if (under_valgrind()) return;
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  busy_t busy;
  memset(&busy, 0, sizeof busy);
  kja_runtime_options_t options = options_of(KJA_RUNTIME_THREAD);
  busy.runtime = runtime_with(&options);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, make_and_release, &busy);
  for (size_t round = 0; round < scaled(100); round++) in_child(uses_the_table, NULL);
  count_add(&busy.stop, 1);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  runtime_close(busy.runtime);
}

static void appends_to_a_file(void *ctx) {
  (void)ctx;
  kja_runtime_t runtime = runtime_open();
  kja_file_t file = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_file_new_in_memory(NULL, NULL, NULL, &file));
  CHECK_OK(kja_file_append_start(file, runtime, "text", 4, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_file_release(file));
  runtime_close(runtime);
}

/* Those of the parent that have nothing to do are not there. */
static void a_child_has_threads_for_files_of_its_own(void) {
  if (under_valgrind()) return;
  appends_to_a_file(NULL);
  in_child(appends_to_a_file, NULL);
  appends_to_a_file(NULL);
}

int main(void) {
  RUN_IN_BOTH(a_child_cannot_touch_what_its_parent_made);
  RUN_IN_BOTH(a_child_works_whenever_it_was_forked);
  RUN(a_child_has_threads_for_files_of_its_own);
  return check_done();
}
