// SPDX-License-Identifier: MIT
// Gradients of gradients where GANs need them: the WGAN-GP penalty and R1 of a small convolutional
// discriminator, whose parameter gradients are held against finite differences of the penalty itself.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/autograd/networks.h"
#include "tests/autograd/run.h"
#include "tests/support/values.h"

#define BATCH 2

// Squared norm, per image, of the gradient of the summed logits with respect to the images: [N].
static ag_node *squared_norms(ag_node *logits, ag_node *x) {
    ag_node *gradient;
    if (!ag_gradient(ag_node_tape(x), ag_sum(logits), 1, &x, &gradient))
        return ag_reshape(logits, AG_SHAPE(0));
    return ag_sum_axes(ag_square(gradient), AG_AXIS(1) | AG_AXIS(2) | AG_AXIS(3), false);
}

// Gulrajani et al. 2017, eq. 3: mean (||grad D(x)|| - 1)^2.
// Mescheder et al. 2018, eq. 9: mean ||grad D(x)||^2 / 2.
static ag_node *gradient_penalty(ag_node *norms) {
    return ag_mean(ag_square(ag_add_scalar(ag_sqrt(norms), -1)));
}
static ag_node *r1(ag_node *norms) { return ag_scale(ag_mean(norms), 0.5); }

typedef ag_node *(*penalty)(ag_node *norms);

// Inputs: the six parameters, then the images.
static ag_node *penalty_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    penalty *of = context;
    (void)tape;
    return (*of)(squared_norms(critic_from(in, in[n - 1]), in[n - 1]));
}

static void critic_values(const critic *c, ag_tensor *out[CRITIC_PARAMETERS + 1]) {
    ag_parameter *parameters[CRITIC_PARAMETERS];
    critic_list(c, parameters);
    for (int i = 0; i < CRITIC_PARAMETERS; i++)
        out[i] = values_from(AG_F64, parameters[i]->shape, ag_parameter_values(parameters[i]));
    out[CRITIC_PARAMETERS] = values_tensor(AG_F64, AG_SHAPE(BATCH, 6, 6, 1), VALUES_ANY, 8);
}

static void check_penalty(const char *name, penalty of) {
    critic c;
    critic_create(&c, AG_F64, 2);
    ag_tensor *values[CRITIC_PARAMETERS + 1];
    critic_values(&c, values);
    int64_t entries = 0;
    for (int i = 0; i <= CRITIC_PARAMETERS; i++) entries += ag_shape_size(values[i]->shape);
    ag_error error = {0};
    ag_gradcheck_result result = {0};
    cr_expect(ag_gradcheck(name, penalty_graph, &of, CRITIC_PARAMETERS + 1, values, (ag_gradcheck_params){0},
                           &result, &error),
              "%s", error.text);
    cr_expect(result.checked == entries, "%s: %lld entries of %lld were checked", name,
              (long long)result.checked, (long long)entries);
    for (int i = 0; i <= CRITIC_PARAMETERS; i++) ag_tensor_free(values[i]);
    ag_parameter_set_free(c.set);
}

Test(second_order, the_gradient_penalty_has_the_gradient_of_finite_differences) {
    check_penalty("gradient penalty", gradient_penalty);
}

Test(second_order, r1_has_the_gradient_of_finite_differences) { check_penalty("R1", r1); }

// The same on real parameters, through one compiled program
// with the penalty's parameter gradients as outputs.
Test(second_order, penalties_train_parameters_through_a_program) {
    critic c;
    critic_create(&c, AG_F64, 2);
    ag_tape *tape = ag_tape_create("penalty", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(BATCH, 6, 6, 1)), *reads[CRITIC_PARAMETERS];
    for (int i = 0; i < CRITIC_PARAMETERS; i++) reads[i] = ag_read(tape, ag_parameter_set_at(c.set, i));
    ag_node *outputs[CRITIC_PARAMETERS + 1];
    outputs[CRITIC_PARAMETERS] = gradient_penalty(squared_norms(critic_from(reads, x), x));
    cr_assert(ag_gradient(tape, outputs[CRITIC_PARAMETERS], CRITIC_PARAMETERS, reads, outputs), "%s",
              ag_tape_error(tape)->text);
    ag_program *program = run_compile("penalty", tape, CRITIC_PARAMETERS + 1, outputs);
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(BATCH, 6, 6, 1), VALUES_ANY, 8)};
    run_step("penalty", program, 1, &feed, (ag_clock){1, 1});
    for (int i = 0; i < CRITIC_PARAMETERS; i++) {
        ag_error error = {0};
        ag_gradcheck_result result;
        ag_parameter *parameter = reads[i]->parameter;
        cr_expect(ag_gradcheck_parameter(program, parameter, outputs[CRITIC_PARAMETERS], outputs[i],
                                         (ag_clock){1, 1}, (ag_gradcheck_params){0}, &result, &error),
                  "%s: %s", parameter->name, error.text);
        cr_expect_eq(result.checked, parameter->size, "%s: %lld of %lld entries", parameter->name,
                     (long long)(result.checked), (long long)parameter->size);
    }
    ag_tensor_free((ag_tensor *)feed.value);
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(c.set);
}

static ag_node *logits_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)context;
    return critic_from(in, in[n - 1]);
}

Test(second_order, a_convolutional_discriminator_passes_the_second_order_check) {
    critic c;
    critic_create(&c, AG_F64, 1);
    ag_tensor *values[CRITIC_PARAMETERS + 1];
    critic_values(&c, values);
    ag_error error = {0};
    ag_gradcheck_result result;
    cr_expect(ag_gradgradcheck("critic", logits_graph, NULL, CRITIC_PARAMETERS + 1, values,
                               (ag_gradcheck_params){.samples = 12}, &result, &error),
              "%s", error.text);
    for (int i = 0; i <= CRITIC_PARAMETERS; i++) ag_tensor_free(values[i]);
    ag_parameter_set_free(c.set);
}

Test(second_order, convolutions_around_a_batch_norm_pass_the_second_order_check) {
    ag_tensor *values[AUTOENCODER_INPUTS];
    autoencoder_draw(values);
    for (int i = 0; i < 2; i++) {
        bool fixed = i == 1;
        ag_error error = {0};
        ag_gradcheck_result result;
        cr_expect(ag_gradgradcheck(fixed ? "given moments" : "own moments", autoencoder_graph, &fixed,
                                   AUTOENCODER_INPUTS, values, (ag_gradcheck_params){0}, &result, &error),
                  "%s", error.text);
    }
    for (int i = 0; i < AUTOENCODER_INPUTS; i++) ag_tensor_free(values[i]);
}

// y = x^3: the third derivative is 6, by three calls.
Test(second_order, gradients_may_be_taken_three_times) {
    ag_tape *tape = ag_tape_create("cube", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE()), *y = ag_mul(x, ag_square(x));
    double expected[4] = {8, 12, 12, 6}, at = 2;
    ag_feed feed = {x, values_constant(AG_F64, AG_SHAPE(), at)};
    for (int order = 0; order < 4; order++) {
        ag_tensor *value = run_evaluate("cube", y, 1, &feed);
        cr_expect(ag_tensor_get(value, 0) == expected[order], "derivative %d of x^3 at 2 is %g", order,
                  ag_tensor_get(value, 0));
        ag_tensor_free(value);
        cr_assert(ag_gradient(tape, y, 1, &x, &y), "%s", ag_tape_error(tape)->text);
    }
    ag_tensor_free((ag_tensor *)feed.value);
    ag_tape_free(tape);
}
