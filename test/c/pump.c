/* Pumps between every pair of kinds of stream. */
#include "gate.h"
#include "stream.h"

enum { CHUNK = 65536 };

static kja_connection_t file_from(kja_runtime_t runtime, int fd, uint64_t offset) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_connection_from_file(runtime, fd, KJA_FD_BORROW, offset, &connection));
  return connection;
}
static ends_t ends_of(pair_t pair) {
  ends_t ends = {pair.server, pair.client};
  return ends;
}

typedef enum kind_t { TCP, OS_PIPE, OS_PAIR, PIPE, TWO_WAY, PROMISED, STREAM_KINDS, FILE_KIND = STREAM_KINDS, TEE, KINDS } kind_t;

/* What is written to the writer can be read from the reader; one of them may still have to come. */
typedef struct way_t {
  ends_t ends;
  kja_fulfiller_t fulfiller;
  kja_connection_t inner;
} way_t;

static void promise_instead(kja_runtime_t runtime, way_t *way, kja_connection_t *end) {
  kja_promise_t promise = 0;
  way->inner = *end;
  CHECK_OK(kja_fulfiller_new(runtime, &way->fulfiller, &promise));
  CHECK_OK(kja_connection_new_promised(promise, end));
  CHECK_OK(kja_promise_release(promise));
}
/* The promised end, if there is one, comes. */
static void come(way_t *way) {
  if (!way->fulfiller) return;
  CHECK_OK(kja_fulfiller_handle(way->fulfiller, way->inner));
  CHECK_OK(kja_fulfiller_release(way->fulfiller));
  CHECK_OK(kja_connection_release(way->inner));
  way->fulfiller = 0;
}
static way_t way_open(kja_runtime_t runtime, kind_t kind) {
  way_t way;
  memset(&way, 0, sizeof way);
  switch (kind) {
    case TCP: way.ends = ends_of(pair_open(runtime)); break;
    case OS_PIPE: way.ends = os_pipe_open(runtime); break;
    case OS_PAIR: way.ends = ends_of(os_pair_open(runtime)); break;
    case TWO_WAY: way.ends = ends_of(two_way_open(runtime)); break;
    default: way.ends = pipe_open(runtime); break;
  }
  return way;
}

/* A stream of bytes, at its end after them. */
typedef struct source_t {
  kja_connection_t from;
  way_t way;
  kja_promise_t writing, ending;
} source_t;

static source_t source_of(kja_runtime_t runtime, kind_t kind, const char *data, size_t size) {
  source_t source;
  memset(&source, 0, sizeof source);
  if (kind == FILE_KIND) {
    int fd = file_new();
    CHECK(write(fd, data, size) == (ssize_t)size);
    source.from = file_from(runtime, fd, 0);
    CHECK(close(fd) == 0);
    return source;
  }
  source.way = way_open(runtime, kind);
  if (kind == PROMISED) promise_instead(runtime, &source.way, &source.way.ends.reader);
  source.writing = write_start(source.way.ends.writer, data, size);
  source.ending = shutdown_start(source.way.ends.writer);
  source.from = source.way.ends.reader;
  if (kind == TEE) {
    kja_connection_t other = 0;
    CHECK_OK(kja_pipe_tee(source.way.ends.reader, 0, &source.from, &other));
    CHECK_OK(kja_connection_release(source.way.ends.reader));
    CHECK_OK(kja_connection_release(other));
  }
  return source;
}
static void source_done(source_t *source) {
  if (source->writing) {
    expect(source->writing, KJA_OK);
    expect(source->ending, KJA_OK);
    CHECK_OK(kja_connection_release(source->way.ends.writer));
  }
  CHECK_OK(kja_connection_release(source->from));
}

typedef struct sink_t {
  kja_connection_t to, check;
  way_t way;
} sink_t;

static sink_t sink_open(kja_runtime_t runtime, kind_t kind) {
  sink_t sink;
  memset(&sink, 0, sizeof sink);
  if (kind == FILE_KIND) {
    int fd = file_new();
    sink.to = file_from(runtime, fd, 0);
    sink.check = file_from(runtime, fd, 0);
    CHECK(close(fd) == 0);
    return sink;
  }
  sink.way = way_open(runtime, kind);
  if (kind == PROMISED) promise_instead(runtime, &sink.way, &sink.way.ends.writer);
  sink.to = sink.way.ends.writer;
  sink.check = sink.way.ends.reader;
  return sink;
}
static void sink_release(sink_t *sink) {
  CHECK_OK(kja_connection_release(sink->to));
  CHECK_OK(kja_connection_release(sink->check));
}

