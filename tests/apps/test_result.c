// SPDX-License-Identifier: MIT
// What a run's result depends on: the seed and the configuration, and neither the number of threads, nor
// sampling, nor being stopped and resumed.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/gan.h"
#include "nn/image.h"
#include "tests/apps/cli.h"
#include "tests/support/scratch.h"

// 40 images of 8 x 8 in batches of 16: 3 iterations an epoch, the last of 8 images.
#define SMALL "--data images --batch 16 --threads 1"

static void prepare(void) {
    scratch_create();
    cli_write_images("images", 40, 8, 8);
}

TestSuite(result, .init = prepare, .fini = scratch_remove);

Test(result, depends_on_the_seed_and_on_nothing_else) {
    cli_succeed("train " SMALL " --epochs 7 --seed 5 -o a");
    for (int threads = 1; threads <= 7; threads += threads < 3 ? 1 : 4) {
        char name[16];
        snprintf(name, sizeof name, "b%d", threads);
        cli_succeed("train --data images --batch 16 --epochs 7 --seed 5 --threads %d -o %s", threads, name);
        const char *found = cli_difference("a", name);
        cr_assert(!found, "with %d threads %s differs", threads, found);
    }
    cli_succeed("train " SMALL " --epochs 7 --seed 6 -o c");
    cr_assert(!cli_same("a/log.csv", "c/log.csv") && !cli_same("a/fakes-e0006.png", "c/fakes-e0006.png"));
}

Test(result, is_not_moved_by_sampling) {
    cli_succeed("train " SMALL " --epochs 3 --sample-every 1 -o a");
    cli_succeed("train " SMALL " --epochs 3 --sample-every 0 -o b");
    cr_assert(cli_same("a/model.safetensors", "b/model.safetensors") && cli_same("a/log.csv", "b/log.csv"));
    cr_assert(access(scratch_path("a/fakes-e0001.png"), F_OK) == 0);
    cr_assert(access(scratch_path("b/fakes-e0001.png"), F_OK) != 0);
}

