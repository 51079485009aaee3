// SPDX-License-Identifier: MIT
// The catalogue of ops. Every function records a node on its inputs' tape and returns it; on a broken rule it
// returns the tape's error node (tape.h). Unless said, every op is differentiable, any number of times.
#pragma once

#include "autograd/random.h"
#include "autograd/tape.h"

// ---- pointwise; binary ones broadcast as NumPy does ----
AG_API ag_node *ag_add(ag_node *a, ag_node *b);
AG_API ag_node *ag_sub(ag_node *a, ag_node *b);
AG_API ag_node *ag_mul(ag_node *a, ag_node *b);
AG_API ag_node *ag_div(ag_node *a, ag_node *b);
AG_API ag_node *ag_minimum(ag_node *a,
                           ag_node *b);  // equal operands share the gradient half and half, as in PyTorch
AG_API ag_node *ag_maximum(ag_node *a, ag_node *b);
AG_API ag_node *ag_neg(ag_node *x);
AG_API ag_node *ag_scale(ag_node *x, double factor);                // factor * x
AG_API ag_node *ag_add_scalar(ag_node *x, double term);             // x + term
AG_API ag_node *ag_affine(ag_node *x, double factor, double term);  // factor * x + term
AG_API ag_node *ag_square(ag_node *x);
AG_API ag_node *ag_sqrt(ag_node *x);
AG_API ag_node *ag_exp(ag_node *x);
AG_API ag_node *ag_log(ag_node *x);
AG_API ag_node *ag_tanh(ag_node *x);
AG_API ag_node *ag_sigmoid(ag_node *x);                   // 1 / (1 + exp(-x))
AG_API ag_node *ag_softplus(ag_node *x);                  // log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
AG_API ag_node *ag_relu(ag_node *x);                      // gradient 0 at 0
AG_API ag_node *ag_leaky_relu(ag_node *x, double slope);  // x > 0 ? x : slope * x
AG_API ag_node *ag_abs(ag_node *x);                       // gradient 0 at 0
AG_API ag_node *ag_clamp(ag_node *x, double low,
                         double high);  // low <= high; gradient 1 on [low, high], else 0

// ---- shape ----
AG_API ag_node *ag_reshape(ag_node *x, ag_shape shape);     // same number of elements; no copy
AG_API ag_node *ag_broadcast(ag_node *x, ag_shape shape);   // NumPy's broadcast_to
AG_API ag_node *ag_transpose(ag_node *x, const int *axes);  // y's axis i is x's axis axes[i]; NULL: reversed
AG_API ag_node *ag_slice(ag_node *x, const int64_t *begin, ag_shape extent);  // x[begin .. begin + extent)
AG_API ag_node *ag_concat(int n, ag_node *const *xs,
                          int axis);  // 1 to 8 nodes; axis may be negative, from the end
AG_API ag_node *ag_pad(ag_node *x, const int64_t *before, const int64_t *after);  // zeros around

// ---- reductions ----
#define AG_AXIS(i) (1u << (i))
AG_API ag_node *ag_sum(ag_node *x);  // over all axes -> scalar
AG_API ag_node *ag_mean(ag_node *x);
AG_API ag_node *ag_sum_axes(ag_node *x, unsigned axes,
                            bool keep);  // over AG_AXIS(i) | ...; keep: as dimensions of 1
AG_API ag_node *ag_mean_axes(ag_node *x, unsigned axes, bool keep);
AG_API ag_node *ag_sum_to(ag_node *x, ag_shape shape);  // the adjoint of ag_broadcast

// ---- linear algebra ----
// op(a) op(b), op = transpose where the flag is set; a [M,K], b [K,N] (after op) -> y [M,N].
AG_API ag_node *ag_matmul(ag_node *a, ag_node *b, bool transpose_a, bool transpose_b);

// ---- convolution; x [N,H,W,C] ----
typedef enum ag_padding {
    AG_PADDING_SAME,      // Keras: out = ceil(in / stride), total = max((out-1) stride + k - in, 0), before =
                          // total / 2
    AG_PADDING_VALID,     // out = floor((in - k) / stride) + 1
    AG_PADDING_EXPLICIT,  // pad_top, pad_bottom, pad_left, pad_right
} ag_padding;