/* parity: STRM-05, STRM-25, STRM-26, STRM-27, PIPE-05, STRM-23 */
static void everything_goes_from_every_kind_to_every_kind(void) {
  size_t size = scaled(500000);
  char *data = pattern_new(size);
  for (int from = 0; from < KINDS; from++) {
    for (int to = 0; to < TEE; to++) {
      kja_runtime_t runtime = runtime_open();
      source_t source = source_of(runtime, (kind_t)from, data, size);
      sink_t sink = sink_open(runtime, (kind_t)to);
      kja_promise_t pumping = pump_start(source.from, sink.to, UINT64_MAX);
      come(&source.way);
      come(&sink.way);
      if (to == FILE_KIND) expect_u64(pumping, size);
      expect_pattern(sink.check, 0, size, 30000);
      if (to != FILE_KIND) expect_u64(pumping, size);
      source_done(&source);
      /* It was left open. */
      kja_promise_t writing = write_text_start(sink.to, "more");
      if (to == FILE_KIND) expect_already(writing, KJA_OK);
      expect_text(read_start(sink.check, 4, 4), "more");
      if (to != FILE_KIND) expect(writing, KJA_OK);
      sink_release(&sink);
      runtime_close(runtime);
    }
  }
  free(data);
}

/* parity: STRM-05 */
static void no_more_than_the_limit_is_taken(void) {
  for (int from = 0; from < KINDS; from++) {
    kja_runtime_t runtime = runtime_open();
    source_t source = source_of(runtime, (kind_t)from, "0123456789abcdef", 16);
    sink_t sink = sink_open(runtime, FILE_KIND);
    come(&source.way);
    expect_u64(pump_start(source.from, sink.to, 0), 0);
    expect_u64(pump_start(source.from, sink.to, 4), 4);
    expect_text(read_start(source.from, 2, 2), "45");
    expect_u64(pump_start(source.from, sink.to, 6), 6);
    expect_u64(pump_start(source.from, sink.to, 5), 4);
    expect_u64(pump_start(source.from, sink.to, 5), 0);
    expect_text(read_all_start(sink.check, 100), "01236789abcdef");
    source_done(&source);
    sink_release(&sink);
    runtime_close(runtime);
  }
}

/* parity: STRM-22 */
static void nothing_comes_from_null_and_all_of_it_goes_there(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t null = 0;
  char *data = pattern_new(300000);
  CHECK_OK(kja_connection_new_null(runtime, &null));
  for (int kind = 0; kind < KINDS; kind++) {
    source_t source = source_of(runtime, (kind_t)kind, data, 300000);
    come(&source.way);
    expect_u64(pump_start(null, source.from, UINT64_MAX), 0);
    expect_u64(pump_start(source.from, null, UINT64_MAX), 300000);
    source_done(&source);
  }
  expect_u64(pump_start(null, null, UINT64_MAX), 0);
  free(data);
  CHECK_OK(kja_connection_release(null));
  runtime_close(runtime);
}

/* parity: STRM-05, PIPE-01, PIPE-05 */
static void a_pump_into_a_pipe_that_nobody_reads_holds_a_chunk_at_most(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t in = pipe_open(runtime), out = pipe_open(runtime);
  char *data = pattern_new(3 * CHUNK);
  kja_promise_t pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  expect(write_start(in.writer, data, CHUNK), KJA_OK);
  kja_promise_t writing = write_start(in.writer, data + CHUNK, 1);
  stays_pending_for_a_while(writing);
  expect_pattern(out.reader, 0, CHUNK - 1, 1000);
  stays_pending(runtime, writing);
  expect_pattern(out.reader, CHUNK - 1, 1, 1);
  expect(writing, KJA_OK);
  expect_pattern(out.reader, CHUNK, 1, 1);
  shutdown_write(in.writer);
  expect_u64(pumping, CHUNK + 1);
  free(data);
  ends_release(in);
  ends_release(out);
  runtime_close(runtime);
}

