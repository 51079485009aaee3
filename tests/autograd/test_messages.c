// SPDX-License-Identifier: MIT
// The message of each misuse names the operand that is wrong, by the name that the user gave it.
#include <criterion/criterion.h>
#include <string.h>

#include "autograd/autograd.h"

static ag_tape *tape, *other;
static ag_parameter_set *set, *narrow;
static ag_parameter *w, *m, *n;
static ag_node *x, *y, *rate;

static void prepare(void) {
    ag_error error = {0};
    tape = ag_tape_create("main", AG_F64);
    other = ag_tape_create("other", AG_F64);
    set = ag_parameter_set_create("set", AG_F64);
    narrow = ag_parameter_set_create("narrow", AG_F32);
    w = ag_parameter_add(set, "w", AG_SHAPE(3), AG_PARAMETER, &error);
    m = ag_parameter_add(set, "m", AG_SHAPE(3), AG_BUFFER, &error);
    n = ag_parameter_add(narrow, "n", AG_SHAPE(3), AG_PARAMETER, &error);
    cr_assert(w && m && n, "%s", error.text);
    x = ag_input(tape, "x", AG_SHAPE(3));
    y = ag_input(tape, "y", AG_SHAPE(2, 4));
    rate = ag_input(tape, "rate", AG_SHAPE());
}

static void finish(void) {
    ag_tape_free(tape);
    ag_tape_free(other);
    ag_parameter_set_free(set);
    ag_parameter_set_free(narrow);
}

static ag_node *gradient_of(ag_node *loss, ag_node *wrt) {
    ag_node *out = NULL;
    ag_gradient(tape, loss, 1, &wrt, &out);
    return out;
}

static ag_node *foreign(void) { return ag_input(other, "z", AG_SHAPE(3)); }
static ag_node *scalar(void) { return ag_sum(x); }

static ag_node *null_operand(void) { return ag_add(x, NULL); }
static ag_node *foreign_operand(void) { return ag_mul(x, foreign()); }
static ag_node *effect_operand(void) { return ag_add(x, ag_assign(w, x)); }
static ag_node *broadcasting(void) { return ag_add(x, y); }
static ag_node *matmul_rank(void) { return ag_matmul(y, x, false, false); }
static ag_node *matmul_inner(void) { return ag_matmul(y, y, false, false); }
static ag_node *concat_shape(void) { return ag_concat(2, (ag_node *[]){x, y}, 0); }
static ag_node *norm_vector(void) {
    ag_node *mean = ag_batch_mean(y), *v = ag_batch_variance(y, mean);
    return ag_batch_norm(y, mean, v, x, mean, 0);
}
static ag_node *norm_moments(void) {
    ag_node *mean = ag_batch_mean(y), *moving = ag_input(tape, "moving", AG_SHAPE(4));
    return ag_batch_norm(y, mean, moving, mean, mean, 0);
}
static ag_node *mean_rank(void) { return ag_batch_mean(x); }
static ag_node *conv_padding(void) {
    ag_node *images = ag_reshape(y, AG_SHAPE(1, 2, 4, 1)), *kernels = ag_reshape(y, AG_SHAPE(2, 4, 1, 1));
    return ag_conv2d(images, kernels, (ag_conv_params){.padding = (ag_padding)7});
}

static ag_node *conv_line(void) {
    ag_node *images = ag_input(tape, "images", AG_SHAPE(1, 3, 1 << 24, 1)),
            *kernels = ag_input(tape, "kernels", AG_SHAPE(3, 3, 1, 1));
    return ag_conv2d(images, kernels, (ag_conv_params){.stride = 1});
}

static ag_node *clamp_order(void) { return ag_clamp(x, 2, 1); }
static ag_node *constant_null(void) { return ag_constant(tape, NULL); }
static ag_node *read_null(void) { return ag_read(tape, NULL); }
static ag_node *read_type(void) { return ag_read(tape, n); }
static ag_node *assign_null(void) { return ag_assign(NULL, x); }
static ag_node *assign_shape(void) { return ag_assign(w, y); }
static ag_node *assign_type(void) { return ag_assign(n, x); }
static ag_node *update_null(void) { return ag_sgd_update(NULL, x, NULL, rate, 0); }
static ag_node *update_state(void) { return ag_sgd_update(w, x, NULL, rate, 0.5); }
static ag_node *update_buffer(void) { return ag_sgd_update(m, x, NULL, rate, 0); }
static ag_node *state_parameter(void) { return ag_sgd_update(w, x, w, rate, 0.5); }
static ag_node *update_rate(void) { return ag_sgd_update(w, x, NULL, y, 0); }
static ag_node *update_shape(void) { return ag_sgd_update(w, y, NULL, rate, 0); }
static ag_node *loss_null(void) { return gradient_of(NULL, x); }
static ag_node *loss_foreign(void) { return gradient_of(ag_sum(foreign()), x); }
static ag_node *loss_effect(void) { return gradient_of(ag_assign(w, x), x); }
static ag_node *wrt_null(void) { return gradient_of(scalar(), NULL); }
static ag_node *wrt_foreign(void) { return gradient_of(scalar(), foreign()); }
static ag_node *wrt_effect(void) { return gradient_of(scalar(), ag_assign(w, x)); }
static ag_node *wrt_buffer(void) { return gradient_of(scalar(), ag_read(tape, m)); }
static ag_node *seed_shape(void) {
    ag_node *out = NULL;
    ag_vjp(tape, x, y, 1, &x, &out);
    return out;
}

