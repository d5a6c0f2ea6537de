/* Heads and ranges of HTTP messages, read from bytes and printed. */
#include "check.h"

static kja_http_head_t parse(uint32_t kind, const char *text) {
  kja_http_head_t head = 0;
  CHECK_OK(kja_http_head_parse(text, strlen(text), kind, NULL, &head));
  return head;
}

static void expect_bytes(kja_http_head_t head, const char *expected) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_http_head_bytes(head, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == strlen(expected) && memcmp(data, expected, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}

typedef kja_status_t (*text_fn)(kja_http_head_t, char *, size_t, size_t *);

static void expect_text(text_fn get, kja_http_head_t head, const char *expected) {
  char text[100] = "";
  size_t length = 0;
  CHECK_OK(get(head, text, sizeof text, &length));
  CHECK(length == strlen(expected) && strcmp(text, expected) == 0);
}

static void expect_header(kja_http_head_t head, const char *name, const char *expected) {
  kja_http_headers_t headers = 0;
  char value[100];
  size_t length = 0;
  bool found = false;
  CHECK_OK(kja_http_head_headers(head, &headers));
  CHECK_OK(kja_http_headers_get(headers, name, strlen(name), value, sizeof value, &length, &found));
  CHECK(found && length == strlen(expected) && memcmp(value, expected, length) == 0);
  CHECK_OK(kja_http_headers_release(headers));
}

/* The last call has failed since its bytes, these, are no message, which is to be answered with this status. */
static void expect_protocol_error(uint32_t status, const void *raw, size_t raw_size) {
  kja_error_t error = 0;
  kja_bytes_t detail = 0;
  const void *data = NULL;
  size_t size = 0;
  char text[200] = "";
  CHECK_OK(kja_last_error_object(&error));
  CHECK_OK(kja_error_detail(error, KJA_HTTP_STATUS_DETAIL, &detail));
  CHECK_OK(kja_bytes_data(detail, &data, &size));
  if (CHECK(size == 2)) CHECK_U64(((const uint8_t *)data)[0] * 256 + ((const uint8_t *)data)[1], status);
  CHECK_OK(kja_bytes_release(detail));
  if (raw_size) {
    CHECK_OK(kja_error_detail(error, KJA_HTTP_RAW_DETAIL, &detail));
    CHECK_OK(kja_bytes_data(detail, &data, &size));
    CHECK(size == raw_size && memcmp(data, raw, size) == 0);
    CHECK_OK(kja_bytes_release(detail));
  }
  CHECK_OK(kja_error_text(error, text, sizeof text, &size));
  CHECK(size > 0 && strstr(text, "secret") == NULL);
  CHECK_OK(kja_error_release(error));
}

/* parity: HTTP-01, HTTP-02, HTTP-03, HTTP-05, HTTP-13, HTTP-14 */
static void a_request_is_read_and_printed(void) {
  kja_http_head_t head =
      parse(KJA_HTTP_HEAD_REQUEST, "PROPFIND /a?b=%20 HTTP/1.1\r\nhost:x\r\nX-Odd:\tspaced \t\r\nHost: y\r\n\r\n");
  uint32_t kind = 0, version = 0, status = 0;
  CHECK_OK(kja_http_head_kind(head, &kind));
  CHECK_U64(kind, KJA_HTTP_HEAD_REQUEST);
  CHECK_OK(kja_http_head_version(head, &version));
  CHECK_U64(version, KJA_HTTP_1_1);
  expect_text(kja_http_head_method, head, "PROPFIND");
  expect_text(kja_http_head_target, head, "/a?b=%20");
  expect_header(head, "x-odd", "spaced");
  expect_header(head, "HOST", "x, y");
  expect_bytes(head, "PROPFIND /a?b=%20 HTTP/1.1\r\nhost: x\r\nX-Odd: spaced\r\nHost: y\r\n\r\n");
  CHECK_IS(kja_http_head_status(head, &status), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_reason(head, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_head_release(head));

  /* Methods differ by case, and CONNECT is one of them. */
  head = parse(KJA_HTTP_HEAD_REQUEST, "get / HTTP/1.0\r\n\r\n");
  expect_text(kja_http_head_method, head, "get");
  CHECK_OK(kja_http_head_release(head));
  head = parse(KJA_HTTP_HEAD_REQUEST, "CONNECT example.com:443 HTTP/1.1\r\n\r\n");
  expect_text(kja_http_head_method, head, "CONNECT");
  expect_text(kja_http_head_target, head, "example.com:443");
  CHECK_OK(kja_http_head_release(head));
}

/* parity: HTTP-13, HTTP-14, HTTP-22 */
static void a_response_and_fields_alone_are_read_and_printed(void) {
  kja_http_head_t head = parse(KJA_HTTP_HEAD_RESPONSE, "HTTP/1.0 404 Not There\r\nA: b\r\n\r\n");
  uint32_t version = 0, status = 0, kind = 0;
  CHECK_OK(kja_http_head_status(head, &status));
  CHECK_U64(status, 404);
  CHECK_OK(kja_http_head_version(head, &version));
  CHECK_U64(version, KJA_HTTP_1_0);
  expect_text(kja_http_head_reason, head, "Not There");
  expect_bytes(head, "HTTP/1.0 404 Not There\r\nA: b\r\n\r\n");
  CHECK_IS(kja_http_head_method(head, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_head_release(head));

  head = parse(KJA_HTTP_HEAD_FIELDS, "Content-Length: 20\r\nContent-Type: x\r\n\r\n");
  CHECK_OK(kja_http_head_kind(head, &kind));
  CHECK_U64(kind, KJA_HTTP_HEAD_FIELDS);
  expect_header(head, "content-length", "20");
  expect_bytes(head, "Content-Length: 20\r\nContent-Type: x\r\n\r\n");
  CHECK_IS(kja_http_head_version(head, &version), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_head_release(head));
}

/* parity: HTTP-01, HTTP-02, HTTP-14 */
static void heads_are_made_and_printed(void) {
  kja_http_headers_t headers = 0;
  kja_http_head_t head = 0;
  CHECK_OK(kja_http_headers_new(&headers));
  CHECK_OK(kja_http_headers_set(headers, "Host", 4, "h", 1));
  CHECK_OK(kja_http_head_new_request("X-MINE", 6, "*", 1, KJA_HTTP_1_1, headers, &head));
  CHECK_OK(kja_http_headers_clear(headers)); /* which the head does not see */
  expect_bytes(head, "X-MINE * HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_OK(kja_http_head_release(head));
  CHECK_OK(kja_http_head_new_response(404, NULL, 0, KJA_HTTP_1_0, headers, &head));
  expect_bytes(head, "HTTP/1.0 404 Not Found\r\n\r\n");
  CHECK_OK(kja_http_head_release(head));
  CHECK_OK(kja_http_head_new_response(599, "", 0, KJA_HTTP_1_1, headers, &head));
  expect_bytes(head, "HTTP/1.1 599 \r\n\r\n");
  CHECK_OK(kja_http_head_release(head));

  CHECK_IS(kja_http_head_new_request("G T", 3, "/", 1, KJA_HTTP_1_1, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_request("GET", 3, "/ HTTP/1.1\r\nA:", 14, KJA_HTTP_1_1, headers, &head),
           KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_request("GET", 3, "", 0, KJA_HTTP_1_1, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_request("GET", 3, "/", 1, 20, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_response(99, NULL, 0, KJA_HTTP_1_1, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_response(65736, NULL, 0, KJA_HTTP_1_1, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_head_new_response(200, "a\r\nb", 4, KJA_HTTP_1_1, headers, &head), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(head, 0);
  CHECK_OK(kja_http_headers_release(headers));
}

/* parity: HTTP-13, HTTP-15 */
static void what_is_no_head_says_what_to_answer(void) {
  static const struct {
    const char *text;
    uint32_t kind, status;
  } bad[] = {{"GET /secret HTTP/1.1\nA: b\r\n\r\n", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret HTTP/1.1\r\nA: b\r\n c\r\n\r\n", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret HTTP/1.1\r\nA : b\r\n\r\n", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret HTTP/1.1\r\nA: b\r\n", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret HTTP/1.1\r\n\r\nmore", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret http/1.1\r\n\r\n", KJA_HTTP_HEAD_REQUEST, 400},
             {"GET /secret HTTP/2.0\r\n\r\n", KJA_HTTP_HEAD_REQUEST, 505},
             {"", KJA_HTTP_HEAD_REQUEST, 400},
             {"HTTP/1.1 20 secret\r\n\r\n", KJA_HTTP_HEAD_RESPONSE, 400},
             {"GET /secret HTTP/1.1\r\n\r\n", KJA_HTTP_HEAD_RESPONSE, 400},
             {"secret\r\n\r\n", KJA_HTTP_HEAD_FIELDS, 400}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kja_http_head_t head = 7;
    size_t size = strlen(bad[i].text);
    CHECK_IS(kja_http_head_parse(bad[i].text, size, bad[i].kind, NULL, &head), KJA_ERR_FAILED);
    CHECK_U64(head, 0);
    expect_protocol_error(bad[i].status, bad[i].text, size);
  }
  kja_http_headers_t headers = 0;
  CHECK_IS(kja_http_headers_parse("secret\r\n\r\n", 10, &headers), KJA_ERR_FAILED);
  expect_protocol_error(400, "secret\r\n\r\n", 10);
  kja_http_head_t head = 0;
  CHECK_IS(kja_http_head_parse("\r\n", 2, 9, NULL, &head), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: HTTP-16 */
static void a_head_has_limits_and_its_end_is_found(void) {
  const char *text = "GET /12345678 HTTP/1.1\r\na: 1\r\nb: 2\r\n\r\nbody";
  const size_t whole = strlen(text) - 4;
  kja_http_head_options_t options;
  kja_http_head_t head = 0;
  size_t length = 9;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  CHECK_OK(kja_http_head_length(text, whole - 1, NULL, &length));
  CHECK_U64(length, 0);
  CHECK_OK(kja_http_head_length(text, strlen(text), &options, &length));
  CHECK_U64(length, whole);
  options.max_head = whole;
  options.max_headers = 2;
  options.max_target = 9;
  CHECK_OK(kja_http_head_length(text, strlen(text), &options, &length));
  CHECK_OK(kja_http_head_parse(text, whole, KJA_HTTP_HEAD_REQUEST, &options, &head));
  CHECK_OK(kja_http_head_release(head));
  options.max_headers = 1;
  CHECK_IS(kja_http_head_parse(text, whole, KJA_HTTP_HEAD_REQUEST, &options, &head), KJA_ERR_FAILED);
  expect_protocol_error(431, text, whole);
  options.max_headers = 0;
  options.max_target = 8;
  CHECK_IS(kja_http_head_parse(text, whole, KJA_HTTP_HEAD_REQUEST, &options, &head), KJA_ERR_FAILED);
  expect_protocol_error(414, text, whole);
  options.max_target = 0;
  options.max_head = whole - 1;
  CHECK_IS(kja_http_head_parse(text, whole, KJA_HTTP_HEAD_REQUEST, &options, &head), KJA_ERR_FAILED);
  expect_protocol_error(431, text, whole);
  CHECK_IS(kja_http_head_length(text, whole, &options, &length), KJA_ERR_FAILED);
  expect_protocol_error(431, NULL, 0);
}

static void expect_framing(uint32_t kind, const char *text, const char *method, uint32_t framing, uint64_t length) {
  kja_http_head_t head = parse(kind, text);
  uint32_t got = 9;
  uint64_t got_length = 9;
  CHECK_OK(kja_http_head_body_framing(head, method, method ? strlen(method) : 0, &got, &got_length));
  CHECK(got == framing && got_length == length);
  CHECK_OK(kja_http_head_release(head));
}

static void expect_no_framing(uint32_t kind, const char *text, uint32_t status) {
  kja_http_head_t head = parse(kind, text);
  uint32_t framing = 9;
  CHECK_IS(kja_http_head_body_framing(head, NULL, 0, &framing, NULL), KJA_ERR_FAILED);
  expect_protocol_error(status, NULL, 0);
  CHECK_OK(kja_http_head_release(head));
}

/* parity: HTTP-18, HTTP-19, HTTP-20 */
static void a_head_says_how_its_body_ends(void) {
  const uint32_t request = KJA_HTTP_HEAD_REQUEST, response = KJA_HTTP_HEAD_RESPONSE;
  const uint64_t unknown = KJA_LENGTH_UNKNOWN;
  expect_framing(request, "POST / HTTP/1.1\r\n\r\n", NULL, KJA_HTTP_BODY_LENGTH, 0);
  expect_framing(request, "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", NULL, KJA_HTTP_BODY_LENGTH, 5);
  expect_framing(request, "GET / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", NULL, KJA_HTTP_BODY_CHUNKED, unknown);
  expect_no_framing(request, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400);
  expect_no_framing(request, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400);
  expect_no_framing(request, "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
  expect_no_framing(request, "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400);
  expect_no_framing(request, "GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400);
  expect_framing(response, "HTTP/1.1 200 OK\r\n\r\n", NULL, KJA_HTTP_BODY_UNTIL_CLOSE, unknown);
  expect_framing(response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", KJA_HTTP_BODY_LENGTH, 0);
  expect_framing(response, "HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n", NULL, KJA_HTTP_BODY_LENGTH, 0);
  expect_framing(response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", NULL, KJA_HTTP_BODY_UNTIL_CLOSE,
                 unknown);
  expect_no_framing(response, "HTTP/1.1 206 OK\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n", 400);
  expect_framing(KJA_HTTP_HEAD_FIELDS, "Content-Length: 20\r\n\r\n", NULL, KJA_HTTP_BODY_LENGTH, 20);
}

/* parity: HTTP-17 */
static void ranges_are_read_against_a_length(void) {
  kja_http_range_t ranges[2];
  uint32_t kind = 9;
  size_t count = 9;
  CHECK_OK(kja_http_range_parse("bytes=0-9, 90-200,-5,100-", 25, 100, ranges, 2, &count, &kind));
  CHECK(kind == KJA_HTTP_RANGE_SOME && count == 3);
  CHECK(ranges[0].start == 0 && ranges[0].end == 9 && ranges[1].start == 90 && ranges[1].end == 99);
  CHECK_OK(kja_http_range_parse("bytes=5-6,0-", 12, 100, ranges, 2, &count, &kind));
  CHECK(kind == KJA_HTTP_RANGE_EVERYTHING && count == 0);
  static const char *const bad[] = {"", "bytes=", "bytes=1-2,x", "bytes=5-4", "items=0-1", "bytes=100-", "bytes=-0"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_OK(kja_http_range_parse(bad[i], strlen(bad[i]), 100, NULL, 0, NULL, &kind));
    CHECK_U64(kind, KJA_HTTP_RANGE_UNSATISFIABLE);
  }
  CHECK_IS(kja_http_range_parse("bytes=0-9", 9, 100, NULL, 2, &count, &kind), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: HTTP-26 */
static void a_range_is_printed(void) {
  char text[50];
  size_t length = 0;
  CHECK_OK(kja_http_range_text(3, UINT64_MAX, text, sizeof text, &length));
  CHECK(length == 22 && strcmp(text, "3-18446744073709551615") == 0);
  CHECK_IS(kja_http_range_text(7, 3, text, sizeof text, &length), KJA_ERR_INVALID_ARGUMENT);
}

int main(void) {
  RUN(a_request_is_read_and_printed);
  RUN(a_response_and_fields_alone_are_read_and_printed);
  RUN(heads_are_made_and_printed);
  RUN(what_is_no_head_says_what_to_answer);
  RUN(a_head_has_limits_and_its_end_is_found);
  RUN(a_head_says_how_its_body_ends);
  RUN(ranges_are_read_against_a_length);
  RUN(a_range_is_printed);
  return check_done();
}
