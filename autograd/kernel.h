// SPDX-License-Identifier: MIT
// CONTRACT of the kernels (private): one function pointer per hot loop. kernels/scalar.c and
// scalar_products.c are the definition of each slot and the oracle of its test; the vector sources are
// written once, in GCC vector extensions, and compiled once per instruction set and element type. Kernels
// know no tape and no threads: the caller cuts work into tasks by shape and runs them in parallel.
//
// All pointers are to elements of the table's dtype, need no alignment beyond the element's, and do not
// overlap unless said. rows x cols arrays are row-major without gaps; cols is the channel axis.
#pragma once

#include "autograd/tensor.h"

// Pointwise functions; the one list is kernels/pointwise.def.
typedef enum ag_pointwise {
#define AG_POINTWISE(name, arity, expression) AG_POINTWISE_##name,
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
    AG_POINTWISE_COUNT
} ag_pointwise;

// out[i] = f(in[0][i * step[0]], ..; p, q), i in [0, n). step is 0 (one value for all) or 1. out may equal an
// input of step 1.
typedef struct ag_pointwise_call {
    int64_t n;
    const void *in[3];
    int step[3];
    void *out;
    double p, q;
} ag_pointwise_call;

// A convolution's geometry, for all three passes: x [n,h,w,ci] * w [kh,kw,ci,co] -> y [n,oh,ow,co],
// cross-correlation,
//   y[n,i,j,o] = sum over a,b,c of x[n, i*stride + a - pad_top, j*stride + b - pad_left, c] * w[a,b,c,o],
// pixels outside x count as zero (and are skipped, not multiplied).
typedef struct ag_conv_geometry {
    int64_t n, h, w, ci;
    int64_t oh, ow, co;
    int64_t kh, kw, stride, pad_top, pad_left;
    int winograd;  // the Winograd slots' largest tile of outputs, 2 or 4; the direct slots do not look at it
} ag_conv_geometry;

typedef enum ag_conv_pass {
    AG_CONV_FORWARD,          // a = x, b = w,  out = y
    AG_CONV_INPUT_GRADIENT,   // a = dy, b = w, out = dx: every element of dx written
    AG_CONV_WEIGHT_GRADIENT,  // a = x, b = dy, out = dw: every element of dw written
    AG_CONV_PASS_COUNT
} ag_conv_pass;

// What forward and input gradient do to a sum before they store it, with the values of its channel:
//   v = sum + bias,   z = (v - mean) * scale + shift,   then z * slope where z < 0.
typedef struct ag_conv_epilogue {
    const void *bias;                  // [channels]; NULL: none
    const void *mean, *scale, *shift;  // [channels]; all NULL: z = v
    double slope;                      // 1: all of z; 0: 0 for all z < 0
} ag_conv_epilogue;

typedef struct ag_conv_call {
    const ag_conv_geometry *geometry;
    const void *a, *b;
    void *out;
    ag_conv_epilogue epilogue;
    void *scratch;  // scratch_bytes(geometry, workers), 64-byte aligned
    int worker;     // number of the thread that runs the task, below `workers`: no two run tasks at once
} ag_conv_call;

#define AG_CONV_STAGES 3  // preparations, the sums, what combines them; each may have no tasks

// A pass of the convolution: stage after stage, the tasks of a stage in any order and in parallel. The number
// of tasks is a function of the geometry alone, never of the number of threads.
typedef struct ag_conv_kernel {
    int64_t (*scratch_bytes)(const ag_conv_geometry *geometry, int workers);
    int64_t (*tasks)(const ag_conv_geometry *geometry, int stage);
    void (*run)(const ag_conv_call *call, int stage, int64_t task);
} ag_conv_kernel;

// A normalization of columns with a leaky ReLU behind it, and its gradient:
//   z[r,c] = (x[r,c] - mean[c]) * scale[c] + shift[c]
//   g[r,c] = dy[r,c], times slope where z > 0 does not hold
// Slots read what their formulas name, and normalize_gradient no shift where the slope is 1.
typedef struct ag_normalize_call {
    int64_t rows, cols;
    const void *x, *dy;                        // [rows, cols]
    const void *mean, *scale, *shift, *a, *b;  // [cols]
    double slope;
    void *out;        // [rows, cols]
    void *sum, *dot;  // [cols]
} ag_normalize_call;

