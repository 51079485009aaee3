// SPDX-License-Identifier: MIT
// Model files come back bit for bit, and any other bit, cut or lie in them is refused before it is believed.
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nn/format.h"
#include "tests/support/scratch.h"

TestSuite(safetensors, .init = scratch_create, .fini = scratch_remove);

#define FILE_NAME "m.safetensors"

static const nn_format_params foreign = {.unverified = true};

// Bit patterns: NaNs with payloads, quiet and signalling, both zeros, subnormals, infinities.
static const uint32_t bits32[] = {0x7fc12345, 0x7f800001, 0xffc00000, 0x80000000, 0x00000001, 0x7f800000};
static const uint64_t bits64[] = {0x7ff8123456789abc, 0x7ff0000000000001, 0x8000000000000000, 1};
static const uint8_t bytes8[] = {0, 255, 7, 8, 9};

static nn_format_tensor sample_tensors[] = {
    {"generator/dense/kernel", NN_FORMAT_F32, {2, {2, 3}}, bits32},
    {"bytes", NN_FORMAT_U8, {1, {5}}, bytes8},
    {"weights äöü 重み", NN_FORMAT_F64, {3, {1, 2, 2}}, bits64},
    {"scalar", NN_FORMAT_F32, {0, {0}}, bits32 + 1},
    {"rank six", NN_FORMAT_F64, {6, {1, 2, 1, 2, 1, 1}}, bits64},
};
static nn_format_entry sample_metadata[] = {{"config", "{\"z_dim\":100,\"name\":\"a \\\"quoted\\\" one\"}"},
                                            {"step", "12"},
                                            {"empty", ""},
                                            {"lines", "a\nb\tß"}};
static const nn_format_content sample = {
    .tensors = sample_tensors, .n_tensors = 5, .metadata = sample_metadata, .n_metadata = 4};

static void save(const nn_format_content *content) {
    ag_error error = {0};
    cr_assert(nn_format_save(scratch_path(FILE_NAME), content, &error), "%s", error.text);
}

static nn_format_content *load(const nn_format_params *params) {
    ag_error error = {0};
    nn_format_content *content = nn_format_load(scratch_path(FILE_NAME), params, &error);
    cr_assert(content, "%s", error.text);
    return content;
}

static void expect_refusal(const nn_format_params *params, const char *rule, const char *what, size_t at) {
    ag_error error = {0};
    nn_format_content *content = nn_format_load(scratch_path(FILE_NAME), params, &error);
    cr_assert(!content, "%s %zu was not noticed", what, at);
    cr_assert(error.status == AG_STATUS_MODEL, "%s %zu: status %d", what, at, error.status);
    cr_assert(strstr(error.text, FILE_NAME) && strstr(error.text, rule), "%s %zu: expected \"%s\": %s", what,
              at, rule, error.text);
}

static size_t size_of(const nn_format_tensor *tensor) {
    return (size_t)(ag_shape_size(tensor->shape) * nn_format_dtype_bytes(tensor->dtype));
}

Test(safetensors, tensors_and_metadata_come_back_bit_for_bit) {
    save(&sample);
    nn_format_content *content = load(NULL);
    cr_assert(content->verified && content->n_tensors == 5 && content->n_metadata == 4);
    for (int i = 0; i < 5; i++) {
        const nn_format_tensor *wrote = &sample_tensors[i], *read = nn_format_find(content, wrote->name);
        cr_assert(read && read->dtype == wrote->dtype && ag_shape_equal(read->shape, wrote->shape), "%s",
                  wrote->name);
        cr_assert(memcmp(read->data, wrote->data, size_of(wrote)) == 0, "%s", wrote->name);
    }
    for (int i = 0; i < 4; i++)
        cr_assert(strcmp(nn_format_metadata(content, sample_metadata[i].key), sample_metadata[i].value) == 0);
    cr_assert(!nn_format_find(content, "absent") && !nn_format_metadata(content, "absent"));
    nn_format_free(content);
}