/* parity: STRM-06 */
static void a_cancelled_pump_leaves_both_ends_usable(void) {
  /* More than the system keeps for two TCP connections. */
  enum { MUCH = 48 << 20 };
  char *data = pattern_new(MUCH);
  for (int kind = 0; kind < STREAM_KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    way_t in = way_open(runtime, (kind_t)kind), out = way_open(runtime, (kind_t)kind);
    /* While it reads, */
    kja_promise_t pumping = pump_start(in.ends.reader, out.ends.writer, UINT64_MAX), writing;
    stays_pending(runtime, pumping);
    CHECK_OK(kja_promise_cancel(pumping));
    expect_already(pumping, KJA_ERR_CANCELED);
    writing = write_text_start(in.ends.writer, "direct");
    expect_text(read_start(in.ends.reader, 6, 6), "direct");
    expect(writing, KJA_OK);
    /* and while it writes. */
    pumping = pump_start(in.ends.reader, out.ends.writer, UINT64_MAX);
    writing = write_start(in.ends.writer, data, MUCH);
    stays_pending_for_a_while(writing);
    CHECK_OK(kja_promise_release(pumping));
    CHECK_OK(kja_promise_cancel(writing));
    CHECK_OK(kja_promise_release(writing));
    writing = write_text_start(out.ends.writer, "!!");
    kja_promise_t ending = shutdown_start(out.ends.writer), reading = read_all_start(out.ends.reader, MUCH);
    kja_bytes_t bytes = 0;
    const void *got = NULL;
    size_t size = 0, wrong = 0;
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, &got, &size));
    if (CHECK(size >= 2)) {
      for (size_t i = 0; i < size - 2; i++) wrong += ((const char *)got)[i] != pattern_at(i);
      CHECK_U64(wrong, 0);
      CHECK(memcmp((const char *)got + size - 2, "!!", 2) == 0);
    }
    CHECK_OK(kja_bytes_release(bytes));
    CHECK_OK(kja_promise_release(reading));
    expect(writing, KJA_OK);
    expect(ending, KJA_OK);
    ends_release(in.ends);
    ends_release(out.ends);
    runtime_close(runtime);
  }
  free(data);
}

/* parity: STRM-05, STRM-14 */
static void an_error_on_either_side_ends_the_pump(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t in = pipe_open(runtime), out = pipe_open(runtime);
  kja_promise_t pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  abort_write(in.writer, KJA_ERR_OVERLOADED, "source broke");
  expect_error(pumping, KJA_ERR_OVERLOADED, "source broke");
  ends_release(in);
  in = pipe_open(runtime);
  pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  write_text(in.writer, "on its way");
  stays_pending(runtime, pumping);
  CHECK_OK(kja_connection_release(out.reader));
  expect(pumping, KJA_ERR_DISCONNECTED);
  expect_text(read_start(in.reader, 1, 16), "on its way");
  CHECK_OK(kja_connection_release(out.writer));
  out = pipe_of_length(runtime, 4);
  kja_promise_t writing = write_text_start(in.writer, "too long");
  pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  expect_text(read_all_start(out.reader, 4), "too ");
  expect(pumping, KJA_ERR_DISCONNECTED);
  expect(writing, KJA_OK);
  expect_text(read_start(in.reader, 1, 16), "long");
  ends_release(out);
  out = pipe_open(runtime);
  pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  CHECK_OK(kja_connection_close(in.reader));
  expect(pumping, KJA_ERR_CANCELED);
  ends_release(in);
  in = pipe_open(runtime);
  pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  write_text(in.writer, "on its way");
  CHECK_OK(kja_connection_close(out.writer));
  expect(pumping, KJA_ERR_CANCELED);
  ends_release(in);
  ends_release(out);
  runtime_close(runtime);
}

/* parity: STRM-24 */
static void a_pump_has_its_place_among_reads_and_writes(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t in = pipe_open(runtime), more = pipe_open(runtime), out = pipe_open(runtime);
  kja_promise_t before = write_text_start(out.writer, "a"), first = pump_start(in.reader, out.writer, 2);
  kja_promise_t after = write_text_start(out.writer, "d"), second = pump_start(more.reader, out.writer, 1);
  kja_promise_t refused = 1, last = write_text_start(out.writer, "f");
  CHECK_IS(kja_connection_read_start(in.reader, 1, 8, &refused), KJA_ERR_BUSY);
  expect(pump_start(in.reader, out.writer, 1), KJA_ERR_BUSY);
  /* The later pump is ready first, and waits. */
  kja_promise_t writing = write_text_start(more.writer, "e"), reading = read_start(out.reader, 6, 6);
  write_text(in.writer, "b");
  stays_pending(runtime, reading);
  write_text(in.writer, "c");
  expect_text(reading, "abcdef");
  expect(before, KJA_OK);
  expect_u64(first, 2);
  expect(after, KJA_OK);
  expect_u64(second, 1);
  expect(writing, KJA_OK);
  expect(last, KJA_OK);
  ends_release(in);
  ends_release(more);
  ends_release(out);
  runtime_close(runtime);
}