typedef struct ag_conv_params {
    int64_t stride;  // 0 means 1
    ag_padding padding;
    int64_t pad_top, pad_bottom, pad_left, pad_right;  // AG_PADDING_EXPLICIT only
} ag_conv_params;

// Cross-correlation: x [N,H,W,Ci], w [kh,kw,Ci,Co] -> y [N,H',W',Co]. Keras: Conv2D without bias.
AG_API ag_node *ag_conv2d(ag_node *x, ag_node *w, ag_conv_params params);
// The input gradient of that convolution, seen from the other side: x [N,H,W,Ci], w [kh,kw,Co,Ci] -> y
// [N,H*stride,W*stride,Co] with AG_PADDING_SAME; AG_PADDING_VALID: (H-1) stride + kh; explicit: that less the
// padding. Keras: Conv2DTranspose.
AG_API ag_node *ag_conv2d_transpose(ag_node *x, ag_node *w, ag_conv_params params);

// ---- batch normalization over all axes but the last ----
// y = gamma (x - mean) / sqrt(variance + epsilon) + beta; mean, variance, gamma, beta [C].
// The moments of x: mean, and the biased variance mean((x - mean)^2).
AG_API ag_node *ag_batch_mean(ag_node *x);
AG_API ag_node *ag_batch_variance(ag_node *x, ag_node *mean);
// With x's own moments, the results of the two functions above for this x; all others are refused. Gradients
// flow to x through them (Ioffe, Szegedy 2015).
AG_API ag_node *ag_batch_norm(ag_node *x, ag_node *mean, ag_node *variance, ag_node *gamma, ag_node *beta,
                              double epsilon);
// With any other moments (moving statistics): mean and variance are independent inputs.
AG_API ag_node *ag_batch_norm_fixed(ag_node *x, ag_node *mean, ag_node *variance, ag_node *gamma,
                                    ag_node *beta, double epsilon);

// ---- gradients and randomness ----
AG_API ag_node *ag_stop_gradient(ag_node *x);
// Value i of the stream (clock's seed, purpose, clock's step), shifted by `lane` << 40 so that several nodes
// may share one purpose. Not differentiable.
AG_API ag_node *ag_random_normal(ag_tape *tape, ag_shape shape, uint32_t purpose, uint32_t lane);
AG_API ag_node *ag_random_uniform(ag_tape *tape, ag_shape shape, uint32_t purpose, uint32_t lane);  // [0, 1)

// ---- effects: a program's last steps ----
// parameter := value. Trainable or not; shapes must be equal.
AG_API ag_node *ag_assign(ag_parameter *parameter, ag_node *value);

// Optimizer updates of one parameter. A parameter that is not trainable is a contract error. `rate` is a
// scalar node, `t` the step number from 1 (a scalar node; less counts as 1); states are buffers of the
// parameter's shape. Decay rates (beta1, beta2, momentum, rho) lie in [0, 1), epsilon and weight_decay are
// finite and not negative.
typedef struct ag_adam_params {
    double beta1, beta2, epsilon;
    bool torch_epsilon;   // epsilon after the bias correction (PyTorch), not before (Keras's "epsilon hat")
    double weight_decay;  // decoupled (AdamW, Loshchilov and Hutter 2019): w -= rate * weight_decay * w
} ag_adam_params;
AG_API ag_node *ag_adam_update(ag_parameter *w, ag_node *gradient, ag_parameter *m, ag_parameter *v,
                               ag_node *rate, ag_node *t, ag_adam_params params);
// v := momentum v - rate g; w += v (Keras). velocity may be NULL when momentum is 0.
AG_API ag_node *ag_sgd_update(ag_parameter *w, ag_node *gradient, ag_parameter *velocity, ag_node *rate,
                              double momentum);
// s := rho s + (1-rho) g^2; w -= rate g / (sqrt(s) + epsilon) (epsilon outside the root, as in Keras's legacy
// optimizer, tf.keras.optimizers.legacy; Keras's present one has it inside).
AG_API ag_node *ag_rmsprop_update(ag_parameter *w, ag_node *gradient, ag_parameter *square, ag_node *rate,
                                  double rho, double epsilon);
