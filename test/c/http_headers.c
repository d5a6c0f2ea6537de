/* Headers of HTTP messages. */
#include "check.h"

static void set(kja_http_headers_t headers, const char *name, const char *value) {
  CHECK_OK(kja_http_headers_set(headers, name, strlen(name), value, strlen(value)));
}
static void append(kja_http_headers_t headers, const char *name, const char *value) {
  CHECK_OK(kja_http_headers_append(headers, name, strlen(name), value, strlen(value)));
}
static void expect_value(kja_http_headers_t headers, const char *name, const char *expected) {
  char value[100];
  size_t length = 99;
  bool found = !expected;
  CHECK_OK(kja_http_headers_get(headers, name, strlen(name), value, sizeof value, &length, &found));
  CHECK(found == (expected != NULL));
  if (expected) CHECK(length == strlen(expected) && memcmp(value, expected, length) == 0);
}
static void expect_lines(kja_http_headers_t headers, const char *expected) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_http_headers_bytes(headers, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == strlen(expected) && memcmp(data, expected, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}

/* parity: HTTP-04, HTTP-05, HTTP-07, HTTP-08, HTTP-09, HTTP-10 */
static void fields_are_set_appended_removed_and_kept_in_order(void) {
  kja_http_headers_t headers = 0, copy = 0;
  char name[10], value[10];
  size_t count = 0, name_length = 0, value_length = 0;
  CHECK_OK(kja_http_headers_new(&headers));
  append(headers, "B", "1");
  append(headers, "a", "2");
  append(headers, "b", "3");
  append(headers, "Set-Cookie", "x");
  append(headers, "Set-Cookie", "y");
  expect_value(headers, "b", "1, 3");
  expect_value(headers, "SET-COOKIE", "x");
  expect_value(headers, "none", NULL);
  CHECK_OK(kja_http_headers_at(headers, 4, name, sizeof name, &name_length, value, sizeof value, &value_length));
  CHECK(name_length == 10 && value_length == 1 && value[0] == 'y');
  CHECK_IS(kja_http_headers_at(headers, 5, NULL, 0, NULL, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_headers_clone(headers, &copy));
  set(headers, "B", "4");
  CHECK_OK(kja_http_headers_remove(headers, "set-cookie", 10, &count));
  CHECK_U64(count, 2);
  CHECK_OK(kja_http_headers_count(headers, &count));
  CHECK_U64(count, 2);
  expect_lines(headers, "B: 4\r\na: 2\r\n\r\n");
  CHECK_OK(kja_http_headers_clear(headers));
  expect_lines(headers, "\r\n");
  CHECK_OK(kja_http_headers_count(copy, &count));
  CHECK_U64(count, 5);
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_OK(kja_http_headers_release(copy));
}

/* parity: HTTP-11 */
static void what_would_break_out_of_its_line_is_refused(void) {
  static const char *const bad_names[] = {"", "a b", "a:", "a\n", "\xc3\xa9"};
  kja_http_headers_t headers = 0;
  size_t count = 9;
  CHECK_OK(kja_http_headers_new(&headers));
  for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
    const char *name = bad_names[i];
    CHECK_IS(kja_http_headers_set(headers, name, strlen(name), "v", 1), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(kja_http_headers_append(headers, name, strlen(name), "v", 1), KJA_ERR_INVALID_ARGUMENT);
  }
  CHECK_IS(kja_http_headers_set(headers, "a", 1, "x\ry", 3), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_headers_set(headers, "a", 1, "x\ny", 3), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_headers_set(headers, "a", 1, "x\0y", 3), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_headers_set(headers, "a", 1, NULL, 3), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_headers_count(headers, &count));
  CHECK_U64(count, 0);
  set(headers, "a", "\x01\t\xff");
  expect_value(headers, "A", "\x01\t\xff");
  CHECK_OK(kja_http_headers_release(headers));
}

/* parity: HTTP-12, HTTP-22 */
static void lines_are_read(void) {
  kja_http_headers_t headers = 0;
  bool yes = false;
  const char *lines = "Content-Length:  5 \r\nUpgrade: h2c, WebSocket\r\n\r\n";
  CHECK_OK(kja_http_headers_parse(lines, strlen(lines), &headers));
  expect_value(headers, "content-length", "5");
  CHECK_OK(kja_http_headers_is_websocket(headers, &yes));
  CHECK(yes);
  CHECK_OK(kja_http_headers_release(headers));
  static const char *const bad[] = {"", "a: b\r\n", "a: b\n\n", "a : b\r\n\r\n", "a: b\r\n c\r\n\r\n", "\r\n\r\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_IS(kja_http_headers_parse(bad[i], strlen(bad[i]), &headers), KJA_ERR_FAILED);
    CHECK_U64(headers, 0);
  }
}

int main(void) {
  RUN(fields_are_set_appended_removed_and_kept_in_order);
  RUN(what_would_break_out_of_its_line_is_refused);
  RUN(lines_are_read);
  return check_done();
}
