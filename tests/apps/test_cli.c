// SPDX-License-Identifier: MIT
// The command line: help, wrong usage, wrong data, wrong models. Each fault is one sentence with file, value
// and rule, has its exit code, and leaves nothing behind.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/image.h"
#include "tests/apps/cli.h"
#include "tests/support/scratch.h"

TestSuite(cli, .init = scratch_create, .fini = scratch_remove);

#define SMALL "--data images --batch 16 --threads 1"

static const char *const commands[] = {"train",    "resume",  "generate",  "discriminate",
                                       "evaluate", "inspect", "gradcheck", "bench"};

static bool exists(const char *name) { return access(scratch_path(name), F_OK) == 0; }

static void make_run(void) {
    cli_write_images("images", 40, 8, 8);
    cli_succeed("train " SMALL " --epochs 1 -o run");
}

// ---- help ----

Test(cli, help_names_every_command_and_each_explains_itself) {
    const cli_result *r = cli_succeed("--help");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        cr_assert(strstr(r->out, commands[i]), "--help does not name %s", commands[i]);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "Usage: dcgan %s", commands[i]);
        r = cli_succeed("%s --help", commands[i]);
        cr_assert(strstr(r->out, usage) && !*r->err, "%s --help says: %s%s", commands[i], r->out, r->err);
    }
}

static char *keep_output(const char *line) {
    const cli_result *r = cli_succeed("%s", line);
    cr_assert(*r->out && !*r->err, "%s says: %s", line, r->err);
    return strdup(r->out);
}

Test(cli, help_and_version_have_one_letter_and_one_answer_everywhere) {
    char *version = keep_output("--version"), *help = keep_output("--help");
    cr_assert(strncmp(version, "dcgan ", 6) == 0 && strchr(version, '\n') == version + strlen(version) - 1);
    cr_assert_str_eq(cli_succeed("-V")->out, version);
    cr_assert_str_eq(cli_succeed("-h")->out, help);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[64];
        cr_assert_str_eq(cli_succeed("%s -V", commands[i])->out, version);
        cr_assert_str_eq(cli_succeed("%s --version", commands[i])->out, version);
        snprintf(line, sizeof line, "%s --help", commands[i]);
        char *own = keep_output(line);
        cr_assert_str_eq(cli_succeed("%s -h", commands[i])->out, own);
        free(own);
    }
    free(version);
    free(help);
}

Test(cli, evaluate_help_says_whose_losses_they_are) {
    cr_assert(strstr(cli_succeed("evaluate --help")->out, "non-saturating"));
}