static void a_pump_back_to_its_own_source_is_an_echo(void) {
  kja_runtime_t runtime = runtime_open();
  for (int kind = 0; kind < 3; kind++) {
    pair_t pair = kind == 0 ? pair_open(runtime) : kind == 1 ? os_pair_open(runtime) : two_way_open(runtime);
    kja_promise_t pumping = pump_start(pair.server, pair.server, UINT64_MAX);
    char *data = pattern_new(1 << 20);
    kja_promise_t writing = write_start(pair.client, data, 1 << 20), ending = shutdown_start(pair.client);
    expect_pattern(pair.client, 0, 1 << 20, 1 << 16);
    expect(writing, KJA_OK);
    expect(ending, KJA_OK);
    expect_u64(pumping, 1 << 20);
    free(data);
    pair_release(pair);
  }
  runtime_close(runtime);
}

static void pumps_make_a_chain(void) {
  size_t size = scaled(4 << 20);
  kja_runtime_t runtime = runtime_open();
  char *data = pattern_new(size);
  source_t source = source_of(runtime, FILE_KIND, data, size);
  way_t ways[STREAM_KINDS];
  kja_promise_t pumping[STREAM_KINDS + 1], endings[STREAM_KINDS];
  kja_connection_t from = source.from;
  for (int kind = 0; kind < STREAM_KINDS; kind++) {
    ways[kind] = way_open(runtime, (kind_t)kind);
    pumping[kind] = pump_start(from, ways[kind].ends.writer, UINT64_MAX);
    endings[kind] = shutdown_start(ways[kind].ends.writer);
    from = ways[kind].ends.reader;
  }
  sink_t sink = sink_open(runtime, FILE_KIND);
  pumping[STREAM_KINDS] = pump_start(from, sink.to, UINT64_MAX);
  for (int i = 0; i <= STREAM_KINDS; i++) expect_u64(pumping[i], size);
  expect_pattern(sink.check, 0, size, 1 << 16);
  for (int i = 0; i < STREAM_KINDS; i++) {
    expect(endings[i], KJA_OK);
    ends_release(ways[i].ends);
  }
  sink_release(&sink);
  source_done(&source);
  free(data);
  runtime_close(runtime);
}

