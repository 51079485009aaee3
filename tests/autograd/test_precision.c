// SPDX-License-Identifier: MIT
// Products in bf16: what they change, and what they leave
// alone. AG_ISA keeps the processor's own instruction out.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"

#define BIT 0x1p-9  // of 1 + BIT the last, lost in bfloat16

// A tape with the product (1 + BIT) * 1, 256 times, by a convolution of one pixel.
typedef struct recording {
    ag_tape *tape;
    ag_node *product;
} recording;

static recording record(ag_dtype dtype) {
    recording r = {.tape = ag_tape_create("product", dtype)};
    ag_node *x = ag_broadcast(ag_scalar(r.tape, 1 + BIT), AG_SHAPE(1, 1, 1, 16));
    ag_node *w = ag_broadcast(ag_scalar(r.tape, 1), AG_SHAPE(1, 1, 16, 16));
    r.product = ag_sum(ag_conv2d(x, w, (ag_conv_params){0}));
    return r;
}

static double run(ag_program *program, ag_node *output) {
    ag_error error = {0};
    cr_assert(ag_program_run(program, (ag_clock){0}, &error), "%s", error.text);
    return ag_program_output_scalar(program, output, &error) / 256;
}

static double value(ag_dtype dtype) {
    ag_error error = {0};
    recording r = record(dtype);
    ag_program *program = ag_program_compile(r.tape, 1, &r.product, NULL, &error);
    cr_assert(program, "%s", error.text);
    const double found = run(program, r.product);
    ag_program_free(program);
    ag_tape_free(r.tape);
    return found;
}

static void emulate(void) { setenv("AG_BF16", "emulate", 1); }

Test(precision, is_refused_where_the_processor_has_no_instruction) {
    ag_error error = {0};
    cr_assert(!ag_precision_set(AG_PRECISION_BF16, &error));
    cr_assert(error.status == AG_STATUS_USAGE && strstr(error.text, "AVX512-BF16"), "%s", error.text);
    cr_assert(ag_precision_get() == AG_PRECISION_F32 && value(AG_F32) == 1 + BIT);
}

Test(precision, rounds_what_f32_tapes_multiply, .init = emulate) {
    cr_assert(value(AG_F32) == 1 + BIT);
    cr_assert(ag_precision_set(AG_PRECISION_BF16, NULL) && ag_precision_get() == AG_PRECISION_BF16);
    cr_assert(value(AG_F32) == 1, "the product is %.9g", value(AG_F32));
    cr_assert(value(AG_F64) == 1 + BIT, "a product of f64 was rounded");
    cr_assert(ag_precision_set(AG_PRECISION_F32, NULL) && value(AG_F32) == 1 + BIT);
}

Test(precision, of_a_program_is_that_of_its_compiling, .init = emulate) {
    ag_error error = {0};
    recording r = record(AG_F32);
    ag_program *program = ag_program_compile(r.tape, 1, &r.product, NULL, &error);
    cr_assert(program, "%s", error.text);
    ag_precision_set(AG_PRECISION_BF16, NULL);
    cr_assert(run(program, r.product) == 1 + BIT, "a program of f32 rounds");
    ag_program_free(program);
    program = ag_program_compile(r.tape, 1, &r.product, NULL, &error);
    ag_precision_set(AG_PRECISION_F32, NULL);
    cr_assert(program && run(program, r.product) == 1, "a program of bf16 does not round");
    ag_program_free(program);
    ag_tape_free(r.tape);
}

Test(precision, is_named_by_the_environment, .init = emulate) {
    cr_assert(!strstr(ag_environment(), "bf16"), "%s", ag_environment());
    ag_precision_set(AG_PRECISION_BF16, NULL);
    cr_assert(strstr(ag_environment(), ", bf16 products by avx2,"), "%s", ag_environment());
    cr_assert(ag_environment_precision(ag_environment()) == AG_PRECISION_BF16);
    ag_precision_set(AG_PRECISION_F32, NULL);
    cr_assert(ag_environment_precision(ag_environment()) == AG_PRECISION_F32);
}