Test(safetensors, equal_content_gives_equal_bytes_and_other_content_others) {
    size_t n[3];
    uint8_t *bytes[3];
    nn_format_entry other[] = {sample_metadata[0], {"step", "13"}, sample_metadata[2], sample_metadata[3]};
    nn_format_content changed = sample;
    changed.metadata = other;
    for (int i = 0; i < 3; i++) {
        save(i < 2 ? &sample : &changed);
        bytes[i] = scratch_read(FILE_NAME, &n[i]);
    }
    cr_assert(n[0] == n[1] && memcmp(bytes[0], bytes[1], n[0]) == 0);
    cr_assert(n[0] == n[2] && memcmp(bytes[0], bytes[2], n[0]) != 0);
    for (int i = 0; i < 3; i++) free(bytes[i]);
}

// The layout that other programs rely on: length, '{', JSON, blanks, then data on a multiple of 64, wide
// types first.
Test(safetensors, the_layout_is_the_published_one_and_aligned) {
    save(&sample);
    size_t n;
    uint8_t *bytes = scratch_read(FILE_NAME, &n);
    uint64_t header;
    memcpy(&header, bytes, 8);
    cr_assert((8 + header) % 64 == 0 && bytes[8] == '{');
    size_t last = 8 + header - 1;
    while (bytes[last] == ' ') last--;
    cr_assert(bytes[last] == '}');
    const uint8_t *data = bytes + 8 + header;
    cr_assert(n == 8 + header + 32 + 32 + 24 + 4 + 5, "%zu bytes", n);
    cr_assert(memcmp(data, bits64, 32) == 0 && memcmp(data + 32, bits64, 32) == 0);
    cr_assert(memcmp(data + 64, bits32, 24) == 0 && memcmp(data + 88, bits32 + 1, 4) == 0);
    cr_assert(memcmp(data + 92, bytes8, 5) == 0);
    bytes[last + 1] = '\0';
    const char entry[] = "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[88,92]}";
    cr_assert(strstr((char *)bytes + 8, entry), "%s", (char *)bytes + 8);
    free(bytes);
}

Test(safetensors, a_file_without_tensors_or_metadata_is_a_file) {
    save(&(nn_format_content){0});
    nn_format_content *content = load(NULL);
    cr_assert(content->n_tensors == 0 && content->n_metadata == 0);
    nn_format_free(content);
}

Test(safetensors, a_file_cut_off_anywhere_or_longer_is_refused) {
    save(&sample);
    size_t n;
    uint8_t *bytes = scratch_read(FILE_NAME, &n);
    for (int unverified = 0; unverified < 2; unverified++) {
        const nn_format_params params = {.unverified = unverified};
        for (size_t length = 0; length < n; length++) {
            scratch_write(FILE_NAME, bytes, length);
            expect_refusal(&params, "", "a cut at", length);
        }
        bytes[n] = 0;
        scratch_write(FILE_NAME, bytes, n + 1);
        expect_refusal(&params, "is damaged", "a byte more at", n);
    }
    free(bytes);
}

Test(safetensors, a_byte_changed_anywhere_is_refused) {
    save(&sample);
    size_t n;
    uint8_t *bytes = scratch_read(FILE_NAME, &n);
    for (size_t at = 0; at < n; at++)
        for (int k = 0; k < 10; k++) {
            uint8_t flip = k < 8 ? (uint8_t)(1 << k) : k == 8 ? 0xff : 0x20 ^ (uint8_t)(1 + at % 7);
            bytes[at] ^= flip;
            scratch_write(FILE_NAME, bytes, n);
            expect_refusal(NULL, "", "a flip of byte", at);
            bytes[at] ^= flip;
        }
    free(bytes);
}

