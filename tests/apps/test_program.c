// SPDX-License-Identifier: MIT
// The program on what it is made for: the gradients of its own networks, and the packaged Fashion-MNIST,
// which this file alone needs.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/gan.h"
#include "tests/apps/cli.h"
#include "tests/support/scratch.h"

TestSuite(program, .init = scratch_create, .fini = scratch_remove);

// 12 tensors of the generator and 8 of the discriminator; a one-entry bias gives one sample.
Test(program, proves_its_own_gradients_for_every_variant) {
    const gan_variant *variant;
    for (int i = 0; (variant = gan_variant_at(i)); i++) {
        const cli_result *r = cli_succeed("gradcheck --gan %s --samples 3 --threads 1", variant->name);
        int right = 0, entries, kinks;
        for (const char *at = r->out; (at = strstr(at, "  right\n")); at++) right++;
        cr_assert(right == 20 && strstr(r->out, " entries, "), "%s", r->out);
        const char *sum = strstr(r->out, " entries, ");
        while (sum > r->out && sum[-1] != '\n') sum--;
        cr_assert(sscanf(sum, "%d entries, %d on kinks", &entries, &kinks) == 2);
        cr_assert(entries == 18 * 3 + 2 && kinks == 0, "%s", r->out);
    }
}

Test(program, trains_on_fashion_mnist_without_an_option) {
    const cli_result *r = cli_succeed("train --limit-images 1280 --epochs 2 -o run");
    cr_assert(strstr(r->out, "1,280 images, 28 x 28 x 1") &&
                  strstr(r->out, "generator 1,637,121 parameters") &&
                  strstr(r->out, "discriminator 94,721") && strstr(r->out, "2 epochs of 10 iterations"),
              "%s", r->out);
    cli_succeed("train --limit-images 1280 --epochs 1 -o parts");
    cli_succeed("resume parts --epochs 2");
    const char *found = cli_difference("run", "parts");
    cr_assert(!found, "%s differs", found);
}

// Its networks need more address space than this, and the file is sound all the same.
Test(program, does_not_blame_a_model_for_little_memory) {
    cli_succeed("train --limit-images 128 --epochs 1 -o run");
    cli_refuse(1, CLI_WORDS("run/model.safetensors", "no ", " bytes"),
               "--version >/dev/null && ulimit -v 150000 && '" TEST_BUILD_DIR "/apps/dcgan' inspect run");
    size_t n;
    char *out = (char *)scratch_read("out", &n);
    cr_assert(n == 0, "a verdict without having opened the model: %.*s", (int)n, out);
    free(out);
    cr_assert(strstr(cli_succeed("inspect run")->out, "sound, its checksum is right"));
}
