// SPDX-License-Identifier: MIT
// Layers, batch normalization's moving statistics and losses against tf.keras, forward and backward: every
// case of the golden files. Bounds: tests/golden/README.md.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "autograd/gradient.h"
#include "nn/loss.h"
#include "tests/autograd/run.h"
#include "tests/nn/fixture.h"
#include "tests/support/golden.h"

#define MAX_WRT 5

static const char *const suffixes[] = {"f64", "f32"};

static double bound_of(ag_dtype dtype) { return dtype == AG_F64 ? 1e-12 : 1e-5; }

static nn_format_content *open_group(const char *group, int precision) {
    char name[64];
    snprintf(name, sizeof name, "%s_%s", group, suffixes[precision]);
    return golden_open(name);
}

// The case of an array "CASE/ARRAY" when that array is ARRAY; false otherwise.
static bool case_of(const char *name, const char *array, char out[64]) {
    const char *slash = strchr(name, '/');
    if (!slash || strcmp(slash + 1, array) != 0) return false;
    snprintf(out, 64, "%.*s", (int)(slash - name), name);
    return true;
}

// A recorded case: y and d sum(y dy) / d wrt, by array name.
typedef struct run {
    const nn_format_content *file;
    const char *name;
    ag_dtype dtype;
    ag_tape *tape;
    ag_node *x, *dy, *y;
    int n_wrt;
    ag_node *wrt[MAX_WRT], *gradients[MAX_WRT];
    const char *arrays[MAX_WRT];  // "dx", "dw", ...
} run;

static void run_add(run *r, ag_node *wrt, const char *array) {
    r->wrt[r->n_wrt] = wrt;
    r->arrays[r->n_wrt++] = array;
}

static bool has_array(const run *r, const char *array) {
    char name[96];
    snprintf(name, sizeof name, "%s/%s", r->name, array);
    return nn_format_find(r->file, name) != NULL;
}

static void run_open(run *r, const nn_format_content *file, const char *name) {
    ag_tensor *x = golden_tensor(file, "%s/x", name);
    *r = (run){.file = file, .name = name, .dtype = x->dtype, .tape = ag_tape_create(name, x->dtype)};
    r->x = ag_input(r->tape, "x", x->shape);
    ag_tensor_free(x);
}

// The array as a node that a gradient may be taken for.
static ag_node *run_input(const run *r, const char *array) {
    ag_tensor *values = golden_tensor(r->file, "%s/%s", r->name, array);
    ag_node *node = ag_constant(r->tape, values);
    ag_tensor_free(values);
    return node;
}

// Runs y and its gradients on the golden x and dy, and compares them all.
static void run_compare(run *r) {
    ag_tensor *x = golden_tensor(r->file, "%s/x", r->name), *dy = golden_tensor(r->file, "%s/dy", r->name);
    r->dy = ag_input(r->tape, "dy", dy->shape);
    cr_assert(ag_vjp(r->tape, r->y, r->dy, r->n_wrt, r->wrt, r->gradients), "%s: %s", r->name,
              ag_tape_error(r->tape)->text);
    ag_node *outputs[MAX_WRT + 1] = {r->y};
    memcpy(outputs + 1, r->gradients, (size_t)r->n_wrt * sizeof *outputs);
    ag_program *program = run_compile(r->name, r->tape, r->n_wrt + 1, outputs);
    run_step(r->name, program, 2, (ag_feed[]){{r->x, x}, {r->dy, dy}}, (ag_clock){0});
    for (int i = 0; i <= r->n_wrt; i++)
        golden_check(r->file, r->dtype, ag_program_output(program, outputs[i], NULL), bound_of(r->dtype), 0,
                     "%s/%s", r->name, i ? r->arrays[i - 1] : "y");
    ag_program_free(program);
    ag_tensor_free(x);
    ag_tensor_free(dy);
}

// ---- layers

