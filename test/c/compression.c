/* Compression: of bytes, piece by piece, and as layers over connections. */
#include "stream.h"

static const uint32_t FORMATS[] = {KJA_CODING_GZIP, KJA_CODING_ZLIB, KJA_CODING_DEFLATE, KJA_CODING_BROTLI};
#define EACH_FORMAT(format) \
  for (uint32_t at_ = 0, format = FORMATS[0]; at_ < 4; at_++, format = FORMATS[at_ < 4 ? at_ : 0])

static kja_coding_t coding(uint32_t format, uint32_t flags) {
  kja_coding_t coding;
  memset(&coding, 0, sizeof coding);
  coding.size = sizeof coding;
  coding.format = format;
  coding.flags = flags;
  return coding;
}

static kja_bytes_t coded(const kja_coding_t *coding, const void *data, size_t size) {
  kja_bytes_t bytes = 0;
  CHECK_OK(kja_coding_run(coding, data, size, SIZE_MAX, &bytes));
  return bytes;
}

/* Runs a coding over bytes, which it releases. */
static kja_bytes_t coded_from(const kja_coding_t *coding, kja_bytes_t from) {
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_bytes_data(from, &data, &size));
  kja_bytes_t bytes = coded(coding, data, size);
  CHECK_OK(kja_bytes_release(from));
  return bytes;
}

