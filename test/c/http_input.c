/* HTTP messages read from a connection, by whoever is neither a client nor a server. */
#include "stream.h"

/* An input and the end that is written to. */
typedef struct scene_t {
  kja_runtime_t runtime;
  ends_t ends;
  kja_http_input_t input;
} scene_t;

static scene_t scene_open(void) {
  scene_t scene;
  scene.runtime = runtime_open();
  scene.ends = os_pipe_open(scene.runtime);
  scene.input = 0;
  CHECK_OK(kja_http_input_new(scene.ends.reader, NULL, &scene.input));
  return scene;
}

static void scene_close(scene_t scene) {
  CHECK_OK(kja_http_input_release(scene.input));
  ends_release(scene.ends);
  runtime_close(scene.runtime);
}

static kja_promise_t read_message_start(kja_http_input_t input, uint32_t kind) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_http_input_read_start(input, kind, NULL, 0, &reading));
  return reading;
}

static kja_promise_t when_next_start(kja_http_input_t input) {
  kja_promise_t waiting = 0;
  CHECK_OK(kja_http_input_when_next_start(input, &waiting));
  return waiting;
}

static kja_connection_t body_of(kja_http_message_t message) {
  kja_connection_t body = 0;
  CHECK_OK(kja_http_message_body(message, &body));
  return body;
}

static void expect_head(kja_http_message_t message, const char *expected) {
  kja_http_head_t head = 0;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_http_message_head(message, &head));
  CHECK_OK(kja_http_head_bytes(head, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == strlen(expected) && memcmp(data, expected, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_http_head_release(head));
}

static void expect_message(kja_promise_t reading, const char *head, uint64_t length, const char *body) {
  kja_http_message_t message = handle_from(reading);
  kja_connection_t stream = body_of(message);
  uint64_t said = 9;
  expect_head(message, head);
  CHECK_OK(kja_http_message_body_length(message, &said));
  CHECK_U64(said, length);
  expect_text(read_all_start(stream, 1000), body);
  CHECK_OK(kja_connection_release(stream));
  CHECK_OK(kja_http_message_release(message));
}

/* parity: HTTP-22, HTTP-24 */
static void messages_without_a_first_line_follow_each_other(void) {
  scene_t scene = scene_open();
  write_text(scene.ends.writer, "Content-Length: 5\r\n\r\nhelloContent-Length: 2\r\nA: b\r\n\r\nyoContent-Le");
  expect_message(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS), "Content-Length: 5\r\n\r\n", 5, "hello");
  expect_message(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS), "Content-Length: 2\r\nA: b\r\n\r\n", 2, "yo");
  /* A part of a head is no message; cancelling loses nothing of it. */
  kja_promise_t reading = read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS), second = 0;
  stays_pending(scene.runtime, reading);
  CHECK_IS(kja_http_input_read_start(scene.input, KJA_HTTP_HEAD_FIELDS, NULL, 0, &second), KJA_ERR_BUSY);
  CHECK_OK(kja_promise_release(reading));
  reading = read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS);
  write_text(scene.ends.writer, "ngth: 0\r\n\r\n");
  expect_message(reading, "Content-Length: 0\r\n\r\n", 0, "");
  CHECK_IS(kja_http_input_read_start(scene.input, 4, NULL, 0, &second), KJA_ERR_INVALID_ARGUMENT);
  shutdown_write(scene.ends.writer);
  expect(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS), KJA_ERR_DISCONNECTED);
  scene_close(scene);
}

/* parity: HTTP-22, HTTP-20, HTTP-21 */
static void requests_and_responses_have_bodies_of_every_kind(void) {
  scene_t scene = scene_open();
  kja_http_headers_t trailers = 0;
  char value[9];
  size_t length = 0;
  write_text(scene.ends.writer,
             "\r\nPOST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nT: u\r\n\r\n"
             "CONNECT h:1 HTTP/1.1\r\n\r\n");
  kja_http_message_t message = handle_from(read_message_start(scene.input, KJA_HTTP_HEAD_REQUEST));
  kja_connection_t body = body_of(message);
  uint64_t said = 0;
  CHECK_OK(kja_http_message_body_length(message, &said));
  CHECK_U64(said, KJA_LENGTH_UNKNOWN);
  expect_text(read_all_start(body, 100), "abcde");
  CHECK_OK(kja_http_message_trailers(message, &trailers));
  CHECK_OK(kja_http_headers_get(trailers, "t", 1, value, sizeof value, &length, NULL));
  CHECK(length == 1 && value[0] == 'u');
  CHECK_OK(kja_http_headers_release(trailers));
  expect(write_text_start(body, "x"), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_message_release(message));
  expect_message(read_message_start(scene.input, KJA_HTTP_HEAD_REQUEST), "CONNECT h:1 HTTP/1.1\r\n\r\n", 0, "");
  /* What answers a HEAD has no body, whatever it says. */
  kja_promise_t reading = 0;
  CHECK_OK(kja_http_input_read_start(scene.input, KJA_HTTP_HEAD_RESPONSE, "HEAD", 4, &reading));
  write_text(scene.ends.writer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end");
  expect_message(reading, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0, "");
  shutdown_write(scene.ends.writer);
  expect_message(read_message_start(scene.input, KJA_HTTP_HEAD_RESPONSE), "HTTP/1.1 200 OK\r\n\r\n", KJA_LENGTH_UNKNOWN,
                 "to the end");
  scene_close(scene);
}

/* parity: HTTP-23 */
static void the_next_message_is_waited_for_and_not_taken(void) {
  scene_t scene = scene_open();
  kja_promise_t waiting = when_next_start(scene.input), second = 0;
  stays_pending(scene.runtime, waiting);
  CHECK_IS(kja_http_input_when_next_start(scene.input, &second), KJA_ERR_BUSY);
  write_text(scene.ends.writer, "\r\n");
  stays_pending(scene.runtime, waiting);
  write_text(scene.ends.writer, "Content-Length: 2\r\n\r\nhi");
  expect_u64(waiting, 1);
  expect_u64(when_next_start(scene.input), 1);
  kja_http_message_t message = handle_from(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS));
  /* Behind the body. */
  waiting = when_next_start(scene.input);
  stays_pending(scene.runtime, waiting);
  kja_connection_t body = body_of(message);
  expect_text(read_all_start(body, 100), "hi");
  shutdown_write(scene.ends.writer);
  expect_u64(waiting, 0);
  expect_u64(when_next_start(scene.input), 0);
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_message_release(message));
  scene_close(scene);
}