/* parity: LOOP-09 */
static void a_pump_that_never_waits_lets_others_have_their_turn(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_new();
  kja_connection_t from, null = 0;
  kja_promise_t timer = sleep_start(runtime, MILLISECOND), pumping;
  /* Without a byte on the disk. */
  CHECK(ftruncate(fd, (off_t)1 << 40) == 0);
  from = file_from(runtime, fd, 0);
  CHECK_OK(kja_connection_new_null(runtime, &null));
  pumping = pump_start(from, null, UINT64_MAX);
  expect(timer, KJA_OK);
  CHECK_IS(kja_promise_status(pumping), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(pumping));
  expect_already(pumping, KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_release(from));
  CHECK_OK(kja_connection_release(null));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

typedef struct watched_t {
  kja_runtime_t runtime;
  int fd;
  uint64_t before, after;
} watched_t;

static uint64_t turns_of(kja_runtime_t runtime) {
  kja_runtime_stats_t stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK_OK(kja_runtime_stats(runtime, &stats));
  return stats.turns;
}
static void something_comes(void *ctx, kja_call_t call) {
  watched_t *watched = (watched_t *)ctx;
  (void)call;
  watched->before = turns_of(watched->runtime);
  CHECK(write(watched->fd, "x", 1) == 1);
}
static void it_is_seen(void *ctx, kja_call_t call) {
  watched_t *watched = (watched_t *)ctx;
  (void)call;
  watched->after = turns_of(watched->runtime);
}

/* What comes to another connection is not left until many megabytes have been moved. Each turn moves 64 KB. */
/* parity: LOOP-09 */
static void a_pump_that_never_waits_does_not_hold_up_what_comes_to_others(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  watched_t watched = {runtime, plain_connect(port_of(listener)), 0, 0};
  kja_connection_t other = handle_from(accepting), null = 0;
  int fd = file_new();
  CHECK(ftruncate(fd, (off_t)1 << 40) == 0);
  kja_connection_t from = file_from(runtime, fd, 0);
  CHECK_OK(kja_connection_new_null(runtime, &null));
  kja_promise_t pumping = pump_start(from, null, UINT64_MAX), timer = 0, first = 0, then = 0;
  for (int i = 0; i < 20; i++) {
    kja_promise_t reading = read_start(other, 1, 1);
    CHECK_OK(kja_promise_then(reading, it_is_seen, &watched, NULL, &then));
    CHECK_OK(kja_promise_release(reading));
    timer = sleep_start(runtime, MILLISECOND);
    CHECK_OK(kja_promise_then(timer, something_comes, &watched, NULL, &first));
    CHECK_OK(kja_promise_release(timer));
    expect(first, KJA_OK);
    expect(then, KJA_OK);
    CHECK(watched.after - watched.before < 100);
  }
  CHECK_OK(kja_promise_release(pumping));
  CHECK_OK(kja_connection_release(from));
  CHECK_OK(kja_connection_release(null));
  CHECK_OK(kja_connection_release(other));
  CHECK_OK(kja_listener_release(listener));
  CHECK(close(fd) == 0);
  CHECK(close(watched.fd) == 0);
  runtime_close(runtime);
}

/* A file that grows as fast as it is read. */
static void a_pump_to_the_end_of_its_own_file_can_be_cancelled(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_new();
  char *data = pattern_new(CHUNK);
  CHECK(write(fd, data, CHUNK) == CHUNK);
  free(data);
  kja_connection_t from = file_from(runtime, fd, 0), to = file_from(runtime, fd, CHUNK);
  kja_promise_t pumping = pump_start(from, to, UINT64_MAX);
  CHECK_OK(kja_promise_cancel(pumping));
  expect_already(pumping, KJA_ERR_CANCELED);
  expect_u64(pump_start(from, to, 10 * CHUNK), 10 * CHUNK);
  CHECK_OK(kja_connection_release(from));
  CHECK_OK(kja_connection_release(to));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

static void a_pump_into_what_only_reads_fails(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t in = pipe_open(runtime), out = pipe_open(runtime);
  kja_promise_t writing = write_text_start(in.writer, "x");
  expect(pump_start(in.reader, out.reader, UINT64_MAX), KJA_ERR_UNIMPLEMENTED);
  expect(pump_start(out.writer, out.writer, UINT64_MAX), KJA_ERR_UNIMPLEMENTED);
  expect(writing, KJA_OK);
  ends_release(in);
  ends_release(out);
  runtime_close(runtime);
}

static void the_pump_keeps_both_ends(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t in = pipe_open(runtime), out = pipe_open(runtime);
  kja_promise_t pumping = pump_start(in.reader, out.writer, UINT64_MAX);
  CHECK_OK(kja_connection_release(in.reader));
  CHECK_OK(kja_connection_release(out.writer));
  kja_promise_t writing = write_text_start(in.writer, "kept");
  expect_text(read_start(out.reader, 4, 8), "kept");
  expect(writing, KJA_OK);
  CHECK_OK(kja_promise_release(pumping));
  expect_end(out.reader);
  expect(write_text_start(in.writer, "x"), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(in.writer));
  CHECK_OK(kja_connection_release(out.reader));
  runtime_close(runtime);
}

typedef struct inside_t {
  kja_connection_t from, to;
  kja_promise_t pumping;
} inside_t;

static void pump_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->pumping = pump_start(inside->from, inside->to, UINT64_MAX);
}
static void cancel_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  CHECK_OK(kja_promise_cancel(inside->pumping));
}

static void a_pump_starts_and_ends_inside_a_callback(void) {
  char *data = pattern_new(200000);
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    source_t source = source_of(runtime, (kind_t)kind, data, 200000);
    sink_t sink = sink_open(runtime, kind < FILE_KIND ? (kind_t)kind : PIPE);
    inside_t inside = {source.from, sink.to, 0};
    run_on_loop(runtime, pump_inside, &inside);
    come(&source.way);
    come(&sink.way);
    expect_pattern(sink.check, 0, 200000, 1 << 16);
    expect_u64(inside.pumping, 200000);
    source_done(&source);
    ends_t idle = pipe_open(runtime);
    inside.from = idle.reader;
    run_on_loop(runtime, pump_inside, &inside);
    run_on_loop(runtime, cancel_inside, &inside);
    expect_already(inside.pumping, KJA_ERR_CANCELED);
    ends_release(idle);
    sink_release(&sink);
    runtime_close(runtime);
  }
  free(data);
}