Test(safetensors, a_damaged_file_of_ours_is_not_taken_for_a_foreign_one) {
    save(&sample);
    size_t n;
    uint8_t *bytes = scratch_read(FILE_NAME, &n);
    bytes[n - 1] ^= 1;
    scratch_write(FILE_NAME, bytes, n);
    expect_refusal(&foreign, "do not give its checksum", "a flip of byte", n - 1);
    free(bytes);
}

// A file with a header as given and n_data bytes of data, without checksum.
static void write_foreign(const char *header, size_t n_header, size_t n_data) {
    uint64_t length = n_header;
    uint8_t *bytes = calloc(1, 8 + n_header + n_data);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, n_header);
    scratch_write(FILE_NAME, bytes, 8 + n_header + n_data);
    free(bytes);
}

#define TENSOR(name, dtype, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

Test(safetensors, foreign_files_are_read_when_asked_for) {
    const char header[] = "{" TENSOR("b", "F32", "1,2", 3, 11) ",\"__metadata__\":{\"k\":\"v\"}," TENSOR(
        "a", "U8", "3", 0, 3) "}  ";
    write_foreign(header, strlen(header), 11);
    expect_refusal(NULL, "no checksum", "a foreign file", 0);
    nn_format_content *content = load(&foreign);
    cr_assert(!content->verified && content->n_tensors == 2);
    cr_assert(strcmp(content->tensors[0].name, "a") == 0 && strcmp(content->tensors[1].name, "b") == 0);
    cr_assert(strcmp(nn_format_metadata(content, "k"), "v") == 0);
    nn_format_free(content);
}

Test(safetensors, files_of_the_python_package_are_read) {
    DIR *folder = opendir(TEST_GOLDEN_DIR "/data");
    cr_assert(folder);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!strstr(entry->d_name, ".safetensors")) continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/data/%s", TEST_GOLDEN_DIR, entry->d_name);
        ag_error error = {0};
        nn_format_content *content = nn_format_load(path, &foreign, &error);
        cr_assert(content && content->n_tensors > 0 && !content->verified, "%s", error.text);
        nn_format_free(content);
        n++;
    }
    closedir(folder);
    cr_assert(n > 0, "no golden file was found");
}