// The layer that the case's name and kernel describe: "conv2d_transpose_same_s2_k5_4x3". NULL: the kernel is
// no square.
static nn_layer *layer_of(const char *name, ag_shape kernel) {
    if (strncmp(name, "dense", 5) == 0) return nn_dense(kernel.dim[1]);
    if (strcmp(name, "leaky_relu") == 0) return nn_leaky_relu(0.01);
    if (strcmp(name, "relu") == 0) return nn_relu();
    if (strcmp(name, "tanh") == 0) return nn_tanh();
    if (strcmp(name, "sigmoid") == 0) return nn_sigmoid();
    if (strcmp(name, "upsample") == 0) return nn_upsample(2);
    const char *same = strstr(name, "_same_s"), *valid = strstr(name, "_valid_s");
    const ag_padding padding = valid ? AG_PADDING_VALID : AG_PADDING_SAME;
    const int64_t stride = (valid ? valid[8] : same[7]) - '0';
    if (kernel.dim[0] != kernel.dim[1]) return NULL;
    if (strncmp(name, "conv2d_transpose", 16) == 0)
        return nn_conv2d_transpose(kernel.dim[2], kernel.dim[0], .stride = stride, .padding = padding);
    return nn_conv2d(kernel.dim[3], kernel.dim[0], .stride = stride, .padding = padding);
}

static ag_shape kernel_shape(const run *r) {
    if (!has_array(r, "w")) return AG_SHAPE();
    ag_tensor *w = golden_tensor(r->file, "%s/w", r->name);
    const ag_shape shape = w->shape;
    ag_tensor_free(w);
    return shape;
}

// Reads the layer's parameters from the arrays, to be differentiated in their order.
static void read_weights(run *r, const nn_layer *layer) {
    const char *arrays[] = {"w", "b"}, *gradients[] = {"dw", "db"};
    cr_assert((layer->n_parameters == 2) == has_array(r, "w"), "%s: the layer has %d parameters", r->name,
              layer->n_parameters);
    for (int i = 0; i < layer->n_parameters; i++) {
        golden_read_parameter(r->file, layer->parameters[i], "%s/%s", r->name, arrays[i]);
        run_add(r, ag_read(r->tape, layer->parameters[i]), gradients[i]);
    }
}

static void check_layer(const nn_format_content *file, const char *name) {
    run r;
    run_open(&r, file, name);
    const ag_shape batch = ag_node_shape(r.x);
    nn_layer *layer = layer_of(name, kernel_shape(&r));
    nn_model *model =
        layer ? fixture_model(layer, r.dtype, ag_shape_of(batch.rank - 1, batch.dim + 1)) : NULL;
    run_add(&r, r.x, "dx");
    if (model) {
        read_weights(&r, layer);
        r.y = nn_apply(model, r.x, NN_TRAIN);
    } else {
        ag_node *w = run_input(&r, "w"), *b = run_input(&r, "b");
        run_add(&r, w, "dw");
        run_add(&r, b, "db");
        r.y = ag_add(ag_conv2d(r.x, w, (ag_conv_params){.padding = AG_PADDING_SAME}), b);
    }
    run_compare(&r);
    ag_tape_free(r.tape);
    nn_model_free(model);
}

Test(golden_layers, are_those_of_keras_forward_and_backward) {
    for (int precision = 0; precision < 2; precision++) {
        nn_format_content *file = open_group("keras_layers", precision);
        int n = 0;
        char name[64];
        for (int i = 0; i < file->n_tensors; i++) {
            if (!case_of(file->tensors[i].name, "x", name)) continue;
            check_layer(file, name);
            n++;
        }
        cr_expect(n == 37, "%d cases", n);
        nn_format_free(file);
    }
}

// ---- batch normalization

