#include "check.h"

typedef kja_status_t encode_fn(const void *, size_t, char *, size_t, size_t *);
typedef kja_status_t decode_fn(const char *, size_t, void *, size_t, size_t *, bool *);

static kja_status_t base64_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_base64_encode(data, size, false, buffer, capacity, length);
}
static kja_status_t base64_encode_lines(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_base64_encode(data, size, true, buffer, capacity, length);
}
static kja_status_t component_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_percent_encode(data, size, KJA_PERCENT_COMPONENT, buffer, capacity, length);
}
static kja_status_t fragment_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_percent_encode(data, size, KJA_PERCENT_FRAGMENT, buffer, capacity, length);
}
static kja_status_t path_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_percent_encode(data, size, KJA_PERCENT_PATH, buffer, capacity, length);
}
static kja_status_t user_info_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_percent_encode(data, size, KJA_PERCENT_USER_INFO, buffer, capacity, length);
}
static kja_status_t form_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_percent_encode(data, size, KJA_PERCENT_FORM, buffer, capacity, length);
}
static kja_status_t percent_decode(const char *text, size_t size, void *buffer, size_t capacity, size_t *length, bool *errors) {
  return kja_percent_decode(text, size, false, buffer, capacity, length, errors);
}
static kja_status_t form_decode(const char *text, size_t size, void *buffer, size_t capacity, size_t *length, bool *errors) {
  return kja_percent_decode(text, size, true, buffer, capacity, length, errors);
}
static kja_status_t c_escape_encode(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_c_escape_encode(data, size, false, buffer, capacity, length);
}
static kja_status_t c_escape_encode_binary(const void *data, size_t size, char *buffer, size_t capacity, size_t *length) {
  return kja_c_escape_encode(data, size, true, buffer, capacity, length);
}

static const struct {
  encode_fn *encode;
  decode_fn *decode;
  /* What is encoded, what that gives, a text with an error, and what that is repaired to. */
  const char *data, *text, *malformed, *repaired;
} FAMILIES[] = {
    {kja_hex_encode, kja_hex_decode, "KJ\x1f", "4b4a1f", "4B4", "K@"},
    {base64_encode, kja_base64_decode, "foob~~", "Zm9vYn5+", "Zm.9vYg=", "foob"},
    {base64_encode_lines, kja_base64_decode, "foob", "Zm9vYg==\n", "Z", ""},
    {kja_base64_encode_url, kja_base64_decode_url, "foob~~~~", "Zm9vYn5-fn4", "Zm9v+", "foo"},
    {component_encode, percent_decode, "a b/(c)+", "a%20b%2F(c)%2B", "%zz%41", "%zzA"},
    {fragment_encode, percent_decode, "a b/{`}%", "a%20b/{%60}%25", "50%", "50%"},
    {path_encode, percent_decode, "a b/\\:@", "a%20b%2F%5C:@", "%4", "%4"},
    {user_info_encode, percent_decode, "a b:@!", "a%20b%3A%40!", "%", "%"},
    {form_encode, form_decode, "a b+c~", "a+b%2Bc%7E", "a+%", "a %"},
    {c_escape_encode, kja_c_escape_decode, "a\t\033" "1\"\xc3\xa9", "a\\t\\0331\\\"\xc3\xa9", "\\400\\q\\", NULL},
    {c_escape_encode_binary, kja_c_escape_decode, "a\t\033" "1\"\xc3\xa9", "a\\t\\0331\\\"\\303\\251", "\\xg\\", "xg"},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* parity: ENC-01, ENC-05, ENC-06, ENC-07, ENC-08, ENC-09, ENC-10, ENC-11, ENC-12, ENC-13 */
static void each_family_has_its_text(void) {
  for (size_t n = 0; n < COUNT(FAMILIES); n++) {
    char got[64];
    size_t length = 99;
    bool errors = true;
    CHECK_OK(FAMILIES[n].encode(FAMILIES[n].data, strlen(FAMILIES[n].data), got, sizeof got, &length));
    if (!CHECK(strcmp(got, FAMILIES[n].text) == 0)) fprintf(stderr, "  %s, not %s\n", got, FAMILIES[n].text);
    CHECK_U64(length, strlen(FAMILIES[n].text));
    CHECK_OK(FAMILIES[n].decode(FAMILIES[n].text, strlen(FAMILIES[n].text), got, sizeof got, &length, &errors));
    if (!CHECK(strcmp(got, FAMILIES[n].data) == 0)) fprintf(stderr, "  %s, not %s\n", got, FAMILIES[n].data);
    CHECK_U64(length, strlen(FAMILIES[n].data));
    CHECK(!errors);
    const char *malformed = FAMILIES[n].malformed;
    CHECK_OK(FAMILIES[n].decode(malformed, strlen(malformed), got, sizeof got, &length, &errors));
    CHECK(errors);
    if (!FAMILIES[n].repaired) {
      CHECK(length == 2 && memcmp(got, "\0q", 3) == 0);
    } else if (!CHECK(length == strlen(got) && strcmp(got, FAMILIES[n].repaired) == 0)) {
      fprintf(stderr, "  %s, not %s\n", got, FAMILIES[n].repaired);
    }
  }
}

/* parity: ENC-05, ENC-06, ENC-07, ENC-08, ENC-09, ENC-10, ENC-11, ENC-12, ENC-13 */
static void decoding_undoes_encoding(void) {
  unsigned char data[256], got[257];
  char text[4 * sizeof data + 1];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 167 + 41);
  for (size_t n = 0; n < COUNT(FAMILIES); n++) {
    for (size_t size = 0; size <= sizeof data; size++) {
      size_t text_length = 0, length = 0;
      bool errors = true;
      CHECK_OK(FAMILIES[n].encode(data, size, text, sizeof text, &text_length));
      CHECK(text[text_length] == 0);
      CHECK_OK(FAMILIES[n].decode(text, text_length, got, sizeof got, &length, &errors));
      CHECK(length == size && !errors && memcmp(got, data, size) == 0 && got[size] == 0);
    }
  }
}

