// SPDX-License-Identifier: MIT
// JSON text is the same for the same value, numbers survive it, and unsound text is refused with its place.
// Also the digest's known answers.
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/digest.h"
#include "nn/json.h"

static nn_json *parse(const char *text) {
    ag_error error = {0};
    nn_json *value = nn_json_parse(text, strlen(text), "a.json", AG_STATUS_DATA, &error);
    cr_assert(value, "%s: %s", text, error.text);
    return value;
}

static nn_json *sample(void) {
    nn_json *value = nn_json_object(), *list = nn_json_array();
    cr_assert(nn_json_append(list, nn_json_double(0.1)) && nn_json_append(list, nn_json_int(-7)) &&
              nn_json_append(list, nn_json_array()));
    cr_assert(nn_json_set(value, "zebra", nn_json_string("a \"b\"\n\xc3\xa4")) &&
              nn_json_set(value, "list", list) && nn_json_set(value, "yes", nn_json_bool(true)));
    return value;
}

Test(json, text_is_in_the_order_of_insertion_and_always_the_same) {
    nn_json *value = sample();
    char *text = nn_json_print(value), *pretty = nn_json_print_pretty(value);
    const char expected[] =
        "{\"zebra\":\"a \\\"b\\\"\\n\xc3\xa4\",\"list\":[0.10000000000000001,-7,[]],\"yes\":true}";
    cr_assert(strcmp(text, expected) == 0, "%s", text);
    cr_assert(pretty[strlen(pretty) - 1] == '\n' && strstr(pretty, "\n  \"list\": [\n"), "%s", pretty);
    nn_json *again = parse(pretty);
    char *same = nn_json_print(again);
    cr_assert(strcmp(text, same) == 0, "%s", same);
    free(text);
    free(pretty);
    free(same);
    nn_json_free(value);
    nn_json_free(again);
    nn_json_free(NULL);
}

Test(json, numbers_come_back_bit_for_bit) {
    const double doubles[] = {0.1, 1.0 / 3, -0.0, DBL_MAX, DBL_MIN, 5e-324, 1e22, 123456789.0};
    const int64_t ints[] = {0, -1, INT64_MAX, INT64_MIN};
    nn_json *list = nn_json_array();
    for (int i = 0; i < 8; i++) cr_assert(nn_json_append(list, nn_json_double(doubles[i])));
    for (int i = 0; i < 4; i++) cr_assert(nn_json_append(list, nn_json_int(ints[i])));
    char *text = nn_json_print(list);
    nn_json *back = parse(text);
    cr_assert(nn_json_count(back) == 12);
    for (int i = 0; i < 8; i++) {
        double number = 1;
        cr_assert(nn_json_read_double(nn_json_at(back, i), &number));
        cr_assert(memcmp(&number, &doubles[i], sizeof number) == 0, "%.17g became %.17g", doubles[i], number);
    }
    for (int i = 0; i < 4; i++) {
        int64_t number = 1;
        cr_assert(nn_json_read_int(nn_json_at(back, 8 + i), &number) && number == ints[i]);
    }
    free(text);
    nn_json_free(list);
    nn_json_free(back);
}

Test(json, values_that_json_cannot_hold_are_refused) {
    nn_json *value = nn_json_object();
    cr_assert(!nn_json_set(value, "a", nn_json_double(NAN)));
    cr_assert(!nn_json_set(value, "a", nn_json_double(INFINITY)));
    cr_assert(!nn_json_set(value, "a", nn_json_string("\xff")));
    cr_assert(!nn_json_set(value, "\xff", nn_json_int(1)));
    cr_assert(!nn_json_set(value, "a", NULL) && !nn_json_set(NULL, "a", nn_json_int(1)));
    cr_assert(!nn_json_append(value, nn_json_int(1)) && nn_json_count(value) == 0);
    nn_json_free(value);
}

Test(json, a_value_of_another_kind_leaves_the_output_alone) {
    nn_json *value = parse("{\"i\":3,\"d\":2.5,\"s\":\"x\",\"b\":false,\"n\":null}");
    const char *text = "kept";
    int64_t number = 77;
    double real = 77;
    bool truth = true;
    cr_assert(!nn_json_read_string(nn_json_get(value, "i"), &text) && strcmp(text, "kept") == 0);
    cr_assert(!nn_json_read_int(nn_json_get(value, "d"), &number) && number == 77);
    cr_assert(!nn_json_read_double(nn_json_get(value, "s"), &real) && real == 77);
    cr_assert(!nn_json_read_bool(nn_json_get(value, "n"), &truth) && truth);
    cr_assert(!nn_json_read_int(nn_json_get(value, "absent"), &number) && !nn_json_at(value, 0));
    cr_assert(nn_json_read_double(nn_json_get(value, "i"), &real) && real == 3);
    cr_assert(nn_json_read_bool(nn_json_get(value, "b"), &truth) && !truth);
    cr_assert(nn_json_is_object(value) && !nn_json_is_array(value) && !nn_json_is_object(NULL));
    cr_assert(nn_json_count(nn_json_get(value, "i")) == 0 && nn_json_count(NULL) == 0);
    nn_json_free(value);
}

Test(json, members_are_walked_in_their_order) {
    nn_json *value = parse("{\"z\":0,\"a\":1,\"m\":2}");
    const nn_json *member;
    int64_t i = 0, number;
    for (const char *key = NULL; nn_json_next(value, &key, &member); i++)
        cr_assert(key[0] == "zam"[i] && nn_json_read_int(member, &number) && number == i);
    cr_assert(i == 3);
    nn_json_free(value);
}

Test(json, unsound_text_is_refused_with_its_place) {
    const char *texts[] = {"",
                           "3",
                           "{\"a\":1,\"a\":2}",
                           "{} {}",
                           "[1,]",
                           "[NaN]",
                           "[1e400]",
                           "[99999999999999999999]",
                           "[\"\xc3\"]",
                           "[\"\\u0000\"]",
                           "{\n \"a\": }"};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        ag_error error = {0};
        cr_assert(!nn_json_parse(texts[k], strlen(texts[k]), "a.json", AG_STATUS_MODEL, &error), "%s",
                  texts[k]);
        cr_assert(
            error.status == AG_STATUS_MODEL && strstr(error.text, "'a.json'") && strstr(error.text, "line"),
            "%s", error.text);
    }
    ag_error error = {0};
    cr_assert(!nn_json_parse("[1]\0", 4, "a.json", AG_STATUS_DATA, &error), "a NUL was read over");
}

static void expect_digest(const void *bytes, size_t n, const char *expected) {
    char text[NN_DIGEST_TEXT];
    for (size_t cut = 0; cut <= n; cut++) {
        nn_digest *digest = nn_digest_create();
        nn_digest_append(digest, bytes, cut);
        nn_digest_append(digest, (const char *)bytes + cut, n - cut);
        cr_assert(strcmp(nn_digest_format(digest, text), expected) == 0, "%zu bytes cut at %zu: %s", n, cut,
                  text);
        nn_digest_free(digest);
    }
}

// From the reference program: xxhsum -H2.
Test(digest, known_answers_do_not_depend_on_how_the_bytes_are_cut) {
    char long_text[1000];
    memset(long_text, 'a', sizeof long_text);
    expect_digest("", 0, "99aa06d3014798d86001c324468d497f");
    expect_digest("abc", 3, "06b05ab6733a618578af5f94892f3950");
    expect_digest(long_text, sizeof long_text, "b01da365eddaa29cb3e7af627147db7c");
}
