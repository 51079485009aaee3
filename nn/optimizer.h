// SPDX-License-Identifier: MIT
// Optimizers. CONTRACT of a file in optimizers/: a kind. An optimizer trains the parameters that are
// trainable when it is created, keeps their state in flat sets beside the models' own, and records its
// updates as the last steps of a program.
#pragma once

#include "autograd/program.h"
#include "nn/model.h"

#define NN_OPTIMIZER_STATES 2

typedef struct nn_optimizer nn_optimizer;
typedef struct nn_optimizer_kind nn_optimizer_kind;

// Zero means the kind's default; a field that the kind does not name is not used.
typedef struct nn_optimizer_params {
    const nn_optimizer_kind *kind;
    double rate;          // > 0
    double beta1, beta2;  // adam, adamw: 0.9, 0.999, in [0, 1); NN_BETA_ZERO spells 0
    double epsilon;       // adam, adamw, rmsprop: 1e-7, Keras's; > 0
    double momentum;      // sgd: 0; in [0, 1)
    double rho;           // rmsprop: 0.9, in [0, 1); NN_BETA_ZERO spells 0
    double weight_decay;  // adamw: 0.004, Keras's; >= 0
    bool torch_epsilon;   // adam, adamw: PyTorch's place of epsilon (ops.h)
} nn_optimizer_params;
#define NN_BETA_ZERO (-1.0)

struct nn_optimizer_kind {
    const char *name;
    nn_optimizer_params defaults;
    int n_states;
    const char *states[NN_OPTIMIZER_STATES];  // "m", "v"
    unsigned nonnegative;  // bit i: state i has no value below 0; files that say so are refused
    // Appends the update of one parameter: w := w(gradient, states, rate, t), an effect. `states` in the
    // order above; rate and t (from 1) are scalars fed before each run. The tape's error node when it cannot.
    ag_node *(*record)(const nn_optimizer_params *params, ag_parameter *parameter, ag_node *gradient,
                       ag_parameter *const *states, ag_node *rate, ag_node *t);
};

AG_API extern const nn_optimizer_kind nn_optimizer_sgd, nn_optimizer_rmsprop, nn_optimizer_adam,
    nn_optimizer_adamw;
AG_API const nn_optimizer_kind *nn_optimizer_kind_at(int i);  // NULL past the end

#define nn_sgd(...) ((nn_optimizer_params){.kind = &nn_optimizer_sgd, __VA_ARGS__})          // rate 0.01
#define nn_rmsprop(...) ((nn_optimizer_params){.kind = &nn_optimizer_rmsprop, __VA_ARGS__})  // rate 0.001
#define nn_adam(...) ((nn_optimizer_params){.kind = &nn_optimizer_adam, __VA_ARGS__})        // rate 0.001
#define nn_adamw(...) ((nn_optimizer_params){.kind = &nn_optimizer_adamw, __VA_ARGS__})      // rate 0.001

// For the parameters of the model (a chain's parts included) that are trainable now. State starts at zero,
// step count at 0. The caller frees it, before the model. NULL, with *error filled, when none is trainable
// (AG_STATUS_CONTRACT) or an option is out of its range (AG_STATUS_USAGE).
AG_API nn_optimizer *nn_optimizer_create(const nn_model *model, nn_optimizer_params params, ag_error *error);
AG_API void nn_optimizer_free(nn_optimizer *optimizer);

// The scalar inputs of one recorded update.
typedef struct nn_update {
    ag_node *rate, *t;
} nn_update;

// Appends d loss / d parameter for each of its parameters and the updates. The tape must have read them while
// they were trainable: wrap the recording in nn_optimizer_begin .. end, which sets the flags as they were at
// creation and puts back today's. False when the tape carries an error, which record leaves there.
AG_API void nn_optimizer_begin(nn_optimizer *optimizer);
AG_API void nn_optimizer_end(nn_optimizer *optimizer);
AG_API bool nn_optimizer_record(nn_optimizer *optimizer, ag_node *loss, nn_update *out_update);

// Feeds rate and t (count + 1) before a run; after the run the step counts. Separate, so that a step that was
// not run is not counted.
AG_API bool nn_optimizer_feed(const nn_optimizer *optimizer, ag_program *program, const nn_update *update,
                              ag_error *error);
AG_API void nn_optimizer_advance(nn_optimizer *optimizer);

// Steps taken, 0 to 2^53; and the rate, positive and finite, read at each feed: a schedule sets it between
// steps. Setting anything else is AG_STATUS_USAGE and changes nothing.
AG_API int64_t nn_optimizer_step(const nn_optimizer *optimizer);
AG_API bool nn_optimizer_set_step(nn_optimizer *optimizer, int64_t step, ag_error *error);
AG_API double nn_optimizer_rate(const nn_optimizer *optimizer);
AG_API bool nn_optimizer_set_rate(nn_optimizer *optimizer, double rate, ag_error *error);

// The state sets, for saving: "MODEL.m" ...
AG_API int nn_optimizer_state_count(const nn_optimizer *optimizer);
AG_API ag_parameter_set *nn_optimizer_state(const nn_optimizer *optimizer,
                                            int i);  // NULL when i is out of range
// Whether no value of state set i can be below 0, as of Adam's v.
AG_API bool nn_optimizer_state_nonnegative(const nn_optimizer *optimizer, int i);