Test(result, of_two_epochs_and_two_more_is_one_of_four) {
    const char *const variants[] = {"non_saturating --ls-epsilon 0.1", "wasserstein"};
    for (int k = 0; k < 2; k++) {
        char whole[16], parts[16];
        snprintf(whole, sizeof whole, "whole%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        cli_succeed("train " SMALL " --gan %s --seed 3 --epochs 4 -o %s", variants[k], whole);
        cli_succeed("train " SMALL " --gan %s --seed 3 --epochs 2 -o %s", variants[k], parts);
        const cli_result *r = cli_succeed("resume %s --epochs 4 --threads 2", parts);
        cr_assert(strstr(r->out, "\n    2 ") && !strstr(r->out, "\n    1 "), "resumed elsewhere: %s", r->out);
        const char *found = cli_difference(whole, parts);
        cr_assert(!found, "--gan %s: %s differs", variants[k], found);
    }
}

// The run's configuration says which, and resume follows it.
Test(result, of_bf16_products_is_resumed_in_bf16) {
    setenv("AG_BF16", "emulate", 1);
    cli_succeed("train " SMALL " --epochs 2 -o plain");
    cli_succeed("train " SMALL " --precision bf16 --epochs 4 -o whole");
    cli_succeed("train " SMALL " --precision bf16 --epochs 2 -o parts");
    cr_assert(!cli_same("plain/log.csv", "parts/log.csv"), "bf16 changes nothing");
    const cli_result *r = cli_succeed("resume parts --epochs 4 --threads 3");
    cr_assert(strstr(r->out, "products in bf16") && !*r->err, "%s%s", r->out, r->err);
    const char *found = cli_difference("whole", "parts");
    cr_assert(!found, "%s differs", found);
}

// Nothing but the model: its header says which precision it was trained in, and then the new configuration.
Test(result, of_bf16_products_is_resumed_in_bf16_from_the_model_alone) {
    setenv("AG_BF16", "emulate", 1);
    cli_succeed("train " SMALL " --precision bf16 --epochs 4 -o whole");
    cli_succeed("train " SMALL " --precision bf16 --epochs 2 -o parts");
    cr_assert(mkdir(scratch_path("moved"), 0777) == 0);
    cr_assert(rename(scratch_path("parts/model.safetensors"), scratch_path("moved/model.safetensors")) == 0);
    const cli_result *r = cli_succeed("resume moved --data images --epochs 3 --threads 2");
    cr_assert(strstr(r->out, "products in bf16") && !*r->err, "%s%s", r->out, r->err);
    cli_succeed("resume moved --epochs 4");
    const char *const names[] = {"config.json", "model.safetensors", "log.csv", "fakes-e0003.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "whole/%s", names[i]);
        snprintf(b, sizeof b, "moved/%s", names[i]);
        cr_assert(cli_same(a, b), "%s differs", names[i]);
    }
}

Test(result, of_a_processor_without_bf16_products_is_f32s) {
    setenv("AG_ISA", "avx2", 1);
    cli_succeed("train " SMALL " --epochs 2 -o plain");
    const cli_result *r = cli_succeed("train " SMALL " --precision bf16 --epochs 2 -o asked");
    cr_assert(strstr(r->err, "warning: precision bf16") && strstr(r->err, "stay in f32"), "%s", r->err);
    cr_assert(cli_same("plain/model.safetensors", "asked/model.safetensors"));
}

// config.json of the versions before --precision
Test(result, goes_on_from_a_configuration_without_precision) {
    cli_succeed("train " SMALL " --epochs 1 -o run");
    char command[512];
    snprintf(command, sizeof command, "sed -i -z 's/,[^,]*\"precision\": \"f32\"//' '%s'",
             scratch_path("run/config.json"));
    cr_assert(system(command) == 0);
    snprintf(command, sizeof command, "! grep -q precision '%s'", scratch_path("run/config.json"));
    cr_assert(system(command) == 0, "the key is still there");
    cli_succeed("resume run --epochs 2");
}

Test(result, of_parts_holds_the_grids_of_the_whole) {
    const int every[] = {0, 3};
    for (int k = 0; k < 2; k++) {
        char whole[16], parts[16];
        snprintf(whole, sizeof whole, "whole%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        cli_succeed("train " SMALL " --sample-every %d --epochs 6 -o %s", every[k], whole);
        cli_succeed("train " SMALL " --sample-every %d --epochs 2 -o %s", every[k], parts);
        cli_succeed("resume %s --epochs 4", parts);
        cli_succeed("resume %s --epochs 6", parts);
        const char *found = cli_difference(whole, parts);
        cr_assert(!found, "--sample-every %d: %s differs", every[k], found);
    }
}

// Drawn on purpose, so that other wishes for what follows do not take it away.
Test(result, keeps_the_grids_of_an_earlier_interval) {
    cli_succeed("train " SMALL " --epochs 2 -o run");
    cli_succeed("resume run --epochs 4 --sample-every 0");
    cr_assert(access(scratch_path("run/fakes-e0001.png"), F_OK) == 0);
}

// As a kill right behind the saving of a model leaves a run: all else is of the epochs before.
static void put_model(const char *from, const char *run) {
    char name[64];
    size_t n;
    snprintf(name, sizeof name, "%s/model.safetensors", from);
    uint8_t *bytes = scratch_read(name, &n);
    snprintf(name, sizeof name, "%s/model.safetensors", run);
    scratch_write(name, bytes, n);
    free(bytes);
}

Test(result, is_completed_when_only_the_model_was_saved) {
    cli_succeed("train " SMALL " --sample-every 0 --epochs 3 -o whole");
    cli_succeed("train " SMALL " --sample-every 0 --epochs 2 -o run");
    put_model("whole", "run");
    remove(scratch_path("run/fakes-e0001.png"));
    const cli_result *r = cli_succeed("resume run --epochs 3 --threads 1");
    cr_assert(strstr(r->out, "run/: 3 epochs done, nothing was left to train"), "%s", r->out);
    const char *found = cli_difference("whole", "run");
    cr_assert(!found, "%s differs", found);
}

Test(result, holds_the_grid_that_a_kill_left_out) {
    cli_succeed("train " SMALL " --epochs 4 -o whole");
    cli_succeed("train " SMALL " --epochs 3 -o three");
    cli_succeed("train " SMALL " --epochs 2 -o run");
    put_model("three", "run");
    remove(scratch_path("run/reals.png"));
    cli_succeed("resume run --epochs 4 --threads 1");
    const char *found = cli_difference("whole", "run");
    cr_assert(!found, "%s differs", found);
}

// A folder stands where the last epoch's grid, which is written last, should be.
Test(result, is_completed_by_the_command_that_a_failed_run_prints) {
    cli_succeed("train " SMALL " --sample-every 2 --epochs 2 -o whole");
    cli_succeed("train " SMALL " --sample-every 2 --epochs 1 -o run");
    cr_assert(mkdir(scratch_path("run/fakes-e0001.png"), 0777) == 0);
    cli_refuse(1, CLI_WORDS("fakes-e0001.png", "resume run --epochs 2"), "resume run --epochs 2");
    cr_assert(rmdir(scratch_path("run/fakes-e0001.png")) == 0 && remove(scratch_path("run/losses.svg")) == 0);
    cli_succeed("resume run --epochs 2");
    const char *found = cli_difference("whole", "run");
    cr_assert(!found, "%s differs", found);
}

Test(result, is_there_for_every_variant_and_for_colour_images) {
    const gan_variant *variant;
    for (int i = 0; (variant = gan_variant_at(i)); i++)
        cli_succeed("train " SMALL " --epochs 7 --gan %s -o %s", variant->name, variant->name);
    cr_assert(mkdir(scratch_path("png"), 0777) == 0);
    for (int k = 0; k < 6; k++) {
        char name[16];
        nn_image *image = nn_image_create(8, 12, 3, NULL);
        for (int i = 0; i < 8 * 12 * 3; i++) image->pixels[i] = (uint8_t)(i * (k + 1));
        snprintf(name, sizeof name, "png/%d.png", k);
        cr_assert(nn_image_save(image, scratch_path(name), NULL));
        nn_image_free(image);
    }
    cli_succeed("train --data png --batch 4 --epochs 2 --threads 1 -o rgb");
    nn_image *grid = nn_image_load(scratch_path("rgb/fakes-e0001.png"), NULL);
    cr_assert(grid && grid->h == 4 * 10 + 2 && grid->w == 8 * 14 + 2 && grid->c == 3);
    nn_image_free(grid);
}
