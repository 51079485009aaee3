// SPDX-License-Identifier: MIT
// Models: names, shapes, flags, scopes, the summary, chains, and what is refused.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/gradient.h"
#include "tests/autograd/run.h"
#include "tests/nn/fixture.h"
#include "tests/support/values.h"

// The seed's networks.
static nn_model *generator(ag_dtype dtype) {
    return nn_sequential(NULL, "generator", dtype, AG_SHAPE(100),
                         nn_dense(7 * 7 * 256, .kernel = nn_he_normal), nn_reshape(7, 7, 256),
                         nn_conv2d_transpose(128, 3, .stride = 2, .kernel = nn_he_normal), nn_batch_norm(),
                         nn_leaky_relu(0.01), nn_conv2d_transpose(64, 3, .kernel = nn_he_normal),
                         nn_batch_norm(), nn_leaky_relu(0.01),
                         nn_conv2d_transpose(1, 3, .stride = 2, .kernel = nn_glorot_normal), nn_tanh());
}

static nn_model *discriminator(ag_dtype dtype) {
    return nn_sequential(NULL, "discriminator", dtype, AG_SHAPE(28, 28, 1),
                         nn_conv2d(32, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(64, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(128, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_flatten(), nn_dense(1, .kernel = nn_glorot_normal));
}

static nn_model *small(const char *name) {
    return nn_sequential(NULL, name, AG_F64, AG_SHAPE(4, 4, 1), nn_conv2d(2, 3), nn_batch_norm(),
                         nn_conv2d(3, 3), nn_flatten(), nn_dense(2));
}

// The summary; the caller frees it.
static char *summary_of(const nn_model *model) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    nn_summary(model, stream);
    fclose(stream);
    return text;
}

static void expect_summary(const nn_model *model, const char *expected) {
    char *text = summary_of(model);
    cr_expect_str_eq(text, expected);
    free(text);
}

// ---- structure

Test(model, names_layers_and_parameters_as_keras_does) {
    nn_model *model = small("net");
    const char *layers[] = {"conv2d", "batch_norm", "conv2d_1", "flatten", "dense"};
    cr_assert(nn_model_layer_count(model) == COUNT(layers));
    for (int i = 0; i < COUNT(layers); i++) {
        cr_expect_str_eq(nn_model_layer(model, i)->name, layers[i]);
        cr_expect(nn_model_find_layer(model, layers[i]) == nn_model_layer(model, i), "%s is not found",
                  layers[i]);
    }
    cr_expect(!nn_model_find_layer(model, "conv2d_2"));
    const char *parameters[] = {"conv2d/kernel",          "conv2d/bias",
                                "batch_norm/gamma",       "batch_norm/beta",
                                "batch_norm/moving_mean", "batch_norm/moving_variance",
                                "conv2d_1/kernel",        "conv2d_1/bias",
                                "dense/kernel",           "dense/bias"};
    const ag_parameter_set *set = nn_model_set(model, 0);
    cr_assert(nn_model_set_count(model) == 1 && ag_parameter_set_count(set) == COUNT(parameters));
    for (int i = 0; i < COUNT(parameters); i++)
        cr_expect_str_eq(ag_parameter_set_at(set, i)->name, parameters[i]);
    cr_expect_str_eq(nn_model_name(model), "net");
    cr_expect(nn_model_dtype(model) == AG_F64);
    nn_model_free(model);
}

static bool all_trainable(const nn_layer *layer, bool trainable) {
    for (int i = 0; i < layer->n_parameters; i++) {
        const ag_parameter *parameter = layer->parameters[i];
        if (parameter->trainable != (trainable && parameter->kind == AG_PARAMETER)) return false;
    }
    return true;
}

static void expect_trainable(const nn_model *model, const bool expected[5]) {
    for (int i = 0; i < 5; i++)
        cr_expect(all_trainable(nn_model_layer(model, i), expected[i]), "%s should be %s",
                  nn_model_layer(model, i)->name, expected[i] ? "trainable" : "frozen");
}

Test(model, trainable_is_set_on_a_model_or_a_layer_and_never_on_buffers) {
    nn_model *model = small("net");
    expect_trainable(model, (bool[]){true, true, true, true, true});
    nn_set_trainable(model, false);
    expect_trainable(model, (bool[5]){false});
    nn_layer_set_trainable(nn_model_layer(model, 1), true);
    expect_trainable(model, (bool[]){false, true, false, false, false});
    nn_set_trainable(model, true);
    nn_layer_set_trainable(nn_model_find_layer(model, "dense"), false);
    expect_trainable(model, (bool[]){true, true, true, true, false});
    nn_model_free(model);
}

// ---- summary

#define LINE "------------------------------------------------------------------------------\n"
#define HEAD "                        output                   parameters  state\n"

Test(summary, of_the_seeds_generator_counts_as_keras_does) {
    nn_model *model = generator(AG_F32);
    expect_summary(model, "model generator (f32)\n" LINE "layer" HEAD LINE
                          "input                        [N,100]                           0  -\n"
                          "dense                        [N,12544]                 1,266,944  trainable\n"
                          "reshape                      [N,7,7,256]                       0  -\n"
                          "conv2d_transpose             [N,14,14,128]               295,040  trainable\n"
                          "batch_norm                   [N,14,14,128]                   512  trainable\n"
                          "leaky_relu                   [N,14,14,128]                     0  -\n"
                          "conv2d_transpose_1           [N,14,14,64]                 73,792  trainable\n"
                          "batch_norm_1                 [N,14,14,64]                    256  trainable\n"
                          "leaky_relu_1                 [N,14,14,64]                      0  -\n"
                          "conv2d_transpose_2           [N,28,28,1]                     577  trainable\n"
                          "tanh                         [N,28,28,1]                       0  -\n" LINE
                          "1,637,121 parameters: 1,636,737 trainable, 384 not\n");
    nn_model_free(model);
}

Test(summary, of_the_seeds_discriminator_shows_what_is_frozen) {
    nn_model *model = discriminator(AG_F32);
    nn_set_trainable(model, false);
    nn_layer_set_trainable(nn_model_find_layer(model, "dense"), true);
    nn_model_layer(model, 0)->parameters[1]->trainable = true;
    expect_summary(model, "model discriminator (f32)\n" LINE "layer" HEAD LINE
                          "input                        [N,28,28,1]                       0  -\n"
                          "conv2d                       [N,14,14,32]                    320  partly frozen\n"
                          "leaky_relu                   [N,14,14,32]                      0  -\n"
                          "conv2d_1                     [N,7,7,64]                   18,496  frozen\n"
                          "leaky_relu_1                 [N,7,7,64]                        0  -\n"
                          "conv2d_2                     [N,4,4,128]                  73,856  frozen\n"
                          "leaky_relu_2                 [N,4,4,128]                       0  -\n"
                          "flatten                      [N,2048]                          0  -\n"
                          "dense                        [N,1]                         2,049  trainable\n" LINE
                          "94,721 parameters: 2,081 trainable, 92,640 not\n");
    nn_model_free(model);
}

Test(summary, of_a_chain_lists_its_models) {
    nn_model *g = generator(AG_F32), *d = discriminator(AG_F32);
    nn_model *combined = nn_chain(NULL, "combined", g, d);
    nn_set_trainable(d, false);
    expect_summary(combined, "model combined (f32)\n" LINE "model" HEAD LINE
                             "input                        [N,100]                           0  -\n"
                             "generator                    [N,28,28,1]               1,637,121  trainable\n"
                             "discriminator                [N,1]                        94,721  frozen\n" LINE
                             "1,731,842 parameters: 1,636,737 trainable, 95,105 not\n");
    nn_model_free(combined);
    nn_model_free(g);
    nn_model_free(d);
}

// ---- values

Test(model, draws_equal_values_for_equal_seeds_and_disjoint_ones_for_disjoint_streams) {
    nn_model *a = small("a"), *b = small("b"), *c = small("c"), *d = small("d");
    cr_assert(nn_model_initialize(a, 7, 0, NULL) && nn_model_initialize(b, 7, 0, NULL));
    cr_assert(nn_model_initialize(c, 7, 100, NULL) && nn_model_initialize(d, 8, 0, NULL));
    cr_expect(fixture_same_bytes(nn_model_set(a, 0), ag_parameter_set_values(nn_model_set(b, 0), NULL)));
    for (int i = 0; i < ag_parameter_set_count(nn_model_set(a, 0)); i++) {
        const ag_parameter *in_a = ag_parameter_set_at(nn_model_set(a, 0), i);
        if (!strstr(in_a->name, "kernel")) continue;
        cr_expect(!fixture_same_values(in_a, ag_parameter_set_at(nn_model_set(c, 0), i)), "%s", in_a->name);
        cr_expect(!fixture_same_values(in_a, ag_parameter_set_at(nn_model_set(d, 0), i)), "%s", in_a->name);
    }
    nn_model_free(a), nn_model_free(b), nn_model_free(c), nn_model_free(d);
}

// Parameter i of the model has the stream `first` + i, whichever layer it is in.
Test(model, draws_parameter_i_from_its_own_stream) {
    nn_model *model = small("net");
    cr_assert(nn_model_initialize(model, 7, 20, NULL));
    for (int l = 0, i = 0; l < nn_model_layer_count(model); l++) {
        const nn_layer *layer = nn_model_layer(model, l);
        for (int k = 0; k < layer->n_parameters; k++, i++) {
            const ag_parameter *parameter = layer->parameters[k];
            const ag_stream stream = {7, AG_PURPOSE_INITIALIZE, 20 + (uint64_t)i};
            ag_tensor *expected = ag_tensor_create(AG_F64, parameter->shape);
            layer->initializers[k].kind->fill(&layer->initializers[k], parameter->shape, stream, AG_F64,
                                              expected->data);
            cr_expect(
                memcmp(expected->data, ag_parameter_values(parameter), (size_t)parameter->size * 8) == 0,
                "%s", parameter->name);
            ag_tensor_free(expected);
        }
    }
    nn_model_free(model);
}

Test(model, kernels_start_with_glorot_uniform_and_biases_with_zeros_unless_told_otherwise) {
    nn_model *model =
        nn_sequential(NULL, "net", AG_F32, AG_SHAPE(4, 4, 1), nn_conv2d(2, 3),
                      nn_conv2d_transpose(2, 3, .kernel = nn_he_normal, .bias = nn_constant(3)));
    const nn_layer *plain = nn_model_layer(model, 0), *told = nn_model_layer(model, 1);
    cr_expect(plain->initializers[0].kind == &nn_initializer_glorot_uniform);
    cr_expect(plain->initializers[1].kind == &nn_initializer_zeros);
    cr_expect(told->initializers[0].kind == &nn_initializer_he_normal);
    cr_expect(told->initializers[1].kind == &nn_initializer_constant && told->initializers[1].a == 3);
    nn_model_free(model);
}

// ---- application

static bool has_label(const ag_tape *tape, const char *label) {
    for (int i = 0; i < ag_tape_count(tape); i++) {
        if (strcmp(ag_node_label(ag_tape_at(tape, i)), label) == 0) return true;
    }
    return false;
}

Test(model, labels_say_model_layer_and_op) {
    nn_model *g = generator(AG_F32), *d = discriminator(AG_F32), *combined = nn_chain(NULL, "combined", g, d);
    ag_tape *tape = ag_tape_create("t", AG_F32);
    nn_apply(g, ag_input(tape, "z", AG_SHAPE(2, 100)), NN_INFER);
    nn_apply(combined, ag_input(tape, "z", AG_SHAPE(2, 100)), NN_INFER);
    const char *labels[] = {"generator/conv2d_transpose/conv2d_input_gradient",
                            "generator/batch_norm_1/batch_norm_fixed", "generator/tanh/tanh",
                            "combined/generator/dense/matmul", "combined/discriminator/conv2d_2/conv2d"};
    for (int i = 0; i < COUNT(labels); i++)
        cr_expect(has_label(tape, labels[i]), "no node is labelled %s", labels[i]);
    ag_tape_free(tape);
    nn_model_free(combined), nn_model_free(g), nn_model_free(d);
}

Test(model, applied_twice_shares_its_parameters) {
    nn_model *model = small("net");
    ag_tape *tape = ag_tape_create("t", AG_F64);
    nn_apply(model, ag_input(tape, "a", AG_SHAPE(2, 4, 4, 1)), NN_INFER);
    nn_apply(model, ag_input(tape, "b", AG_SHAPE(5, 4, 4, 1)), NN_INFER);
    cr_expect(ag_tape_error(tape)->status == AG_OK);
    cr_expect(run_count_op(tape, "parameter") == 10, "%d parameters are read",
              run_count_op(tape, "parameter"));
    ag_tape_free(tape);
    nn_model_free(model);
}

static void expect_input_refused(const nn_model *model, ag_dtype dtype, ag_shape shape,
                                 const char *sentence) {
    ag_tape *tape = ag_tape_create("t", dtype);
    cr_expect(ag_node_failed(nn_apply(model, ag_input(tape, "x", shape), NN_TRAIN)));
    fixture_expect_sentence("apply", ag_tape_error(tape)->text, sentence);
    ag_tape_free(tape);
}

Test(model, refuses_an_input_that_is_no_batch_of_its_own) {
    nn_model *model = small("net");
    expect_input_refused(model, AG_F64, AG_SHAPE(4, 4, 1),
                         "model net: input [4,4,1] must be a batch of [4,4,1]");
    expect_input_refused(model, AG_F64, AG_SHAPE(2, 4, 5, 1),
                         "model net: input [2,4,5,1] must be a batch of [4,4,1]");
    expect_input_refused(model, AG_F32, AG_SHAPE(2, 4, 4, 1), "model net is f64, the tape f32");
    cr_expect(ag_node_failed(nn_apply(model, NULL, NN_TRAIN)));
    nn_model_free(model);
}

// ---- what is refused

static void expect_refused(nn_model *model, const ag_error *error, const char *sentence) {
    cr_expect(!model, "\"%s\" is taken", sentence);
    fixture_expect_sentence("create", error->text, sentence);
}

Test(model, takes_its_layers_on_failure_too) {
    ag_error error = {0};
    expect_refused(nn_sequential(&error, "net", AG_F32, AG_SHAPE(3), nn_dense(2), NULL, nn_dense(2)), &error,
                   "model net: layer 1 is NULL");
    error = (ag_error){0};
    expect_refused(nn_sequential(&error, "net", AG_F32, AG_SHAPE(3), nn_dense(2), nn_conv2d(2, 3), nn_tanh()),
                   &error, "layer net/conv2d: input [2] must have shape [H,W,C]");
    error = (ag_error){0};
    nn_layer *twice = nn_dense(2);
    expect_refused(nn_sequential(&error, "net", AG_F32, AG_SHAPE(2), twice, twice), &error,
                   "model net: layer 1 (dense) is part of a model already");
    error = (ag_error){0};
    nn_model *owner = small("owner");
    expect_refused(
        nn_sequential(&error, "net", AG_F32, AG_SHAPE(4, 4, 1), nn_relu(), nn_model_layer(owner, 0)), &error,
        "model net: layer 1 (conv2d) is part of a model already");
    cr_expect_str_eq(nn_model_layer(owner, 0)->name, "conv2d");
    nn_model_free(owner);
    nn_model_free(NULL);
    nn_layer_free(NULL);
}

Test(model, refuses_shapes_that_no_batch_can_have) {
    ag_error error = {0};
    expect_refused(nn_sequential(&error, "net", AG_F32, AG_SHAPE(3, 0), nn_relu()), &error,
                   "model net: input shape [3,0]");
    error = (ag_error){0};
    expect_refused(nn_sequential(&error, "net", AG_F32, AG_SHAPE(1, 1, 1, 1, 1, 1), nn_relu()), &error,
                   "must have at most 5 axes");
    error = (ag_error){0};
    expect_refused(nn_sequential_create("net", AG_F32, AG_SHAPE(3), NULL, 0, &error), &error,
                   "model net: has no layers");
}

// Names of tensors, tapes and state sets are made from it in buffers of fixed size.
Test(model, refuses_names_that_no_tensor_can_carry) {
    char longest[65] = {0};
    memset(longest, 'n', 64);
    nn_model *model = nn_sequential(NULL, longest, AG_F32, AG_SHAPE(3), nn_relu());
    cr_assert(model);
    const char *const names[] = {"", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
    for (int i = 0; i < COUNT(names); i++) {
        ag_error error = {0};
        expect_refused(nn_sequential(&error, names[i], AG_F32, AG_SHAPE(3), nn_relu()), &error,
                       i ? "its name has 65 bytes, 1 to 64 are allowed" : "its name has 0 bytes");
        error = (ag_error){0};
        expect_refused(nn_chain(&error, names[i], model), &error, "1 to 64 are allowed");
    }
    nn_model_free(model);
}

Test(chain, lists_the_sets_of_all_its_parts_and_passes_flags_on) {
    nn_model *a = nn_sequential(NULL, "a", AG_F32, AG_SHAPE(2), nn_dense(3));
    nn_model *b = nn_sequential(NULL, "b", AG_F32, AG_SHAPE(3), nn_dense(4));
    nn_model *c = nn_sequential(NULL, "c", AG_F32, AG_SHAPE(4), nn_dense(5));
    nn_model *ab = nn_chain(NULL, "ab", a, b), *abc = nn_chain(NULL, "abc", ab, c);
    cr_assert(abc && nn_model_set_count(abc) == 3 && nn_model_layer_count(abc) == 0);
    cr_expect(nn_model_set(abc, 0) == nn_model_set(a, 0) && nn_model_set(abc, 1) == nn_model_set(b, 0));
    cr_expect(nn_model_set(abc, 2) == nn_model_set(c, 0) && !nn_model_set(abc, 3));
    cr_expect(ag_shape_equal(nn_model_input_shape(abc), AG_SHAPE(2)));
    cr_expect(ag_shape_equal(nn_model_output_shape(abc), AG_SHAPE(5)));
    nn_set_trainable(ab, false);
    cr_expect(!ag_parameter_set_at(nn_model_set(b, 0), 0)->trainable);
    cr_expect(ag_parameter_set_at(nn_model_set(c, 0), 0)->trainable);
    ag_error error = {0};
    cr_expect(!nn_model_initialize(abc, 1, 0, &error));
    fixture_expect_sentence("initialize", error.text, "model abc: a chain is initialized by its parts");
    nn_model_free(abc), nn_model_free(ab), nn_model_free(a), nn_model_free(b), nn_model_free(c);
}

Test(chain, refuses_models_that_do_not_fit) {
    nn_model *a = nn_sequential(NULL, "a", AG_F32, AG_SHAPE(2), nn_dense(3));
    nn_model *b = nn_sequential(NULL, "b", AG_F32, AG_SHAPE(2), nn_dense(3));
    nn_model *wide = nn_sequential(NULL, "wide", AG_F64, AG_SHAPE(3), nn_dense(2));
    nn_model *square = nn_sequential(NULL, "square", AG_F32, AG_SHAPE(3), nn_dense(3));
    ag_error error = {0};
    expect_refused(nn_chain(&error, "ch", a, b), &error,
                   "chain ch: model b takes [2], the one before it gives [3]");
    error = (ag_error){0};
    expect_refused(nn_chain(&error, "ch", a, wide), &error,
                   "chain ch: model wide is f64, those before it f32");
    error = (ag_error){0};
    expect_refused(nn_chain(&error, "ch", square, square), &error,
                   "chain ch: model square is part of it already");
    error = (ag_error){0};
    expect_refused(nn_chain(&error, "ch", a, NULL), &error, "chain ch: model 1 is NULL");
    error = (ag_error){0};
    expect_refused(nn_chain_create("ch", NULL, 0, &error), &error, "chain ch: 0 models, it takes 1 to 8");
    nn_model_free(a), nn_model_free(b), nn_model_free(wide), nn_model_free(square);
}
