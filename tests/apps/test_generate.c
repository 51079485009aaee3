// SPDX-License-Identifier: MIT
// dcgan generate: which images, how they are laid out, and where they go.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/image.h"
#include "tests/apps/cli.h"
#include "tests/apps/picture.h"
#include "tests/support/scratch.h"

static void prepare(void) {
    scratch_create();
    cli_write_images("images", 40, 8, 8);
    cli_succeed("train --data images --batch 16 --threads 1 --epochs 1 -o run");
}

TestSuite(generate, .init = prepare, .fini = scratch_remove);

Test(generate, draws_numbered_images) {
    cli_succeed("generate -m run --seeds 0-6,123456 -o each");
    cli_succeed("generate -m run/model.safetensors --n 6 --grid 2x3 -o grid.png --threads 2");
    picture_expect_size("each/123456.png", 8, 8, 1);
    nn_image *grid = picture_load("grid.png");
    cr_assert(grid->h == 2 * 10 + 2 && grid->w == 3 * 10 + 2);
    for (int k = 0; k < 6; k++) {
        char name[32];
        snprintf(name, sizeof name, "each/%06d.png", k);
        nn_image *one = picture_load(name);
        for (int i = 0; i < 64; i++) {
            const int64_t y = 2 + k / 3 * 10 + i / 8, x = 2 + k % 3 * 10 + i % 8;
            cr_assert(grid->pixels[y * grid->w + x] == one->pixels[i], "image %d, pixel %d", k, i);
        }
        nn_image_free(one);
    }
    nn_image_free(grid);
    cli_succeed("generate -m run --seeds 5,5,5,5,5 -o same.png");
    picture_expect_size("same.png", 2 * 10 + 2, 3 * 10 + 2, 1);
    cli_succeed("generate -m run");
    picture_expect_size("fakes.png", 8 * 10 + 2, 8 * 10 + 2, 1);
    cli_succeed("generate -m run --grid 2x5 -o a.png");
    picture_expect_size("a.png", 2 * 10 + 2, 5 * 10 + 2, 1);
}

Test(generate, takes_a_name_for_a_picture_in_any_case) {
    cr_assert_str_eq(cli_succeed("generate -m run --n 1 -o A.PNG")->out, "A.PNG: 1 image\n");
    picture_expect_size("A.PNG", 12, 12, 1);
    cr_assert_str_eq(cli_succeed("generate -m run --n 1 -o each//")->out, "each/: 1 picture\n");
    cr_assert_str_eq(cli_succeed("generate -m run --n 2 -o v1.0")->out, "v1.0/: 2 pictures\n");
}

Test(generate, does_not_mix_pictures_into_a_run) {
    cli_refuse(2, CLI_WORDS("--output run:", "model.safetensors", "folder of their own"),
               "generate -m run -o run");
    cr_assert(rename(scratch_path("run/model.safetensors"), scratch_path("moved")) == 0);
    cli_refuse(2, CLI_WORDS("--output run/:", "config.json"), "generate -m moved -o run/");
    cr_assert(access(scratch_path("run/0000.png"), F_OK) != 0);
    cli_succeed("generate -m moved -o run/new.png");
    cr_assert(mkdir(scratch_path("mine"), 0777) == 0);
    cli_succeed("generate -m moved -o mine");
}

// Drawing the million would take minutes.
Test(generate, knows_a_picture_that_is_too_large_before_it_draws, .timeout = 20) {
    cli_refuse(2, CLI_WORDS("--output big.png", "10002 x 10002 pixels"),
               "generate -m run --grid 1000x1000 -o big.png");
}
