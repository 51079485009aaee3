// SPDX-License-Identifier: MIT
// Products in bf16: what they change, and what they leave
// alone. AG_ISA keeps the processor's own instruction out.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"

#define BIT 0x1p-9  // of 1 + BIT the last, lost in bfloat16

// On a tape the mean of products (1 + BIT) * 1, each the sum of TERMS.
typedef struct recording {
    ag_tape *tape;
    ag_node *product;
} recording;

enum { TERMS = 16 };

static ag_node *ones(ag_tape *tape, double value, ag_shape shape) {
    return ag_broadcast(ag_scalar(tape, value), shape);
}

static ag_node *convolution(ag_tape *tape) {
    return ag_conv2d(ones(tape, 1 + BIT, AG_SHAPE(1, 1, 1, TERMS)), ones(tape, 1, AG_SHAPE(1, 1, TERMS, 16)),
                     (ag_conv_params){0});
}

static ag_node *wide_matmul(ag_tape *tape) {
    return ag_matmul(ones(tape, 1 + BIT, AG_SHAPE(8, TERMS)), ones(tape, 1, AG_SHAPE(TERMS, 64)), false,
                     false);
}

static ag_node *square_matmul(ag_tape *tape) {
    return ag_matmul(ones(tape, 1 + BIT, AG_SHAPE(8, TERMS)), ones(tape, 1, AG_SHAPE(TERMS, 8)), false,
                     false);
}

static recording record(ag_dtype dtype, ag_node *(*product)(ag_tape *tape)) {
    recording r = {.tape = ag_tape_create("product", dtype)};
    r.product = ag_mean(product(r.tape));
    return r;
}

static double run(ag_program *program, ag_node *output) {
    ag_error error = {0};
    cr_assert(ag_program_run(program, (ag_clock){0}, &error), "%s", error.text);
    return ag_program_output_scalar(program, output, &error) / TERMS;
}

static double value_of(ag_dtype dtype, ag_node *(*product)(ag_tape *tape)) {
    ag_error error = {0};
    recording r = record(dtype, product);
    ag_program *program = ag_program_compile(r.tape, 1, &r.product, NULL, &error);
    cr_assert(program, "%s", error.text);
    const double found = run(program, r.product);
    ag_program_free(program);
    ag_tape_free(r.tape);
    return found;
}

static double value(ag_dtype dtype) { return value_of(dtype, convolution); }

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

Test(precision, rounds_what_the_wide_matmul_multiplies_and_no_other, .init = emulate) {
    cr_assert(value_of(AG_F32, wide_matmul) == 1 + BIT);
    ag_precision_set(AG_PRECISION_BF16, NULL);
    const double wide = value_of(AG_F32, wide_matmul), square = value_of(AG_F32, square_matmul);
    cr_assert(wide == 1, "the product is %.9g", wide);
    cr_assert(square == 1 + BIT, "a product of OpenBLAS's is %.9g", square);
    cr_assert(value_of(AG_F64, wide_matmul) == 1 + BIT, "a product of f64 was rounded");
}

Test(precision, of_a_program_is_that_of_its_compiling, .init = emulate) {
    ag_error error = {0};
    recording r = record(AG_F32, convolution);
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