/* parity: ENC-09 */
static void results_are_cut_to_the_capacity(void) {
  for (size_t n = 0; n < COUNT(FAMILIES); n++) {
    const char *text = FAMILIES[n].text, *data = FAMILIES[n].data;
    const size_t text_length = strlen(text), size = strlen(data);
    for (size_t capacity = 0; capacity <= text_length + 1; capacity++) {
      /* Of its exact size, so that valgrind sees a byte too many. */
      char *room = capacity ? (char *)malloc(capacity) : NULL;
      size_t length = 99;
      CHECK_OK(FAMILIES[n].encode(data, size, room, capacity, &length));
      CHECK_U64(length, text_length);
      CHECK(capacity == 0 || (memcmp(room, text, capacity - 1) == 0 && room[capacity - 1] == 0));
      if (capacity <= size + 1) {
        CHECK_OK(FAMILIES[n].decode(text, text_length, room, capacity, &length, NULL));
        CHECK_U64(length, size);
        CHECK(capacity == 0 || memcmp(room, data, capacity) == 0);
      }
      free(room);
    }
    CHECK_OK(FAMILIES[n].encode(NULL, 0, NULL, 0, NULL));
    CHECK_OK(FAMILIES[n].decode(NULL, 0, NULL, 0, NULL, NULL));
    CHECK_IS(FAMILIES[n].encode(NULL, 1, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(FAMILIES[n].decode(NULL, 1, NULL, 0, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(FAMILIES[n].encode("x", 1, NULL, 1, NULL), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(FAMILIES[n].decode("x", 1, NULL, 1, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(FAMILIES[n].decode("x", SIZE_MAX, NULL, 0, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  }
  CHECK_IS(kja_percent_encode("x", 1, 5, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: ENC-11 */
static void lines_have_72_columns(void) {
  static const unsigned char data[109] = {0};
  char text[160];
  size_t length = 0;
  CHECK_OK(kja_base64_encode(data, sizeof data, true, text, sizeof text, &length));
  CHECK_U64(length, 73 + 73 + 5);
  CHECK(text[72] == '\n' && text[145] == '\n' && strcmp(text + 146, "AA==\n") == 0);
  CHECK_OK(kja_base64_encode(data, 54, true, text, sizeof text, &length));
  CHECK(length == 73 && text[72] == '\n');
}

/* parity: ENC-02, ENC-03 */
static void texts_go_through_utf16_and_utf32(void) {
  static const char text[] = "A\xc3\xa9\xf0\x9f\x98\x80";
  static const uint16_t units[] = {0x41, 0xe9, 0xd83d, 0xde00, 0};
  static const uint32_t codes[] = {0x41, 0xe9, 0x1f600, 0};
  uint16_t units_got[5];
  uint32_t codes_got[4];
  char got[sizeof text];
  size_t length = 0;
  bool errors = true;
  CHECK_OK(kja_utf16_encode(text, strlen(text), units_got, 5, &length, &errors));
  CHECK(length == 4 && !errors && memcmp(units_got, units, sizeof units) == 0);
  CHECK_OK(kja_utf16_decode(units, 4, got, sizeof got, &length, &errors));
  CHECK(length == strlen(text) && !errors && strcmp(got, text) == 0);
  errors = true;
  CHECK_OK(kja_utf32_encode(text, strlen(text), codes_got, 4, &length, &errors));
  CHECK(length == 3 && !errors && memcmp(codes_got, codes, sizeof codes) == 0);
  CHECK_OK(kja_utf32_decode(codes, 3, got, sizeof got, &length, &errors));
  CHECK(length == strlen(text) && !errors && strcmp(got, text) == 0);
  /* Cut, with the closing 0. */
  CHECK_OK(kja_utf16_encode(text, strlen(text), units_got, 2, &length, NULL));
  CHECK(length == 4 && units_got[0] == 0x41 && units_got[1] == 0);
  CHECK_OK(kja_utf32_encode(text, strlen(text), codes_got, 1, &length, NULL));
  CHECK(length == 3 && codes_got[0] == 0);
  CHECK_OK(kja_utf16_decode(units, 4, got, 3, &length, NULL));
  CHECK(length == strlen(text) && strcmp(got, "A\xc3") == 0);
  CHECK_OK(kja_utf32_decode(NULL, 0, NULL, 0, NULL, NULL));
  CHECK_IS(kja_utf16_encode("x", 1, NULL, 1, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_utf16_decode(NULL, 1, got, 3, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_utf32_decode(codes, SIZE_MAX / 4, got, 3, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: ENC-01, ENC-02, ENC-03 */
static void unpaired_surrogates_survive_and_the_rest_is_replaced(void) {
  static const uint16_t units[] = {0xde00, 0x41, 0xd83d};
  static const uint32_t codes[] = {0xd800, 0x110000, 0x41};
  char got[16];
  uint16_t units_got[8];
  size_t length = 0;
  bool errors = false;
  CHECK_OK(kja_utf16_decode(units, 3, got, sizeof got, &length, &errors));
  CHECK(errors && strcmp(got, "\xed\xb8\x80" "A\xed\xa0\xbd") == 0);
  errors = false;
  CHECK_OK(kja_utf16_encode(got, length, units_got, 8, &length, &errors));
  CHECK(errors && length == 3 && memcmp(units_got, units, sizeof units) == 0);
  errors = false;
  CHECK_OK(kja_utf16_encode("\xe2\x82" "A\xff", 4, units_got, 8, &length, &errors));
  CHECK(errors && length == 3 && units_got[0] == 0xfffd && units_got[1] == 0x41 && units_got[2] == 0xfffd);
  errors = false;
  CHECK_OK(kja_utf32_decode(codes, 3, got, sizeof got, &length, &errors));
  CHECK(errors && strcmp(got, "\xed\xa0\x80\xef\xbf\xbd" "A") == 0);
}

int main(void) {
  RUN(each_family_has_its_text);
  RUN(decoding_undoes_encoding);
  RUN(results_are_cut_to_the_capacity);
  RUN(lines_have_72_columns);
  RUN(texts_go_through_utf16_and_utf32);
  RUN(unpaired_surrogates_survive_and_the_rest_is_replaced);
  return check_done();
}