static const struct {
    const char *header;
    size_t n_data;
    const char *rule;
} lies[] = {
    {"", 0, "does not start with '{'"},
    {" {}", 0, "does not start with '{'"},
    {"[1]", 0, "does not start with '{'"},
    {"{", 0, "not sound JSON"},
    {"{} x", 0, "not sound JSON"},
    {"{\"a\":1e999}", 0, "not sound JSON"},
    {"{\"\xff\":1}", 0, "not sound JSON"},
    {"{\"a\\u0000b\":1}", 0, "not sound JSON"},
    {"{" TENSOR("a", "U8", "1", 0, 1) "," TENSOR("a", "U8", "1", 1, 2) "}", 2, "duplicate"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "duplicate"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "duplicate"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "metadata 'k' is not a text"},
    {"{\"__metadata__\":[]}", 0, "not an object"},
    {"{\"__metadata__\":\"x\"}", 0, "not an object"},
    {"{}", 1, "is damaged: it has 1 byte behind its last tensor"},
    {"{" TENSOR("a", "U8", "1", 0, 1) "}", 2, "is damaged: it has 1 byte behind its last tensor"},
    {"{" TENSOR("a", "U8", "2", 0, 2) "}", 1,
     "is damaged or cut off: tensor 'a' at bytes 0 to 2 does not fit its shape or the 1 byte of"},
    {"{" TENSOR("a", "U8", "1", 1, 2) "}", 2, "a hole before it"},
    {"{" TENSOR("a", "U8", "1", 0, 1) "," TENSOR("b", "U8", "1", 2, 3) "}", 3, "a hole before it"},
    {"{" TENSOR("a", "U8", "2", 0, 2) "," TENSOR("b", "U8", "2", 1, 3) "}", 3, "overlaps another"},
    {"{" TENSOR("a", "U8", "2", 0, 2) "," TENSOR("b", "U8", "2", 0, 2) "}", 2, "overlaps another"},
    {"{" TENSOR("a", "U8", "1", 1, 0) "}", 1, "does not fit"},
    {"{" TENSOR("a", "U8", "1", -1, 0) "}", 1, "does not fit"},
    {"{" TENSOR("a", "U8", "1", 9223372036854775806, 9223372036854775807) "}", 1, "does not fit"},
    {"{" TENSOR("a", "U8", "1", -9223372036854775808, 9223372036854775807) "}", 1, "does not fit"},
    {"{" TENSOR("a", "F32", "1", 0, 1) "}", 1, "does not fit"},
    {"{" TENSOR("a", "F64", "1099511627776", 0, 8796093022208) "}", 8, "does not fit"},
    {"{" TENSOR("a", "U8", "4294967296,4294967296", 0, 0) "}", 0, "needs a dtype"},
    {"{" TENSOR("a", "U8", "9223372036854775807,2", 0, 0) "}", 0, "needs a dtype"},
    {"{" TENSOR("a", "U8", "-1,-1", 0, 1) "}", 1, "needs a dtype"},
    {"{" TENSOR("a", "U8", "0", 0, 0) "}", 0, "needs a dtype"},
    {"{" TENSOR("a", "U8", "1.0", 0, 1) "}", 1, "needs a dtype"},
    {"{" TENSOR("a", "U8", "1,1,1,1,1,1,1", 0, 1) "}", 1, "needs a dtype"},
    {"{" TENSOR("a", "F16", "1", 0, 2) "}", 2, "needs a dtype"},
    {"{" TENSOR("a", "f32", "1", 0, 4) "}", 4, "needs a dtype"},
    {"{" TENSOR("a", "U8", "1", 0, 1.0) "}", 1, "needs a dtype"},
    {"{" TENSOR("a", "U8", "1", 0, "1") "}", 1, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 0, "needs a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}}", 1, "needs a dtype"},
    {"{\"a\":[1,2,3]}", 0, "needs a dtype"},
    {"{\"a\":null}", 0, "needs a dtype"},
    {"{" TENSOR("", "U8", "1", 0, 1) "}", 1, "name is empty"},
    {"{" TENSOR("a\\n", "U8", "1", 0, 1) "}", 1, "unprintable"},
};

Test(safetensors, headers_that_lie_are_refused_even_without_a_checksum) {
    for (size_t k = 0; k < sizeof lies / sizeof lies[0]; k++) {
        write_foreign(lies[k].header, strlen(lies[k].header), lies[k].n_data);
        expect_refusal(&foreign, lies[k].rule, lies[k].header, k);
    }
}

Test(safetensors, absurd_lengths_are_refused_before_they_are_used) {
    const uint64_t lengths[] = {
        3, 100, (4 << 20) + 1, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[k], 8);
        scratch_write(FILE_NAME, bytes, sizeof bytes);
        expect_refusal(&foreign, k < 2 ? "is cut off" : "are read", "length", k);
    }
    scratch_write(FILE_NAME, "\0\0\0\0\0\0\0", 7);
    expect_refusal(&foreign, "7 bytes are less", "length", 7);
    remove(scratch_path(FILE_NAME));
    expect_refusal(&foreign, "No such file or directory", "length", 0);
}

// Peak memory of the process in KB.
static long peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

// 3 GB behind the given bytes, none of them on disk.
static void expect_refused_unread(const void *bytes, size_t n, const char *rule) {
    scratch_write(FILE_NAME, bytes, n);
    cr_assert(truncate(scratch_path(FILE_NAME), INT64_C(3) << 30) == 0, "%s", strerror(errno));
    const long before = peak();
    expect_refusal(&foreign, rule, "a huge file", n);
    expect_refusal(NULL, "", "a huge file", n);
    cr_assert(peak() - before < 64 << 10, "\"%s\" took %ld KB", rule, peak() - before);
}