typedef struct misuse {
    const char *what;
    ag_node *(*commit)(void);
    const char *sentence;
} misuse;

static const misuse misuses[] = {
    {"an operand is NULL", null_operand, "add: input 1 is NULL"},
    {"an operand is foreign", foreign_operand, "mul: input 1 (z) lies on another tape, other"},
    {"an operand is an effect", effect_operand, "add: input 1 (assign) is an effect"},
    {"broadcasting", broadcasting, "add (add): input 1 (y) is [2,4] and does not broadcast with [3]"},
    {"matmul's rank", matmul_rank, "a (y) is [2,4], b (x) is [3]: both must have rank 2"},
    {"matmul's inner dimension", matmul_inner,
     "a (y) is [2,4], b (y) is [2,4]: the inner dimensions 4 and 2"},
    {"concat", concat_shape, "input 1 (y) is [2,4] and input 0 is [3]"},
    {"batch_norm's gamma", norm_vector, "input 3 (x) is [3]: for x [2,4] it must be [4]"},
    {"batch_norm's moments", norm_moments, "moving are not the moments of x (y)"},
    {"batch_mean's rank", mean_rank, "batch_mean (x): x is [3]"},
    {"a padding that does not exist", conv_padding,
     "padding 7: it must be AG_PADDING_SAME, _VALID or _EXPLICIT"},
    {"a line too long", conv_line,
     "images [1,3,16777216,1]: a line of kernels [3,3,1,1] reaches more than 2^25 pixels"},
    {"clamp", clamp_order, "clamp (x): the limits [2, 1]"},
    {"constant", constant_null, "constant: the tensor is NULL"},
    {"read", read_null, "read: the parameter is NULL"},
    {"read of another type", read_type, "parameter narrow/n is f32, the tape f64"},
    {"assign to nothing", assign_null, "assign (x): the parameter is NULL"},
    {"assign of another shape", assign_shape, "set/w is [3] and the value (y) [2,4]"},
    {"assign of another type", assign_type, "parameter narrow/n is f32, the tape f64"},
    {"update of nothing", update_null, "sgd_update: the parameter is NULL"},
    {"update without a state", update_state, "sgd_update: the state is NULL"},
    {"update of a buffer", update_buffer, "parameter set/m is not trainable"},
    {"a parameter as state", state_parameter, "the state set/w is a parameter"},
    {"a rate that is no scalar", update_rate, "y is [2,4] and must be a scalar"},
    {"a gradient of another shape", update_shape, "set/w is [3] and the gradient [2,4]"},
    {"no loss", loss_null, "the loss is NULL"},
    {"a foreign loss", loss_foreign, "the loss (sum) lies on another tape, other"},
    {"an effect as loss", loss_effect, "the loss (assign) has no value"},
    {"gradient for nothing", wrt_null, "what it is taken for is NULL"},
    {"gradient for a foreign node", wrt_foreign, "what it is taken for (z) lies on another tape, other"},
    {"gradient for an effect", wrt_effect, "what it is taken for (assign) has no value"},
    {"gradient for a buffer", wrt_buffer, "gradient of sum: parameter set/m was read frozen"},
    {"a seed of another shape", seed_shape, "gradient of x: the seed has shape [2,4], the value [3]"},
};

Test(messages, every_misuse_names_the_operand) {
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        prepare();
        cr_expect(ag_node_failed(misuses[i].commit()), "%s: accepted", misuses[i].what);
        cr_expect(ag_tape_error(tape)->status == AG_STATUS_CONTRACT &&
                      strstr(ag_tape_error(tape)->text, misuses[i].sentence),
                  "%s: '%s' lacks '%s'", misuses[i].what, ag_tape_error(tape)->text, misuses[i].sentence);
        finish();
    }
}