static void expect_and_release(kja_bytes_t bytes, const void *expected, size_t expected_size) {
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == expected_size && memcmp(data, expected, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}

/* parity: GZIP-07, BROT-06 */
static void bytes_are_compressed_and_decompressed(void) {
  size_t size = 300000;
  char *data = pattern_new(size);
  EACH_FORMAT(format) {
    kja_coding_t compress = coding(format, 0), decompress = coding(format, KJA_CODING_DECOMPRESS);
    expect_and_release(coded_from(&decompress, coded(&compress, data, size)), data, size);
    expect_and_release(coded_from(&decompress, coded(&compress, NULL, 0)), "", 0);
    compress.level = KJA_CODING_LEVEL_0;
    compress.window_bits = 12;
    expect_and_release(coded_from(&decompress, coded(&compress, data, 1000)), data, 1000);
  }
  free(data);
}

/* parity: GZIP-01, BROT-01, BROT-05 */
static void bad_data_early_ends_and_bombs_are_told_apart(void) {
  char *zeros = (char *)calloc(1 << 20, 1);
  EACH_FORMAT(format) {
    kja_coding_t compress = coding(format, 0), decompress = coding(format, KJA_CODING_DECOMPRESS);
    kja_bytes_t bomb = coded(&compress, zeros, 1 << 20), bytes = 0;
    const void *data = NULL;
    size_t size = 0;
    CHECK_OK(kja_bytes_data(bomb, &data, &size));
    CHECK_IS(kja_coding_run(&decompress, data, size - 1, SIZE_MAX, &bytes), KJA_ERR_DISCONNECTED);
    CHECK_IS(kja_coding_run(&decompress, NULL, 0, SIZE_MAX, &bytes), KJA_ERR_DISCONNECTED);
    CHECK_IS(kja_coding_run(&decompress, "\xff\xff\xff\xff\xff", 5, SIZE_MAX, &bytes), KJA_ERR_FAILED);
    CHECK_IS(kja_coding_run(&decompress, data, size, (1 << 20) - 1, &bytes), KJA_ERR_OVERLOADED);
    decompress.max_ratio = 20;
    CHECK_IS(kja_coding_run(&decompress, data, size, SIZE_MAX, &bytes), KJA_ERR_OVERLOADED);
    decompress.max_ratio = 0;
    decompress.max_output = 1000;
    CHECK_IS(kja_coding_run(&decompress, data, size, SIZE_MAX, &bytes), KJA_ERR_OVERLOADED);
    CHECK_U64(bytes, 0);
    CHECK_OK(kja_bytes_release(bomb));
  }
  free(zeros);
}

static void what_a_format_does_not_have_is_refused(void) {
  kja_coder_t coder = 0;
  kja_coding_t wrong[7];
  for (int i = 0; i < 7; i++) wrong[i] = coding(KJA_CODING_GZIP, 0);
  wrong[0].format = 0;
  wrong[1].format = 5;
  wrong[2].flags = 2;
  wrong[3].level = 10;
  wrong[4].level = -2;
  wrong[5].window_bits = 16;
  wrong[6].size = 3;
  for (int i = 0; i < 7; i++) CHECK_IS(kja_coder_new(&wrong[i], &coder), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_coder_new(NULL, &coder), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(coder, 0);
}

/* Runs a coder with very little room at a time; how many bytes it wrote. */
static size_t run(kja_coder_t coder, const void *data, size_t size, uint32_t until, char *out, size_t capacity) {
  size_t at = 0, total = 0;
  for (;;) {
    size_t used = 0, written = 0;
    bool done = false;
    if (!CHECK(total + 7 <= capacity)) return total;
    if (!CHECK_OK(kja_coder_run(coder, (const char *)data + at, size - at, until, out + total, 7, &used, &written, &done)))
      return total;
    at += used;
    total += written;
    if (done) break;
  }
  CHECK_U64(at, size);
  return total;
}

/* parity: GZIP-04, GZIP-05, GZIP-07, BROT-04, BROT-06 */
static void a_coder_goes_piece_by_piece_with_flushes_and_an_end(void) {
  EACH_FORMAT(format) {
    kja_coding_t compress = coding(format, 0), decompress = coding(format, KJA_CODING_DECOMPRESS);
    kja_coder_t small = 0, large = 0;
    char coded[400], out[400];
    CHECK_OK(kja_coder_new(&compress, &small));
    CHECK_OK(kja_coder_new(&decompress, &large));
    size_t size = run(small, "hello ", 6, KJA_CODER_INPUT_USED, coded, sizeof coded);
    size += run(small, "world", 5, KJA_CODER_FLUSHED, coded + size, sizeof coded - size);
    size_t got = run(large, coded, size, KJA_CODER_INPUT_USED, out, sizeof out);
    CHECK(got == 11 && memcmp(out, "hello world", 11) == 0);
    size = run(small, "!", 1, KJA_CODER_ENDED, coded, sizeof coded);
    got = run(large, coded, size, KJA_CODER_ENDED, out, sizeof out);
    CHECK(got == 1 && out[0] == '!');
    size_t used = 0, written = 0;
    bool done = false;
    CHECK_IS(kja_coder_run(small, "x", 1, 0, out, sizeof out, &used, &written, &done), KJA_ERR_FAILED);
    CHECK_IS(kja_coder_run(large, "", 0, 3, out, sizeof out, &used, &written, &done), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(kja_coder_run(large, NULL, 0, 0, out, sizeof out, NULL, &written, &done), KJA_ERR_INVALID_ARGUMENT);
    CHECK_OK(kja_coder_release(small));
    CHECK_OK(kja_coder_release(large));
    CHECK_IS(kja_coder_release(large), KJA_ERR_BAD_HANDLE);
  }
}

static kja_connection_t layer(kja_connection_t below, const kja_coding_t *read, const kja_coding_t *write, uint32_t flags) {
  kja_connection_t layer = 0;
  CHECK_OK(kja_coding_layer(below, read, write, flags, &layer));
  return layer;
}

static kja_promise_t flush_start(kja_connection_t connection) {
  kja_promise_t flushing = 0;
  CHECK_OK(kja_connection_flush_start(connection, &flushing));
  return flushing;
}

/* parity: GZIP-01, GZIP-02, GZIP-04, GZIP-06, BROT-01, BROT-02, BROT-04 */
static void both_ends_of_a_connection_compress_what_they_write(void) {
  kja_runtime_t runtime = runtime_open();
  EACH_FORMAT(format) {
    kja_coding_t compress = coding(format, 0), decompress = coding(format, KJA_CODING_DECOMPRESS);
    pair_t below = pair_open(runtime), over;
    over.client = layer(below.client, &decompress, &compress, 0);
    over.server = layer(below.server, &decompress, &compress, 0);
    /* What it keeps comes with a flush. */
    kja_promise_t reading = read_start(over.server, 5, 5);
    expect(write_text_start(over.client, "hello"), KJA_OK);
    stays_pending(runtime, reading);
    expect(flush_start(over.client), KJA_OK);
    expect_text(reading, "hello");
    /* Much, until the end. */
    size_t size = 500000;
    char *data = pattern_new(size);
    kja_promise_t writing = write_start(over.server, data, size), ending = shutdown_start(over.server);
    CHECK_U64(take_pattern(read_all_start(over.client, size), 0), size);
    expect(writing, KJA_OK);
    expect(ending, KJA_OK);
    free(data);
    /* The peer goes. */
    kja_promise_t gone = disconnected_start(over.client);
    expect(write_text_start(over.client, "x"), KJA_OK);
    expect(flush_start(over.client), KJA_OK);
    CHECK_OK(kja_connection_close(over.server));
    expect(gone, KJA_OK);
    pair_release(over);
    pair_release(below);
  }
  runtime_close(runtime);
}

/* parity: GZIP-03, GZIP-05, GZIP-08, BROT-03 */
static void a_layer_decompresses_what_is_written_and_leaves_what_is_below(void) {
  kja_runtime_t runtime = runtime_open();
  EACH_FORMAT(format) {
    kja_coding_t compress = coding(format, 0), decompress = coding(format, KJA_CODING_DECOMPRESS);
    kja_bytes_t small = coded(&compress, "compressed, ", 12);
    const void *data = NULL;
    size_t size = 0;
    CHECK_OK(kja_bytes_data(small, &data, &size));
    pair_t below = pair_open(runtime);
    kja_connection_t over = layer(below.client, NULL, &decompress, KJA_CODING_KEEP_BELOW_OPEN);
    expect(write_start(over, data, size), KJA_OK);
    shutdown_write(over);
    CHECK_OK(kja_connection_release(over));
    /* It ended; what is below did not. */
    expect(write_text_start(below.client, "plain"), KJA_OK);
    shutdown_write(below.client);
    expect_text(read_all_start(below.server, 100), "compressed, plain");
    /* An end in the middle. */
    over = layer(below.server, NULL, &decompress, 0);
    expect(write_start(over, data, size - 1), KJA_OK);
    expect(shutdown_start(over), KJA_ERR_DISCONNECTED);
    CHECK_OK(kja_connection_release(over));
    CHECK_OK(kja_bytes_release(small));
    pair_release(below);
  }
  runtime_close(runtime);
}

static void layers_are_refused_where_they_cannot_be(void) {
  kja_runtime_t runtime = runtime_open();
  kja_coding_t wrong = coding(KJA_CODING_BROTLI, 0);
  kja_connection_t over = 0;
  pair_t below = pair_open(runtime);
  wrong.level = 12;
  CHECK_IS(kja_coding_layer(below.client, &wrong, NULL, 0, &over), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_coding_layer(below.client, NULL, &wrong, 0, &over), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_coding_layer(below.client, NULL, NULL, 2, &over), KJA_ERR_INVALID_ARGUMENT);
  kja_promise_t reading = read_start(below.client, 1, 1);
  CHECK_IS(kja_coding_layer(below.client, NULL, NULL, 0, &over), KJA_ERR_BUSY);
  CHECK_OK(kja_promise_release(reading));
  CHECK_U64(over, 0);
  /* Without a coding bytes pass as they are. */
  over = layer(below.client, NULL, NULL, 0);
  expect(write_text_start(over, "plain"), KJA_OK);
  expect_text(read_start(below.server, 5, 5), "plain");
  CHECK_OK(kja_connection_release(over));
  pair_release(below);
  runtime_close(runtime);
}

int main(void) {
  RUN(bytes_are_compressed_and_decompressed);
  RUN(bad_data_early_ends_and_bombs_are_told_apart);
  RUN(what_a_format_does_not_have_is_refused);
  RUN(a_coder_goes_piece_by_piece_with_flushes_and_an_end);
  RUN_IN_BOTH(both_ends_of_a_connection_compress_what_they_write);
  RUN_IN_BOTH(a_layer_decompresses_what_is_written_and_leaves_what_is_below);
  RUN_IN_BOTH(layers_are_refused_where_they_cannot_be);
  return check_done();
}