static void *write_pattern(void *arg) {
  kja_connection_t writer = *(kja_connection_t *)arg;
  size_t size = scaled(2 << 20);
  char *data = pattern_new(size);
  for (size_t at = 0; at < size; at += 33333) expect(write_start(writer, data + at, size - at < 33333 ? size - at : 33333), KJA_OK);
  free(data);
  shutdown_write(writer);
  return NULL;
}

static void pumps_between_threads(void) {
  for (int from = 0; from < STREAM_KINDS; from++) {
    for (int to = 0; to < STREAM_KINDS; to++) {
      kja_runtime_t runtime = runtime_open();
      way_t in = way_open(runtime, (kind_t)from), out = way_open(runtime, (kind_t)to);
      kja_promise_t pumping = pump_start(in.ends.reader, out.ends.writer, UINT64_MAX);
      pthread_t thread;
      pthread_create(&thread, NULL, write_pattern, &in.ends.writer);
      expect_pattern(out.ends.reader, 0, scaled(2 << 20), 22222);
      expect_u64(pumping, scaled(2 << 20));
      pthread_join(thread, NULL);
      ends_release(in.ends);
      ends_release(out.ends);
      runtime_close(runtime);
    }
  }
}

/* Two runtimes, each with its own loop, and a pump from one to the other. */
static void a_pump_may_go_to_another_runtime(void) {
  size_t size = scaled(2 << 20);
  kja_runtime_t one = runtime_open(), other = runtime_open();
  ends_t in = pipe_open(one), out = pipe_open(other);
  char *data = pattern_new(size);
  kja_promise_t pumping = pump_start(in.reader, out.writer, UINT64_MAX), writing = write_start(in.writer, data, size);
  kja_promise_t ending = shutdown_start(in.writer);
  expect_pattern(out.reader, 0, size, 1 << 16);
  expect_u64(pumping, size);
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  free(data);
  ends_release(in);
  ends_release(out);
  runtime_close(one);
  runtime_close(other);
}

/* parity: LOOP-06 */
static void a_shutdown_ends_pumps_of_every_kind(void) {
  char *data = pattern_new(8 << 20);
  for (int busy = 0; busy < 2; busy++) {
    kja_runtime_t runtime = runtime_open();
    for (int from = 0; from < STREAM_KINDS; from++) {
      for (int to = 0; to < STREAM_KINDS; to++) {
        way_t in = way_open(runtime, (kind_t)from), out = way_open(runtime, (kind_t)to);
        pump_start(in.ends.reader, out.ends.writer, UINT64_MAX);
        if (busy) write_start(in.ends.writer, data, scaled(8 << 20));
      }
    }
    runtime_close(runtime);
  }
  free(data);
}

int main(void) {
  RUN_IN_BOTH(everything_goes_from_every_kind_to_every_kind);
  RUN_IN_BOTH(no_more_than_the_limit_is_taken);
  RUN_IN_BOTH(nothing_comes_from_null_and_all_of_it_goes_there);
  RUN_IN_BOTH(a_pump_into_a_pipe_that_nobody_reads_holds_a_chunk_at_most);
  RUN_IN_BOTH(a_cancelled_pump_leaves_both_ends_usable);
  RUN_IN_BOTH(an_error_on_either_side_ends_the_pump);
  RUN_IN_BOTH(a_pump_has_its_place_among_reads_and_writes);
  RUN_IN_BOTH(a_pump_back_to_its_own_source_is_an_echo);
  RUN_IN_BOTH(pumps_make_a_chain);
  RUN_IN_BOTH(a_pump_that_never_waits_lets_others_have_their_turn);
  RUN_IN_BOTH(a_pump_that_never_waits_does_not_hold_up_what_comes_to_others);
  RUN_IN_BOTH(a_pump_to_the_end_of_its_own_file_can_be_cancelled);
  RUN_IN_BOTH(a_pump_into_what_only_reads_fails);
  RUN_IN_BOTH(the_pump_keeps_both_ends);
  RUN_IN_BOTH(a_pump_starts_and_ends_inside_a_callback);
  RUN(pumps_between_threads);
  RUN(a_pump_may_go_to_another_runtime);
  RUN_IN_BOTH(a_shutdown_ends_pumps_of_every_kind);
  return check_done();
}
