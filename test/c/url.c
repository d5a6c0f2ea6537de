/* URLs: what they are read into and written from. */
#include "check.h"

static kja_url_t parse(const char *text, uint32_t context, uint32_t flags) {
  kja_url_t url = 0;
  CHECK_OK(kja_url_parse(text, strlen(text), context, flags, &url));
  return url;
}

static void expect_text(kja_url_t url, uint32_t context, const char *expected) {
  char text[300] = "";
  size_t length = 0;
  CHECK_OK(kja_url_text(url, context, text, sizeof text, &length));
  if (!CHECK(length == strlen(expected) && memcmp(text, expected, length) == 0)) fprintf(stderr, "  %s\n", text);
}

static void expect_part(kja_url_t url, uint32_t part, const char *expected) {
  char text[100] = "";
  size_t length = 0;
  bool found = false;
  CHECK_OK(kja_url_get(url, part, text, sizeof text, &length, &found));
  CHECK(found == (expected != NULL));
  if (expected) CHECK(length == strlen(expected) && memcmp(text, expected, length) == 0);
}

/* parity: URL-01, URL-02, URL-05, URL-07, URL-08 */
static void a_link_is_read_into_parts_and_written_back(void) {
  const char *whole = "https://bob:s%20c@example.com:80/a/b%2Fc/?x=1&y&z=#frag";
  kja_url_t url = parse("HTTPS://bob:s%20c@Example.COM:80/a/./b%2Fc/?x=1&y&z=#frag", KJA_URL_REMOTE_HREF, 0);
  char name[20], value[20];
  size_t count = 0, name_length = 0, value_length = 0;
  bool yes = false;
  expect_part(url, KJA_URL_SCHEME, "https");
  expect_part(url, KJA_URL_HOST, "example.com:80");
  expect_part(url, KJA_URL_USER, "bob");
  expect_part(url, KJA_URL_PASSWORD, "s c");
  expect_part(url, KJA_URL_FRAGMENT, "frag");
  CHECK_OK(kja_url_path_count(url, &count));
  CHECK_U64(count, 2);
  CHECK_OK(kja_url_path_at(url, 1, name, sizeof name, &name_length));
  CHECK(name_length == 3 && memcmp(name, "b/c", 3) == 0);
  CHECK_IS(kja_url_path_at(url, 2, name, sizeof name, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_url_trailing_slash(url, &yes));
  CHECK(yes);
  CHECK_OK(kja_url_query_count(url, &count));
  CHECK_U64(count, 3);
  CHECK_OK(kja_url_query_at(url, 1, name, sizeof name, &name_length, value, sizeof value, &value_length, &yes));
  CHECK(name_length == 1 && name[0] == 'y' && value_length == 0 && !yes);
  CHECK_OK(kja_url_query_at(url, 2, name, sizeof name, &name_length, value, sizeof value, &value_length, &yes));
  CHECK(name_length == 1 && name[0] == 'z' && value_length == 0 && yes);
  CHECK_IS(kja_url_query_at(url, 3, NULL, 0, NULL, NULL, 0, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  expect_text(url, KJA_URL_REMOTE_HREF, whole);
  expect_text(url, KJA_URL_HTTP_PROXY_REQUEST, "https://example.com:80/a/b%2Fc/?x=1&y&z=");
  expect_text(url, KJA_URL_HTTP_REQUEST, "/a/b%2Fc/?x=1&y&z=");
  CHECK_OK(kja_url_release(url));
}

/* parity: URL-02, URL-03, URL-04 */
static void what_is_no_url_in_its_context_is_refused(void) {
  static const struct {
    const char *text;
    uint32_t context;
  } bad[] = {{"", KJA_URL_REMOTE_HREF},
             {"/a", KJA_URL_REMOTE_HREF},
             {"mailto:a@b", KJA_URL_REMOTE_HREF},
             {"http://h/%zz", KJA_URL_REMOTE_HREF},
             {"http://a b/", KJA_URL_REMOTE_HREF},
             {"http://u@h/", KJA_URL_HTTP_PROXY_REQUEST},
             {"http://h#f", KJA_URL_HTTP_PROXY_REQUEST},
             {"a", KJA_URL_HTTP_REQUEST},
             {"http://h/", KJA_URL_HTTP_REQUEST},
             {"http://h/", 3}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kja_url_t url = 7;
    CHECK_IS(kja_url_parse(bad[i].text, strlen(bad[i].text), bad[i].context, 0, &url), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(url, 0);
  }
  kja_url_t url = 0;
  CHECK_IS(kja_url_parse("http://h", 8, 0, 4, &url), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_url_parse("\xff", 1, 0, 0, &url), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: URL-06, URL-11 */
static void references_are_resolved_and_copies_change_alone(void) {
  kja_url_t base = parse("http://h/x/y/z?q", KJA_URL_REMOTE_HREF, 0), other = 0, copy = 0;
  CHECK_OK(kja_url_parse_relative(base, "../../../w?r#s", 14, &other));
  expect_text(other, KJA_URL_REMOTE_HREF, "http://h/w?r#s");
  CHECK_OK(kja_url_clone(base, &copy));
  CHECK_OK(kja_url_path_append(copy, "more", 4));
  expect_text(copy, KJA_URL_REMOTE_HREF, "http://h/x/y/z/more?q");
  expect_text(base, KJA_URL_REMOTE_HREF, "http://h/x/y/z?q");
  CHECK_OK(kja_url_release(other));
  CHECK_OK(kja_url_release(copy));
  CHECK_OK(kja_url_release(base));
}

/* parity: URL-01, URL-05, URL-08 */
static void a_url_is_made_part_by_part(void) {
  kja_url_t url = 0;
  CHECK_OK(kja_url_new(0, &url));
  CHECK_OK(kja_url_set(url, KJA_URL_SCHEME, "HTTP", 4));
  CHECK_OK(kja_url_set(url, KJA_URL_HOST, "H:1", 3));
  CHECK_OK(kja_url_path_append(url, "a b", 3));
  CHECK_OK(kja_url_set_trailing_slash(url, true));
  CHECK_OK(kja_url_query_append(url, "k&", 2, "v=", 2));
  CHECK_OK(kja_url_query_append(url, "none", 4, NULL, 0));
  CHECK_OK(kja_url_set(url, KJA_URL_PASSWORD, "p", 1));
  CHECK_OK(kja_url_set(url, KJA_URL_FRAGMENT, "f", 1));
  expect_text(url, KJA_URL_REMOTE_HREF, "http://:p@h:1/a%20b/?k%26=v%3D&none#f");
  CHECK_OK(kja_url_set(url, KJA_URL_USER, NULL, 0));
  CHECK_OK(kja_url_set(url, KJA_URL_FRAGMENT, NULL, 0));
  CHECK_OK(kja_url_query_clear(url));
  CHECK_OK(kja_url_path_clear(url));
  expect_text(url, KJA_URL_REMOTE_HREF, "http://h:1/");
  CHECK_OK(kja_url_path_append(url, "..", 2));
  CHECK_IS(kja_url_text(url, KJA_URL_REMOTE_HREF, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_url_set(url, 9, NULL, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_url_release(url));
}

/* parity: URL-09, URL-10 */
static void escapes_and_empty_parts_may_be_kept(void) {
  kja_url_t url = parse("http://h//a%2fb//?&x&", KJA_URL_REMOTE_HREF, KJA_URL_KEEP_ESCAPES | KJA_URL_ALLOW_EMPTY);
  expect_text(url, KJA_URL_REMOTE_HREF, "http://h//a%2fb//?&x&");
  CHECK_OK(kja_url_release(url));
  url = parse("http://h//a%2fb//?&x&", KJA_URL_REMOTE_HREF, 0);
  expect_text(url, KJA_URL_REMOTE_HREF, "http://h/a%2Fb/?x");
  CHECK_OK(kja_url_release(url));
}

int main(void) {
  RUN(a_link_is_read_into_parts_and_written_back);
  RUN(what_is_no_url_in_its_context_is_refused);
  RUN(references_are_resolved_and_copies_change_alone);
  RUN(a_url_is_made_part_by_part);
  RUN(escapes_and_empty_parts_may_be_kept);
  return check_done();
}
