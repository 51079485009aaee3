// SPDX-License-Identifier: MIT
// Penalties and their parameter gradients against PyTorch's double backward.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "autograd/autograd.h"
#include "models/gan.h"
#include "tests/support/golden.h"

static const char *const parameters[][2] = {
    {"conv2d/kernel", "conv2d_1/w"}, {"conv2d/bias", "conv2d_1/b"}, {"conv2d_1/kernel", "conv2d_2/w"},
    {"conv2d_1/bias", "conv2d_2/b"}, {"dense/kernel", "dense/w"},   {"dense/bias", "dense/b"}};
enum { N_PARAMETERS = sizeof parameters / sizeof *parameters };

static nn_layer *activation(const char *name) {
    return strstr(name, "tanh") ? nn_tanh() : nn_leaky_relu(0.01);
}

static nn_model *build_discriminator(const nn_format_content *file, const char *name, ag_shape image) {
    ag_error error = {0};
    nn_model *model =
        nn_sequential(&error, "discriminator", AG_F64, image, nn_conv2d(4, 3, .stride = 2), activation(name),
                      nn_conv2d(5, 3, .stride = 2), activation(name), nn_flatten(), nn_dense(1));
    cr_assert(model && ag_parameter_set_seal(nn_model_set(model, 0), &error), "%s", error.text);
    for (int i = 0; i < N_PARAMETERS; i++)
        golden_read_parameter(file, ag_parameter_set_find(nn_model_set(model, 0), parameters[i][0]), "%s/%s",
                              name, parameters[i][1]);
    return model;
}

static void compare(const gan_penalty *penalty, const char *name, bool with_fakes) {
    ag_error error = {0};
    nn_format_content *file = golden_open("torch_penalties_f64");
    ag_tensor *real = golden_tensor(file, "%s/real", name);
    const ag_shape image = AG_SHAPE(real->shape.dim[1], real->shape.dim[2], real->shape.dim[3]);
    nn_model *model = build_discriminator(file, name, image);
    ag_tape *tape = ag_tape_create("penalty", AG_F64);
    gan_context c = {.tape = tape, .discriminator = model, .reals = ag_constant(tape, real)};
    if (with_fakes) {
        ag_tensor *fake = golden_tensor(file, "%s/fake", name),
                  *alpha = golden_tensor(file, "%s/alpha", name);
        c.fakes = ag_constant(tape, fake);
        c.uniform = ag_constant(tape, alpha);
        ag_tensor_free(fake);
        ag_tensor_free(alpha);
    }
    ag_node *wrt[N_PARAMETERS], *outputs[N_PARAMETERS + 1];
    for (int i = 0; i < N_PARAMETERS; i++)
        wrt[i] = ag_read(tape, ag_parameter_set_find(nn_model_set(model, 0), parameters[i][0]));
    ag_node *value = ag_scale(penalty->record(&c), penalty->weight);
    ag_gradient(tape, value, N_PARAMETERS, wrt, outputs);
    outputs[N_PARAMETERS] = value;
    ag_program *program = ag_program_compile(tape, N_PARAMETERS + 1, outputs, NULL, &error);
    cr_assert(program && ag_program_run(program, (ag_clock){0}, &error), "%s: %s", name, error.text);
    golden_check(file, AG_F64, ag_program_output(program, value, &error), 1e-9, 0, "%s/penalty", name);
    for (int i = 0; i < N_PARAMETERS; i++)
        golden_check(file, AG_F64, ag_program_output(program, outputs[i], &error), 1e-9, 1e-6, "%s/d/%s",
                     name, parameters[i][1]);
    ag_program_free(program);
    ag_tape_free(tape);
    nn_model_free(model);
    ag_tensor_free(real);
    nn_format_free(file);
}

static void compare_all(const gan_penalty *penalty, bool with_fakes) {
    static const char *const networks[] = {"tanh", "leaky_relu", "tanh_n1_7x6", "leaky_relu_n1_7x6"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", penalty->name, networks[i]);
        compare(penalty, name, with_fakes);
    }
}

Test(golden_penalties, gradient_penalty_equals_pytorch) {
    compare_all(gan_penalty_find("gradient_penalty"), true);
}
Test(golden_penalties, r1_equals_pytorch) { compare_all(gan_penalty_find("r1"), false); }
