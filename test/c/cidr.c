#include "loopback.h"

static void expect_block(const char *text, const char *shown, uint32_t family, uint32_t specificity) {
  char got[80] = "";
  size_t length = 0;
  uint32_t number = 99;
  CHECK_OK(kja_cidr_text(text, strlen(text), got, sizeof got, &length));
  if (!CHECK(strcmp(got, shown) == 0)) fprintf(stderr, "  %s, not %s\n", got, shown);
  CHECK_U64(length, strlen(shown));
  CHECK_OK(kja_cidr_family(text, strlen(text), &number));
  CHECK_U64(number, family);
  CHECK_OK(kja_cidr_specificity(text, strlen(text), &number));
  CHECK_U64(number, specificity);
}

/* parity: CIDR-01, CIDR-02 */
static void blocks_are_read_and_shown(void) {
  expect_block("10.1.2.3/8", "10.0.0.0/8", KJA_FAMILY_IPV4, 8);
  expect_block("1.2.3.4/32", "1.2.3.4/32", KJA_FAMILY_IPV4, 32);
  expect_block("255.255.255.255/0", "0.0.0.0/0", KJA_FAMILY_IPV4, 0);
  expect_block("192.168.255.129/25", "192.168.255.128/25", KJA_FAMILY_IPV4, 25);
  expect_block("2001:db8:ffff::1/35", "2001:db8:e000::/35", KJA_FAMILY_IPV6, 35);
  expect_block("::1/128", "::1/128", KJA_FAMILY_IPV6, 128);
  expect_block("ffff::/0", "::/0", KJA_FAMILY_IPV6, 0);
}

/* parity: CIDR-01 */
static void blocks_are_made_from_bytes(void) {
  static const unsigned char four[4] = {10, 1, 2, 3}, six[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff};
  char text[80] = "";
  CHECK_OK(kja_cidr_text_of(four, sizeof four, 16, text, sizeof text, NULL));
  CHECK(strcmp(text, "10.1.0.0/16") == 0);
  CHECK_OK(kja_cidr_text_of(six, sizeof six, 36, text, sizeof text, NULL));
  CHECK(strcmp(text, "2001:db8:f000::/36") == 0);
  CHECK_IS(kja_cidr_text_of(four, sizeof four, 33, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_cidr_text_of(six, sizeof six, 129, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_cidr_text_of(six, 5, 1, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_cidr_text_of(NULL, 4, 1, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: CIDR-01 */
static void what_is_no_block_is_refused(void) {
  static const char *const bad[] = {"", "/", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8",
                                    "::/129", "::/999999999999", "::1/x", "[::1]/8", "name/8", "1.2.3.4/8 "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    uint32_t out = 7;
    CHECK_IS(kja_cidr_text(bad[i], strlen(bad[i]), NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(kja_cidr_family(bad[i], strlen(bad[i]), &out), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(kja_cidr_specificity(bad[i], strlen(bad[i]), &out), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(out, 7);
  }
  CHECK_IS(kja_cidr_text(NULL, 4, NULL, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
}

static const struct {
  const char *block, *ip;
  bool matches;
} CASES[] = {
    {"10.0.0.0/8", "10.255.0.1", true},        {"10.0.0.0/8", "11.0.0.1", false},
    {"10.0.0.0/8", "::ffff:10.1.1.1", true},   {"10.0.0.0/8", "::ffff:11.1.1.1", false},
    {"0.0.0.0/0", "::1", false},               {"::/0", "1.2.3.4", false},
    {"::/0", "::ffff:1.2.3.4", true},          {"127.0.0.1/32", "127.0.0.1", true},
    {"127.0.0.1/32", "127.0.0.2", false},      {"fe80::/10", "febf::1", true},
    {"fe80::/10", "fec0::1", false},
};

/* parity: CIDR-02 */
static void blocks_match_texts_and_addresses(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    const char *block = CASES[i].block, *ip = CASES[i].ip;
    kja_address_t address = address_of(runtime, ip, 80);
    bool text_matches = !CASES[i].matches, address_matches = !CASES[i].matches;
    CHECK_OK(kja_cidr_matches_text(block, strlen(block), ip, strlen(ip), &text_matches));
    CHECK_OK(kja_cidr_matches(block, strlen(block), address, &address_matches));
    CHECK(text_matches == CASES[i].matches);
    CHECK(address_matches == CASES[i].matches);
    CHECK_OK(kja_address_release(address));
  }
  runtime_close(runtime);
}

/* parity: CIDR-02 */
static void an_address_matches_with_all_that_it_stands_for(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t two = address_of(runtime, "127.0.0.1:1,127.0.0.2:1", 0), path = address_of(runtime, "unix:/x", 0);
  bool matches = false;
  CHECK_OK(kja_cidr_matches("127.0.0.0/8", 11, two, &matches));
  CHECK(matches);
  CHECK_OK(kja_cidr_matches("127.0.0.1/32", 12, two, &matches));
  CHECK(!matches);
  matches = true;
  CHECK_OK(kja_cidr_matches("::/0", 4, path, &matches));
  CHECK(!matches);
  CHECK_IS(kja_cidr_matches("x", 1, two, &matches), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_cidr_matches_text("::/0", 4, "localhost", 9, &matches), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_release(two));
  CHECK_OK(kja_address_release(path));
  runtime_close(runtime);
}

int main(void) {
  RUN(blocks_are_read_and_shown);
  RUN(blocks_are_made_from_bytes);
  RUN(what_is_no_block_is_refused);
  RUN_IN_BOTH(blocks_match_texts_and_addresses);
  RUN_IN_BOTH(an_address_matches_with_all_that_it_stands_for);
  return check_done();
}