/* parity: HTTP-15, HTTP-20, HTTP-21, HTTP-22 */
static void what_is_no_message_ends_the_input(void) {
  static const struct {
    const char *text;
    uint32_t kind;
  } bad[] = {{"GET / HTTP/1.1\nA: b\r\n\r\n", KJA_HTTP_HEAD_REQUEST},
             {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", KJA_HTTP_HEAD_REQUEST},
             {"nonsense\r\n\r\n", KJA_HTTP_HEAD_FIELDS}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    scene_t scene = scene_open();
    write_text(scene.ends.writer, bad[i].text);
    expect(read_message_start(scene.input, bad[i].kind), KJA_ERR_FAILED);
    write_text(scene.ends.writer, "GET / HTTP/1.1\r\n\r\n");
    expect(read_message_start(scene.input, KJA_HTTP_HEAD_REQUEST), KJA_ERR_FAILED);
    expect(when_next_start(scene.input), KJA_ERR_FAILED);
    scene_close(scene);
  }
}

/* parity: HTTP-20, HTTP-21, HTTP-22 */
static void a_body_that_is_not_whole_says_so(void) {
  static const struct {
    const char *text;
    kja_status_t status;
  } bad[] = {{"Content-Length: 5\r\n\r\nhell", KJA_ERR_DISCONNECTED},
             {"Transfer-Encoding: chunked\r\n\r\n5\r\nhell", KJA_ERR_DISCONNECTED},
             {"Transfer-Encoding: chunked\r\n\r\n4\r\nhello", KJA_ERR_FAILED},
             {"Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n", KJA_ERR_FAILED}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    scene_t scene = scene_open();
    write_text(scene.ends.writer, bad[i].text);
    shutdown_write(scene.ends.writer);
    kja_http_message_t message = handle_from(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS));
    kja_connection_t body = body_of(message);
    expect(read_all_start(body, 100), bad[i].status);
    expect(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS), bad[i].status);
    CHECK_OK(kja_connection_release(body));
    CHECK_OK(kja_http_message_release(message));
    scene_close(scene);
  }
  /* One that is released: a read that waits for its end learns that it will never come. */
  scene_t scene = scene_open();
  write_text(scene.ends.writer, "Content-Length: 5\r\n\r\n");
  kja_http_message_t message = handle_from(read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS));
  kja_promise_t reading = read_message_start(scene.input, KJA_HTTP_HEAD_FIELDS);
  stays_pending(scene.runtime, reading);
  CHECK_OK(kja_http_message_release(message));
  expect_error(reading, KJA_ERR_FAILED, "not read to its end");
  scene_close(scene);
}

/* parity: HTTP-16 */
static void a_head_that_is_too_long_is_refused_before_it_ends(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = os_pipe_open(runtime);
  kja_http_head_options_t options;
  kja_http_input_t input = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.max_head = 100;
  CHECK_OK(kja_http_input_new(ends.reader, &options, &input));
  char line[101];
  memset(line, 'a', sizeof line);
  expect(write_start(ends.writer, line, 100), KJA_OK);
  expect_error(read_message_start(input, KJA_HTTP_HEAD_FIELDS), KJA_ERR_FAILED, "limit");
  CHECK_OK(kja_http_input_release(input));
  ends_release(ends);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(messages_without_a_first_line_follow_each_other);
  RUN_IN_BOTH(requests_and_responses_have_bodies_of_every_kind);
  RUN_IN_BOTH(the_next_message_is_waited_for_and_not_taken);
  RUN_IN_BOTH(what_is_no_message_ends_the_input);
  RUN_IN_BOTH(a_body_that_is_not_whole_says_so);
  RUN_IN_BOTH(a_head_that_is_too_long_is_refused_before_it_ends);
  return check_done();
}