static nn_model *norm_model(const run *r, bool biased) {
    const ag_shape batch = ag_node_shape(r->x);
    nn_model *model = fixture_model(nn_batch_norm(.biased_moving_variance = biased), r->dtype,
                                    ag_shape_of(batch.rank - 1, batch.dim + 1));
    const char *arrays[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    for (int i = 0; i < 4; i++)
        golden_read_parameter(r->file, nn_model_layer(model, 0)->parameters[i], "%s/%s", r->name, arrays[i]);
    return model;
}

static void check_moving(const run *r, const nn_model *model, int steps) {
    const char *arrays[] = {"moving_mean", "moving_variance"};
    for (int i = 0; i < 2; i++)
        golden_check(r->file, r->dtype, ag_parameter_values(nn_model_layer(model, 0)->parameters[2 + i]),
                     bound_of(r->dtype), 0, "%s/%s_%d", r->name, arrays[i], steps);
}

// Another step, which moves the statistics: y alone, without the gradients that need dy.
static void apply_again(const run *r, const char *array) {
    ag_tensor *x = golden_tensor(r->file, "%s/%s", r->name, array);
    ag_program *program = run_compile(r->name, r->tape, 1, &r->y);
    run_step(r->name, program, 1, &(ag_feed){r->x, x}, (ag_clock){0});
    ag_program_free(program);
    ag_tensor_free(x);
}

static void check_norm(const nn_format_content *file, const char *name, nn_mode mode, bool biased) {
    run r;
    run_open(&r, file, name);
    nn_model *model = norm_model(&r, biased);
    nn_layer *layer = nn_model_layer(model, 0);
    r.y = nn_apply(model, r.x, mode);
    run_add(&r, r.x, "dx");
    run_add(&r, ag_read(r.tape, layer->parameters[0]), "dgamma");
    run_add(&r, ag_read(r.tape, layer->parameters[1]), "dbeta");
    run_compare(&r);
    if (mode.update_statistics) {
        check_moving(&r, model, 1);
        apply_again(&r, "x2");
        apply_again(&r, "x3");
        check_moving(&r, model, 3);
    }
    ag_tape_free(r.tape);
    nn_model_free(model);
}

Test(golden_layers, batch_norm_is_that_of_keras_in_training_and_inference) {
    for (int precision = 0; precision < 2; precision++) {
        nn_format_content *file = open_group("keras_batch_norm", precision);
        // The fused kernel, which takes the unbiased variance, exists for images in f32.
        const bool fused = precision == 1;
        check_norm(file, "batch_norm_training", NN_TRAIN, !fused);
        check_norm(file, "batch_norm_training_n1", NN_TRAIN, !fused);
        check_norm(file, "batch_norm_training_rank2", NN_TRAIN, true);
        check_norm(file, "batch_norm_inference", NN_INFER, true);
        nn_format_free(file);
    }
}

// ---- losses

static nn_loss loss_of(const char *name) {
    nn_loss longest = NULL;
    size_t length = 0;
    for (int i = 0; nn_loss_at(i).name; i++) {
        const size_t n = strlen(nn_loss_at(i).name);
        if (n > length && strncmp(name, nn_loss_at(i).name, n) == 0) longest = nn_loss_at(i).loss, length = n;
    }
    return longest;
}

static void check_loss(const nn_format_content *file, const char *name) {
    run r;
    run_open(&r, file, name);
    nn_loss loss = loss_of(name);
    cr_assert(loss, "%s is no loss of ours", name);
    ag_node *outputs[2] = {loss(r.x, run_input(&r, "t"))};
    cr_assert(ag_gradient(r.tape, outputs[0], 1, &r.x, &outputs[1]), "%s", ag_tape_error(r.tape)->text);
    ag_program *program = run_compile(name, r.tape, 2, outputs);
    ag_tensor *x = golden_tensor(file, "%s/x", name);
    run_step(name, program, 1, &(ag_feed){r.x, x}, (ag_clock){0});
    golden_check(file, r.dtype, ag_program_output(program, outputs[0], NULL), bound_of(r.dtype), 0, "%s/loss",
                 name);
    golden_check(file, r.dtype, ag_program_output(program, outputs[1], NULL), bound_of(r.dtype), 0, "%s/dx",
                 name);
    ag_tensor_free(x);
    ag_program_free(program);
    ag_tape_free(r.tape);
}

Test(golden_layers, losses_are_those_of_keras_with_their_gradients) {
    for (int precision = 0; precision < 2; precision++) {
        nn_format_content *file = open_group("keras_losses", precision);
        int n = 0;
        char name[64];
        for (int i = 0; i < file->n_tensors; i++) {
            if (!case_of(file->tensors[i].name, "x", name)) continue;
            check_loss(file, name);
            n++;
        }
        cr_expect(n == 7, "%d cases", n);
        nn_format_free(file);
    }
}