Test(safetensors, a_huge_file_is_refused_by_its_header_and_never_read) {
    static const char one[] = "\x46\0\0\0\0\0\0\0{" TENSOR("a", "F64", "4,1000000", 0, 32000000) "}    ";
    expect_refused_unread("", 0, "does not start with '{'");
    expect_refused_unread("\1\0\x40\0\0\0\0\0{}", 10, "at most 4194304 are read");
    expect_refused_unread("\2\0\0\0\0\0\0\0{}", 10, "is damaged: it has 3221225462 bytes behind");
    expect_refused_unread(one, sizeof one - 1, "bytes behind its last tensor");
    save(&sample);
    size_t n;
    uint8_t *bytes = scratch_read(FILE_NAME, &n);
    expect_refused_unread(bytes, n, "bytes behind its last tensor");
    free(bytes);
}

// Headers that are long by repetition: a prefix, n times the middle, a suffix.
static void expect_long(const char *prefix, const char *middle, int n, const char *suffix, const char *rule) {
    size_t step = strlen(middle);
    char *header = malloc(strlen(prefix) + step * (size_t)n + strlen(suffix) + 1), *at = header;
    at = stpcpy(at, prefix);
    for (int i = 0; i < n; i++) at = stpcpy(at, middle);
    stpcpy(at, suffix);
    write_foreign(header, strlen(header), 0);
    expect_refusal(&foreign, rule, prefix, (size_t)n);
    free(header);
}

Test(safetensors, deep_long_and_many_are_refused) {
    expect_long("{\"a\":", "[", 100000, "", "not sound JSON");
    expect_long("{\"", "n", 256, "\":{}}", "longer than 255 bytes");
    char *header = malloc(64 * 4098), *at = stpcpy(header, "{\"__metadata__\":{}");
    for (int i = 0; i < 4097; i++) at += sprintf(at, ",\"%d\":{}", i);
    stpcpy(at, "}");
    write_foreign(header, strlen(header), 0);
    expect_refusal(&foreign, "at most 4096 are read", "tensors", 4097);
    free(header);
}

static void expect_broken_contract(nn_format_content content, const char *rule) {
    ag_error error = {0};
    cr_assert(!nn_format_save(scratch_path("new" FILE_NAME), &content, &error), "saved against \"%s\"", rule);
    cr_assert(error.status == AG_STATUS_CONTRACT && strstr(error.text, rule), "expected \"%s\": %s", rule,
              error.text);
    cr_assert(scratch_count() == 0);
}

static nn_format_content with_tensors(nn_format_tensor *tensors, int n) {
    return (nn_format_content){.tensors = tensors, .n_tensors = n};
}

static nn_format_content with_metadata(nn_format_entry *entries, int n) {
    return (nn_format_content){.metadata = entries, .n_metadata = n};
}

Test(safetensors, content_against_the_rules_is_not_written) {
    char name[257];
    memset(name, 'n', 256);
    name[256] = '\0';
    const char *names[] = {"", "a\n", "\x7f", name};
    for (int k = 0; k < 4; k++) {
        nn_format_tensor tensor = {names[k], NN_FORMAT_U8, {1, {5}}, bytes8};
        expect_broken_contract(with_tensors(&tensor, 1), "names have 1 to 255 bytes");
    }
    nn_format_tensor twice[] = {sample_tensors[0], sample_tensors[0]}, reserved = sample_tensors[0],
                     bad = reserved;
    expect_broken_contract(with_tensors(twice, 2), "two entries 'generator/dense/kernel'");
    reserved.name = "__metadata__";
    expect_broken_contract(with_tensors(&reserved, 1), "two entries '__metadata__'");
    bad.name = "\xff";
    expect_broken_contract(with_tensors(&bad, 1), "not UTF-8");
    bad = (nn_format_tensor){"a", NN_FORMAT_U8, {2, {5, 0}}, bytes8};
    expect_broken_contract(with_tensors(&bad, 1), "shapes are valid");
    nn_format_entry entries[] = {{"k", "1"}, {"k", "2"}}, checksum = {"checksum", "1"}, latin = {"k", "\xe4"};
    expect_broken_contract(with_metadata(entries, 2), "two entries 'k'");
    expect_broken_contract(with_metadata(&checksum, 1), "two entries 'checksum'");
    expect_broken_contract(with_metadata(&latin, 1), "not UTF-8");
}