// A matrix product: c[i,j] = bias[j] + sum over l < k of a[i,l] b[l,j], i < m, j < n. The other numbers are
// the elements from one row to the next, and from one column of a; one of a's two is 1.
typedef struct ag_matmul_call {
    int64_t m, n, k;
    const void *a, *b;
    int64_t a_row, a_column, b_row;
    const void *bias;  // NULL: none
    void *c;
    int64_t c_row;
} ag_matmul_call;

#define AG_MATMUL_DEPTH 128  // of the slot matmul, at most

// Optimizer steps over n elements of flat arrays; w and the states are updated in place.
typedef struct ag_adam_step {
    int64_t n;
    void *w, *m, *v;
    const void *g;
    double rate;  // keras: lr sqrt(1 - beta2^t) / (1 - beta1^t); torch: lr / (1 - beta1^t)
    double beta1, beta2, epsilon;
    double root_scale;  // keras: 1; torch: 1 / sqrt(1 - beta2^t):  w -= rate * m / (root_scale * sqrt(v) +
                        // epsilon)
    double decay;       // w *= 1 - decay first (AdamW); 0 otherwise
} ag_adam_step;

typedef struct ag_kernels {
    const char *isa;  // "scalar", "baseline", "avx2", "avx512"
    ag_dtype dtype;
    // conv, winograd and matmul may multiply numbers rounded to bfloat16; they add in dtype. By VDPBF16PS
    // subnormal factors and sums count as 0.
    bool bf16;

    void (*pointwise[AG_POINTWISE_COUNT])(const ag_pointwise_call *call);

    // Sum of n values, combined in a fixed tree of the table's own.
    double (*sum)(int64_t n, const void *x);
    // out[c] = sum over r of x[r,c]; of (x[r,c] - mean[c])^2; of dy[r,c] (x[r,c] - mean[c])
    void (*column_sum)(int64_t rows, int64_t cols, const void *x, void *out);
    void (*column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out);
    void (*column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                       void *out);

    // out[r,c] = z, or z * slope where z < 0 (0 where the slope is 0); out may be x.
    void (*normalize)(const ag_normalize_call *call);
    // sum[c] = sum over r of g[r,c]; dot[c] = sum over r of g[r,c] (x[r,c] - mean[c]):
    // the bits of column_sum and of column_dot of that g.
    void (*column_gradient)(const ag_normalize_call *call);
    // out[r,c] = scale[c] * (g[r,c] - a[c] - (x[r,c] - mean[c]) * b[c]); out may be dy or x.
    void (*normalize_gradient)(const ag_normalize_call *call);

    ag_conv_kernel conv[AG_CONV_PASS_COUNT];
    // The same passes by Winograd's algorithm, where ag_winograd_possible holds: fewer products, and
    // rounding errors of the size of the direct form's. A value that is not finite spreads to the outputs
    // that share a tile with it. NULL functions in the scalar table.
    ag_conv_kernel winograd[AG_CONV_PASS_COUNT];

    // For small a and wide b, k <= AG_MATMUL_DEPTH.
    void (*matmul)(const ag_matmul_call *call);

    void (*adam)(const ag_adam_step *step);
} ag_kernels;

// The form of a pass that is to be used for these sizes, and geometry->winograd with it; the same for all of
// a process, by AG_WINOGRAD=0|2|4|all from the environment (kernels/algorithm.c).
const ag_conv_kernel *ag_conv_choose(const ag_kernels *kernels, ag_conv_pass pass,
                                     ag_conv_geometry *geometry);

// What AG_WINOGRAD says: "0", "2", "4" (also when it says nothing) or "all".
const char *ag_winograd(void);

// Whether geometry->winograd, 2 or 4, can be the tile of these sizes with the table.
bool ag_winograd_possible(const ag_kernels *kernels, const ag_conv_geometry *geometry);

// The table for this processor: the best it can run, chosen once, or AG_ISA=scalar|baseline|avx2|avx512 from
// the environment; of f32 the one of bf16 products while that is set, for this thread.
const ag_kernels *ag_kernels_get(ag_dtype dtype);

// Sets bf16 products for this thread's f32 tables from now on, or the table's own. False, with nothing
// changed, where the processor has no instruction for them; AG_BF16=emulate from the environment takes plain
// instructions then, of a table that may be of a lower instruction set than the f32 one.
bool ag_kernels_set_bf16(bool on);

// The words that AG_ISA and AG_WINOGRAD may hold, between spaces.
extern const char ag_isa_words[], ag_winograd_words[];

// Table i of those this processor can run, scalar first; NULL past the end. bf16: emulated ones too. For
// tests and the bench.
const ag_kernels *ag_kernels_at(ag_dtype dtype, bool bf16, int i);