Test(cli, train_help_gives_ranges_defaults_and_the_variants) {
    const cli_result *r = cli_succeed("train --help");
    const char *const words[] = {"--data=DIR|FILE",
                                 "--epochs=N",
                                 "default: 40",
                                 "--batch=N",
                                 "1 to 65536",
                                 "--ls-epsilon=E",
                                 "0 to\n",
                                 "--gan=NAME",
                                 "--seed=N",
                                 "0 to\n                             9223372036854775807",
                                 "--threads=N",
                                 "--limit-images=",
                                 "--sample-every=",
                                 "-o, --output=DIR",
                                 "  non_saturating:",
                                 "  minimax:",
                                 "  wasserstein:"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_assert(strstr(r->out, words[i]), "'%s' is not in: %s", words[i], r->out);
}

// ---- usage ----

Test(cli, a_wrong_command_line_is_named_with_its_rule) {
    static const struct {
        const char *line, *words[3];
    } cases[] = {
        {"", {"a command is missing", "dcgan --help"}},
        {"paint", {"'paint'", "no command"}},
        {"--paint", {"--paint", "Try 'dcgan --help'"}},
        {"-- train", {"'train'", "a command comes before"}},
        {"train --paint", {"--paint", "dcgan train --help"}},
        {"train images", {"'images'", "options only"}},
        {"train --epochs", {"--epochs"}},
        {"train --epochs=", {"--epochs", "empty"}},
        {"train --epochs 0", {"--epochs 0", "1 to 1000000"}},
        {"train --epochs -1", {"--epochs -1", "1 to 1000000"}},
        {"train --epochs 1.5", {"--epochs 1.5", "whole number"}},
        {"train --data missing --epochs ' 3'", {"--epochs  3", "whole number"}},
        {"train --data missing --ls-epsilon ' 0.1'", {"--ls-epsilon  0.1", "below 0.5"}},
        {"train --epochs 3x", {"--epochs 3x", "whole number"}},
        {"train --epochs 99999999999999999999", {"--epochs 99999999999999999999", "1 to 1000000"}},
        {"train --batch 0", {"--batch 0", "1 to 65536"}},
        {"train --batch 65537", {"--batch 65537", "1 to 65536"}},
        {"train --ls-epsilon 0.5", {"--ls-epsilon 0.5", "below 0.5"}},
        {"train --ls-epsilon nan", {"--ls-epsilon nan", "below 0.5"}},
        {"train --ls-epsilon -0.1", {"--ls-epsilon -0.1", "from 0"}},
        {"train --seed -1", {"--seed -1", "from 0"}},
        {"train --seed 9223372036854775808", {"--seed 9223372036854775808", "to 9223372036854775807"}},
        {"train --threads 1025", {"--threads 1025", "0 to 1024"}},
        {"train --limit-images 4294967296", {"--limit-images 4294967296", "0 to 4294967295"}},
        {"train --sample-every -2", {"--sample-every -2", "0 to 1000000"}},
        {"train --gan pix2pix", {"--gan pix2pix", "non_saturating, minimax, wasserstein"}},
        {"resume", {"resume needs an argument"}},
        {"resume a b", {"'b'"}},
        {"generate", {"--model is missing"}},
        {"generate -m m --n 0", {"--n 0", "1 to 1000000"}},
        {"generate -m m --seeds 5-3", {"--seeds 5-3"}},
        {"generate -m m --seeds 1,,2", {"--seeds 1,,2"}},
        {"generate -m m --seeds -1", {"--seeds -1"}},
        {"generate -m m --seeds 0-99999999999", {"--seeds 0-99999999999:", "1000000"}},
        {"generate -m m --seeds 7,0-999999", {"--seeds 7,0-999999:", "1000000"}},
        {"generate -m m --seeds 5,9,7,0-5 -o d", {"--seeds: 5 comes twice"}},
        {"generate -m m --seeds 18446744073709551616", {"--seeds 18446744073709551616"}},
        {"generate -m m --seeds 1 --n 2", {"--seeds", "--n"}},
        {"generate -m m --grid 8", {"--grid 8", "rows x columns"}},
        {"generate -m m --grid 0x3", {"--grid 0x3", "from 1 to 1000"}},
        {"generate -m m --grid ' 8x8'", {"--grid  8x8", "rows x columns"}},
        {"generate -m m --grid 8x+8", {"--grid 8x+8", "rows x columns"}},
        {"generate -m m --grid 2x2 --n 5", {"--grid 2x2", "5 images"}},
        {"generate -m m -o a.jpg", {"--output a.jpg", "FILE.png"}},
        {"generate -m m -o a.WebP", {"--output a.WebP", "FILE.png"}},
        {"generate -m m -o -", {"--output -:", "FILE.png"}},
        {"generate -m m -o .png", {"--output .png", "FILE.png"}},
        {"generate -m m -o a/.PNG", {"--output a/.PNG", "FILE.png"}},
        {"generate -m m --grid 2x2 -o folder", {"--grid", "folder"}},
        {"inspect", {"inspect needs an argument"}},
        {"gradcheck --samples 0", {"--samples 0"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = 0;
        while (n < 3 && cases[i].words[n]) n++;
        cli_refuse(2, n, cases[i].words, "%s", cases[i].line);
    }
    cr_assert(!exists("runs"), "a refused command line made a folder");
}

Test(cli, a_word_that_switches_nothing_is_refused_before_anything_is_read) {
    static const char *const lines[] = {"train --data missing", "generate -m missing", "inspect missing",
                                        "bench"};
    setenv("AG_REWRITES", "-leaky_relu_sign,-adam", 1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cli_refuse(2, CLI_WORDS("AG_REWRITES", "\"-adam\"", "none, -", "-leaky_relu_sign"), "%s", lines[i]);
    unsetenv("AG_REWRITES");
    static const char *const variables[][3] = {
        {"AG_ISA", "avx3", "AG_ISA=avx3: it must be one of scalar"},
        {"AG_WINOGRAD", "3", "AG_WINOGRAD=3: it must be one of 0 2 4 all\n"},
        {"AG_WINOGRAD", "2 4", "AG_WINOGRAD=2 4: it must be one of 0 2 4 all"},
        {"AG_BF16", "yes", "AG_BF16=yes: it must be one of emulate\n"}};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        setenv(variables[i][0], variables[i][1], 1);
        cli_refuse(2, CLI_WORDS(variables[i][2]), "%s", lines[i]);
        unsetenv(variables[i][0]);
    }
}

// A second thread would end the program: no address space has room for its stack.
Test(cli, one_thread_is_the_only_one_in_every_command) {
    make_run();
    setenv("OMP_NUM_THREADS", "2", 1);
    setenv("OMP_STACKSIZE", "900000G", 1);
    cr_assert(cli_run("train --data images --batch 16 --epochs 1 -o two")->code != 0,
              "a second thread was possible, which proves nothing");
    const char *const lines[] = {"train --data images --batch 16 --epochs 1 -o one",
                                 "resume run --epochs 2",
                                 "generate -m run",
                                 "discriminate -m run --data images",
                                 "evaluate -m run --data images",
                                 "gradcheck --samples 1",
                                 "bench --what train --batch 2 --iterations 1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) cli_succeed("%s --threads 1", lines[i]);
}

// ---- data ----

static void refuse_data(const char *options, int n, const char *const *words) {
    cli_refuse(3, n, words, "train -o run --threads 1 %s", options);
    cr_assert(!exists("run"), "train %s made a folder for data that it refused", options);
}

static void write_changed(const uint8_t *sound, size_t n, size_t at, uint8_t value) {
    uint8_t *bytes = malloc(n);
    memcpy(bytes, sound, n);
    bytes[at] = value;
    scratch_write("bad", bytes, n);
    free(bytes);
}

Test(cli, unsound_idx_files_are_refused) {
    size_t n;
    cli_write_images("images", 40, 8, 8);
    uint8_t *sound = scratch_read("images", &n);
    refuse_data("--data missing", CLI_WORDS("missing", "No such file"));
    scratch_write("bad", sound, n - 1);
    refuse_data("--data bad", CLI_WORDS("bad", "2575 bytes"));
    scratch_write("bad", sound, 9);
    refuse_data("--data bad", CLI_WORDS("bad", "ends after"));
    write_changed(sound, n, 0, 7);
    refuse_data("--data bad", CLI_WORDS("bad", "07 00"));
    write_changed(sound, n, 3, 5);
    refuse_data("--data bad", CLI_WORDS("bad", "5 dimensions"));
    write_changed(sound, n, 7, 39);
    refuse_data("--data bad", CLI_WORDS("bad", "more than"));
    write_changed(sound, n, 4, 255);
    refuse_data("--data bad", CLI_WORDS("bad", "can hold at most"));
    gzFile packed = gzopen(scratch_path("bad.gz"), "wb");
    cr_assert(gzwrite(packed, sound, (unsigned)n) == (int)n && gzwrite(packed, sound, 1) == 1);
    cr_assert(gzclose(packed) == Z_OK);
    refuse_data("--data bad.gz", CLI_WORDS("bad.gz", "more than the 2576 bytes (inflated)"));
    free(sound);
}

Test(cli, images_of_a_shape_that_no_network_takes_are_refused) {
    cli_write_images("odd", 40, 10, 8);
    refuse_data("--data odd --batch 16", CLI_WORDS("'odd'", "[10,8,1]", "divisible by 4"));
    // Too few for a batch as well, but the file's fault comes first.
    refuse_data("--data odd --batch 41", CLI_WORDS("'odd'", "[10,8,1]", "divisible by 4"));
    cli_write_images("one", 1, 8, 8);
    refuse_data("--data one --batch 1", CLI_WORDS("one", "1 image", "at least 2"));
}

Test(cli, png_files_of_two_sizes_are_refused) {
    cr_assert(mkdir(scratch_path("png"), 0777) == 0);
    for (int i = 0; i < 2; i++) {
        nn_image *image = nn_image_create(8, 8 + 4 * i, 1, NULL);
        cr_assert(nn_image_save(image, scratch_path(i ? "png/b.png" : "png/a.png"), NULL));
        nn_image_free(image);
    }
    refuse_data("--data png", CLI_WORDS("b.png", "8 x 12", "8 x 8"));
}

Test(cli, a_batch_larger_than_the_data_is_refused) {
    cli_write_images("images", 40, 8, 8);
    cli_refuse(2, CLI_WORDS("--batch 41", "images", "40"), "train --data images --batch 41 -o run");
    cli_refuse(2, CLI_WORDS("--batch 16", "--limit-images 15 leaves 15 images of 'images'"),
               "train " SMALL " --limit-images 15 -o run");
    cli_refuse(2, CLI_WORDS("--limit-images 1:", "2 images"), "train " SMALL " --limit-images 1 -o run");
    cr_assert(!exists("run"));
}

// ---- folders ----

Test(cli, a_folder_that_cannot_be_written_is_named) {
    cli_write_images("images", 40, 8, 8);
    cli_refuse(1, CLI_WORDS("images/run", "Not a directory"), "train " SMALL " -o images/run");
    cli_refuse(1, CLI_WORDS("/proc/run"), "train " SMALL " -o /proc/run");
    cli_refuse(1, CLI_WORDS("images"), "train " SMALL " -o images");
}

Test(cli, a_run_is_never_overwritten) {
    make_run();
    cli_refuse(1, CLI_WORDS("'run'", "never overwritten", "dcgan resume run"), "train " SMALL " -o run");
    cr_assert(mkdir(scratch_path("full"), 0777) == 0);
    scratch_write("full/notes", "mine", 4);
    cli_refuse(1, CLI_WORDS("'full'", "not empty"), "train " SMALL " -o full");
    cr_assert(!exists("full/config.json"));
}

// A folder of the kernel's takes no file, not even root's; the model's own link leads to one that does.
Test(cli, a_folder_that_cannot_be_written_is_known_before_training) {
    make_run();
    const cli_result *r = cli_run("resume /dev/fd/3 --data images --epochs 2 3<run/model.safetensors");
    cr_assert(r->code == 1 && strstr(r->err, "cannot write '/dev/fd/") && !*r->out, "%d: %s%s", r->code,
              r->err, r->out);
    cr_assert(!*cli_run("train " SMALL " -o /proc/run")->out);
}

Test(cli, a_start_that_was_cut_off_leaves_its_folder_free) {
    cli_write_images("images", 40, 8, 8);
    cr_assert(mkdir(scratch_path("run"), 0777) == 0);
    scratch_write("run/.tmp-1-0", "half", 4);
    cli_succeed("train " SMALL " --epochs 1 -o run");
}

Test(cli, runs_without_a_name_are_numbered) {
    cli_write_images("images", 40, 8, 8);
    for (int i = 0; i < 2; i++) cli_succeed("train " SMALL " --epochs 1");
    cr_assert(exists("runs/0001/"
                     "model.safetensors") &&
              exists("runs/0002/model.safetensors"));
    cr_assert(mkdir(scratch_path("runs/0041"), 0777) == 0);
    cli_succeed("train " SMALL " --epochs 1");
    cr_assert(exists("runs/0042/model.safetensors"));
}

Test(cli, two_trainings_cannot_share_a_folder) {
    make_run();
    const int folder = open(scratch_path("run"), O_RDONLY | O_DIRECTORY);
    cr_assert(flock(folder, LOCK_EX | LOCK_NB) == 0);
    cli_refuse(1, CLI_WORDS("'run'", "in use"), "resume run --epochs 2");
    close(folder);
    cli_succeed("resume run --epochs 2 --threads 1");
}

// ---- models ----

Test(cli, a_damaged_model_file_is_refused_by_every_command) {
    make_run();
    size_t n;
    uint8_t *sound = scratch_read("run/model.safetensors", &n);
    const size_t lengths[] = {0, 7, 8, 100, n / 2, n - 1}, places[] = {0, 7, 8, 40, 2000, n / 2, n - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        scratch_write("bad", sound, lengths[i]);
        cli_refuse(4, CLI_WORDS("bad"), "inspect bad");
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        write_changed(sound, n, places[i], sound[places[i]] ^ 1);
        cli_refuse(4, CLI_WORDS("bad"), "inspect bad");
    }
    const char *const lines[] = {"resume bad --epochs 9 --data images", "generate -m bad",
                                 "discriminate -m bad --data images", "evaluate -m bad --data images"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) cli_refuse(4, CLI_WORDS("bad"), "%s", lines[i]);
    cli_refuse(4, CLI_WORDS("missing", "No such file"), "generate -m missing");
    cli_refuse(4, CLI_WORDS("missing", "No such file"), "resume missing");
    cr_assert(!exists("fakes.png"));
    free(sound);
}

Test(cli, data_of_another_shape_than_the_models_is_refused) {
    make_run();
    cli_write_images("wide", 40, 8, 12);
    const char *const lines[] = {"discriminate -m run", "evaluate -m run", "resume run --epochs 2"};
    for (size_t i = 0; i < 3; i++)
        cli_refuse(3, CLI_WORDS("wide", "[8,12,1]", "[8,8,1]"), "%s --data wide", lines[i]);
}

Test(cli, a_run_is_resumed_with_its_own_images_only) {
    make_run();
    size_t n;
    uint8_t *bytes = scratch_read("images", &n), *before = scratch_read("run/config.json", &n);
    bytes[100] ^= 1;
    scratch_write("images", bytes, 16 + 40 * 64);
    cli_refuse(3, CLI_WORDS("images", "not those the run was trained on"), "resume run --epochs 2");
    size_t m;
    uint8_t *after = scratch_read("run/config.json", &m);
    cr_assert(n == m && memcmp(before, after, n) == 0, "a refused resume changed config.json");
    free(bytes);
    free(before);
    free(after);
}

Test(cli, a_resume_goes_on_only_with_what_it_needs) {
    make_run();
    cli_succeed("resume run --epochs 2 --threads 1");
    cli_refuse(2, CLI_WORDS("--epochs 1", "has 2 epochs already", "never goes back"),
               "resume run --epochs 1");
    cr_assert(rename(scratch_path("run/model.safetensors"), scratch_path("alone")) == 0);
    cli_refuse(4, CLI_WORDS("run/model.safetensors", "No such file"), "resume run --epochs 3");
    cli_refuse(2, CLI_WORDS("config.json", "--data"), "resume alone --epochs 3");
    cr_assert(mkdir(scratch_path("moved"), 0777) == 0);
    cr_assert(rename(scratch_path("alone"), scratch_path("moved/alone")) == 0);
    cli_succeed("resume moved/alone --epochs 3 --data images --threads 1");
    cr_assert(exists("moved/log.csv") && !exists("moved/model.safetensors"));
}

Test(cli, a_broken_config_is_named) {
    make_run();
    scratch_write("run/config.json", "{\"epochs\": 0", 12);
    cli_refuse(4, CLI_WORDS("'run/config.json'", "JSON"), "resume run --epochs 2");
    scratch_write("run/config.json", "{\"epochs\": 0}", 13);
    cli_refuse(4, CLI_WORDS("run/config.json", "\"data\""), "resume run --epochs 2");
    cli_refuse(4, CLI_WORDS("run/config.json", "\"epochs\""), "resume run --data images");
}

// Puts `now` in the place of `was` in run/config.json.
static void edit_config(const char *was, const char *now) {
    size_t n;
    char *text = (char *)scratch_read("run/config.json", &n), edited[4096];
    text[n] = '\0';
    char *at = strstr(text, was);
    cr_assert(at, "%s is not in %s", was, text);
    const int length =
        snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - text), text, now, at + strlen(was));
    scratch_write("run/config.json", edited, (size_t)length);
    free(text);
}

Test(cli, an_edit_of_what_made_the_model_is_refused) {
    static const struct {
        const char *was, *now, *words[4];
    } edits[] = {
        {"\"batch\": 16", "\"batch\": 8", {"\"batch\" is 8", "made with 16"}},
        {"\"seed\": 0", "\"seed\": 7", {"\"seed\" is 7", "made with 0"}},
        {"\"ls-epsilon\": 0.0", "\"ls-epsilon\": 0.25", {"\"ls-epsilon\" is 0.25", "made with 0"}},
        {"\"non_saturating\"", "\"minimax\"", {"\"gan\" is minimax", "made with non_saturating"}},
    };
    make_run();
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        edit_config(edits[i].was, edits[i].now);
        cli_refuse(4, CLI_WORDS("'run/config.json'", "'run/model.safetensors'"), "resume run --epochs 2");
        cli_refuse(4, 2, edits[i].words, "resume run --epochs 2");
        edit_config(edits[i].now, edits[i].was);
    }
    edit_config("\"epochs\": 1,", "\"epochs\": 1, \"colour\": 1,");
    cli_refuse(4, CLI_WORDS("'run/config.json'", "\"colour\" is no option"), "resume run --epochs 2");
    edit_config(" \"colour\": 1,", "");
    edit_config("\"epochs\": 1", "\"epochs\": 2");
    cli_succeed("resume run --threads 1");
}

Test(cli, output_that_cannot_be_written_is_an_error) {
    make_run();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        cli_refuse(1, CLI_WORDS("standard output"), "%s --help >/dev/full", commands[i]);
    const char *const lines[] = {"--help",
                                 "--version",
                                 "discriminate -m run --data images",
                                 "evaluate -m run --data images",
                                 "inspect run",
                                 "generate -m run",
                                 "bench --what fma --iterations 1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cli_refuse(1, CLI_WORDS("standard output"), "%s >/dev/full", lines[i]);
    cli_refuse(1, CLI_WORDS("standard output"), "train " SMALL " --epochs 1 -o closed >&-");
    cr_assert(!exists("closed"), "a training whose output is closed began");
    cli_refuse(1, CLI_WORDS("nowhere/a.png"), "generate -m run -o nowhere/a.png");
    cli_refuse(1, CLI_WORDS("images"), "generate -m run -o images");
    cli_refuse(1, CLI_WORDS("nowhere/trace.json"),
               "bench --what fma --iterations 1 --profile nowhere/trace.json");
}