Test(safetensors, too_many_tensors_and_too_much_metadata_are_not_written) {
    nn_format_tensor *many = calloc(4097, sizeof *many);
    char(*names)[8] = calloc(4097, 8);
    for (int i = 0; i < 4097; i++) {
        sprintf(names[i], "%d", i);
        many[i] = (nn_format_tensor){names[i], NN_FORMAT_U8, {1, {5}}, bytes8};
    }
    expect_broken_contract(with_tensors(many, 4097), "at most 4096");
    ag_error error = {0};
    nn_format_content most = with_tensors(many, 4096);
    cr_assert(nn_format_save(scratch_path(FILE_NAME), &most, &error), "%s", error.text);
    nn_format_free(load(NULL));
    remove(scratch_path(FILE_NAME));
    char *text = malloc((4 << 20) + 1);
    memset(text, 'x', 4 << 20);
    text[4 << 20] = '\0';
    nn_format_entry entry = {"history", text};
    expect_broken_contract(with_metadata(&entry, 1), "at most 4194304");
    free(text);
    free(names);
    free(many);
}

Test(safetensors, a_full_disk_leaves_the_old_model_whole) {
    save(&sample);
    size_t n, m;
    uint8_t *before = scratch_read(FILE_NAME, &n);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 0; most < n; most++) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){most, RLIM_INFINITY});
        ag_error error = {0};
        bool saved = nn_format_save(scratch_path(FILE_NAME), &sample, &error);
        cr_assert(!saved && error.status == AG_STATUS_OUTPUT && strstr(error.text, FILE_NAME),
                  "%d bytes fit: %s", (int)most, error.text);
        cr_assert(scratch_count() == 1);
    }
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    uint8_t *after = scratch_read(FILE_NAME, &m);
    cr_assert(n == m && memcmp(before, after, n) == 0);
    free(before);
    free(after);
}

static void expect_mismatch(const nn_format_content *content, const char *name, nn_format_dtype dtype,
                            ag_shape shape, const char *rule) {
    ag_error error = {0};
    uint32_t out[8] = {77, 77, 77, 77, 77, 77, 77, 77};
    cr_assert(!nn_format_read(content, name, dtype, shape, out, &error));
    cr_assert(error.status == AG_STATUS_MODEL && strstr(error.text, FILE_NAME) && strstr(error.text, rule),
              "%s", error.text);
    for (int i = 0; i < 8; i++) cr_assert(out[i] == 77, "out was touched");
}

Test(safetensors, reading_into_another_architecture_is_refused_with_both_sides) {
    save(&sample);
    nn_format_content *content = load(NULL);
    const char name[] = "generator/dense/kernel";
    expect_mismatch(content, "generator/dense/bias", NN_FORMAT_F32, AG_SHAPE(3),
                    "no tensor 'generator/dense/bias'");
    expect_mismatch(content, name, NN_FORMAT_F32, AG_SHAPE(3, 2), "F32 [2,3] there, F32 [3,2] here");
    expect_mismatch(content, name, NN_FORMAT_F32, AG_SHAPE(6), "F32 [2,3] there, F32 [6] here");
    expect_mismatch(content, name, NN_FORMAT_F64, AG_SHAPE(2, 3), "F32 [2,3] there, F64 [2,3] here");
    uint32_t out[6];
    cr_assert(nn_format_read(content, name, NN_FORMAT_F32, AG_SHAPE(2, 3), out, NULL));
    cr_assert(memcmp(out, bits32, sizeof out) == 0);
    nn_format_free(content);
    nn_format_free(NULL);
}
