# SPDX-License-Identifier: MIT
"""Layers, losses, optimizers and initializers of tf.keras, forward and backward, as golden data. See README.md."""

from keras_setup import VERSIONS, exact, hyper, keras, leaky_relu, tf

import numpy as np
from tf_keras.src.initializers.initializers import _compute_fans

from golden import Cases, normal, optimizer_inputs, rng, write_versions

layers = keras.layers

# name: (class, x, filters, kernel, stride, padding)
CONVOLUTIONS = {
    "conv2d_same_s2_28": (layers.Conv2D, (2, 28, 28, 1), 4, 3, 2, "same"),
    "conv2d_same_s2_14": (layers.Conv2D, (2, 14, 14, 3), 4, 3, 2, "same"),
    "conv2d_same_s2_7": (layers.Conv2D, (2, 7, 7, 3), 5, 3, 2, "same"),
    "conv2d_same_s2_5x7": (layers.Conv2D, (3, 5, 7, 2), 3, 3, 2, "same"),
    "conv2d_same_s2_6x5": (layers.Conv2D, (1, 6, 5, 2), 3, 3, 2, "same"),
    "conv2d_same_s2_k5_9x8": (layers.Conv2D, (2, 9, 8, 2), 3, 5, 2, "same"),
    "conv2d_same_s2_k4_7x6": (layers.Conv2D, (2, 7, 6, 2), 3, 4, 2, "same"),
    "conv2d_same_s3_k2_7x8": (layers.Conv2D, (2, 7, 8, 2), 3, 2, 3, "same"),
    "conv2d_same_s2_k1_5x4": (layers.Conv2D, (2, 5, 4, 2), 3, 1, 2, "same"),
    "conv2d_same_s1_6": (layers.Conv2D, (2, 6, 6, 3), 4, 3, 1, "same"),
    "conv2d_same_s1_5x7": (layers.Conv2D, (2, 5, 7, 2), 3, 3, 1, "same"),
    "conv2d_same_s1_k5_6": (layers.Conv2D, (2, 6, 6, 2), 3, 5, 1, "same"),
    "conv2d_same_s1_k5_3x4": (layers.Conv2D, (2, 3, 4, 2), 3, 5, 1, "same"),
    "conv2d_same_s1_k3x5_4x6": (layers.Conv2D, (2, 4, 6, 2), 3, (3, 5), 1, "same"),
    "conv2d_valid_s1_6": (layers.Conv2D, (2, 6, 6, 3), 4, 3, 1, "valid"),
    "conv2d_valid_s1_k5_7x6": (layers.Conv2D, (2, 7, 6, 2), 3, 5, 1, "valid"),
    "conv2d_valid_s2_7": (layers.Conv2D, (2, 7, 7, 2), 3, 3, 2, "valid"),
    "conv2d_valid_s2_8x5": (layers.Conv2D, (2, 8, 5, 2), 3, 3, 2, "valid"),
    "conv2d_transpose_same_s2_7": (layers.Conv2DTranspose, (2, 7, 7, 3), 4, 3, 2, "same"),
    "conv2d_transpose_same_s2_14": (layers.Conv2DTranspose, (2, 14, 14, 2), 1, 3, 2, "same"),
    "conv2d_transpose_same_s2_3x5": (layers.Conv2DTranspose, (3, 3, 5, 2), 3, 3, 2, "same"),
    "conv2d_transpose_same_s2_1x1": (layers.Conv2DTranspose, (1, 1, 1, 3), 2, 3, 2, "same"),
    "conv2d_transpose_same_s2_k5_4x3": (layers.Conv2DTranspose, (2, 4, 3, 2), 3, 5, 2, "same"),
    "conv2d_transpose_same_s2_k4_4x3": (layers.Conv2DTranspose, (2, 4, 3, 2), 3, 4, 2, "same"),
    "conv2d_transpose_same_s3_k2_2x3": (layers.Conv2DTranspose, (2, 2, 3, 2), 3, 2, 3, "same"),
    "conv2d_transpose_same_s1_5": (layers.Conv2DTranspose, (2, 5, 5, 3), 4, 3, 1, "same"),
    "conv2d_transpose_same_s1_4x6": (layers.Conv2DTranspose, (2, 4, 6, 2), 3, 3, 1, "same"),
    "conv2d_transpose_valid_s1_4x5": (layers.Conv2DTranspose, (2, 4, 5, 2), 3, 3, 1, "valid"),
    "conv2d_transpose_valid_s2_3x4": (layers.Conv2DTranspose, (2, 3, 4, 2), 3, 3, 2, "valid"),
    "conv2d_transpose_valid_s2_k5_3x2": (layers.Conv2DTranspose, (2, 3, 2, 2), 3, 5, 2, "valid"),
}

ACTIVATIONS = {
    "leaky_relu": lambda: leaky_relu(0.01),
    "relu": layers.ReLU,
    "tanh": lambda: layers.Activation("tanh"),
    "sigmoid": lambda: layers.Activation("sigmoid"),
}


def backward(function, inputs, dy):
    """y = function() and the gradients of sum(y dy) for each of the inputs."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function()
        total = tf.reduce_sum(y * dy(y.shape))
    return y, tape.gradient(total, inputs)


def add_layer(cases, case, layer, x_shape, note, x_scale=1.0):
    """A layer with kernel and bias, or with neither, on drawn weights, input and upstream gradient."""
    stream = rng(case)
    layer.build(x_shape)
    weights = [normal(stream, w.shape, 0.5) for w in layer.weights]
    layer.set_weights(weights)
    x = tf.constant(cases.cast(normal(stream, x_shape, x_scale)))
    drawn = {}

    def dy(shape):
        drawn["dy"] = tf.constant(cases.cast(normal(stream, tuple(shape))))
        return drawn["dy"]

    y, gradients = backward(lambda: layer(x), [x] + layer.trainable_weights, dy)
    names = ("w", "b")[: len(weights)]
    cases.add(
        case,
        note,
        x=x,
        y=y,
        dy=drawn["dy"],
        dx=gradients[0],
        **dict(zip(names, weights)),
        **{f"d{n}": g for n, g in zip(names, gradients[1:])},
    )


def layer_cases(dtype):
    cases = Cases("keras_layers", dtype, VERSIONS)
    add_layer(cases, "dense", layers.Dense(4), (3, 5), "x [N,in], w [in,out]")
    add_layer(cases, "dense_n1", layers.Dense(1), (1, 7), "x [N,in], w [in,out]")
    for case, (kind, shape, filters, kernel, stride, padding) in CONVOLUTIONS.items():
        add_layer(
            cases,
            case,
            kind(filters, kernel, strides=stride, padding=padding),
            shape,
            {"op": kind.__name__, "stride": stride, "padding": padding},
        )
    for case, make in ACTIVATIONS.items():
        add_layer(cases, case, make(), (3, 4, 5), "slope 0.01" if case == "leaky_relu" else "", x_scale=3.0)
    add_layer(cases, "upsample", layers.UpSampling2D(2, interpolation="nearest"), (2, 3, 4, 3), "nearest, factor 2")
    cases.save()


def batch_norm_layer(stream, shape, drawn_statistics):
    """A BatchNormalization with drawn gamma and beta; moving statistics drawn too, or Keras's own 0 and 1."""
    layer = layers.BatchNormalization(momentum=exact(0.99), epsilon=1e-3)
    layer.build(shape)
    n = shape[-1]
    moving = (
        [normal(stream, n, 0.5), np.abs(normal(stream, n, 0.5, 1.0))]
        if drawn_statistics
        else [np.zeros(n), np.ones(n)]
    )
    layer.set_weights([normal(stream, n, 0.3, 1.0), normal(stream, n, 0.3)] + moving)
    return layer


def add_batch_norm(cases, case, shape, training, note):
    """Batch statistics: three inputs in turn, y and gradients of the first. Moving statistics: one input."""
    stream = rng(case)
    layer = batch_norm_layer(stream, shape, not training)
    gamma, beta, *before = layer.get_weights()
    xs = [tf.constant(cases.cast(normal(stream, shape, 1.5, 0.7))) for _ in range(3 if training else 1)]
    dy = tf.constant(cases.cast(normal(stream, shape)))
    y, (dx, dgamma, dbeta) = backward(
        lambda: layer(xs[0], training=training), [xs[0]] + layer.trainable_weights, lambda _: dy
    )
    cases.add(
        case,
        note,
        gamma=gamma,
        beta=beta,
        x=xs[0],
        dy=dy,
        y=y,
        dx=dx,
        dgamma=dgamma,
        dbeta=dbeta,
        moving_mean=before[0],
        moving_variance=before[1],
    )
    if training:
        add_moving(cases, case, note, layer, xs)


def add_moving(cases, case, note, layer, xs):
    def keep(step):
        cases.add(
            case, note, **{f"moving_mean_{step}": layer.moving_mean, f"moving_variance_{step}": layer.moving_variance}
        )

    keep(1)
    for x in xs[1:]:
        layer(x, training=True)
    keep(3)
    cases.add(case, note, x2=xs[1], x3=xs[2])


def batch_norm_cases(dtype):
    cases = Cases("keras_batch_norm", dtype, VERSIONS)
    fused = {
        "momentum": 0.99,
        "epsilon": 1e-3,
        "moving_variance": "unbiased (fused kernel)" if dtype == "float32" else "biased",
    }
    plain = {**fused, "moving_variance": "biased"}
    add_batch_norm(cases, "batch_norm_training", (4, 3, 5, 2), True, fused)
    add_batch_norm(cases, "batch_norm_training_n1", (1, 4, 3, 3), True, fused)
    add_batch_norm(cases, "batch_norm_training_rank2", (6, 3), True, plain)
    add_batch_norm(cases, "batch_norm_inference", (4, 3, 5, 2), False, {"epsilon": 1e-3})
    cases.save()


def add_loss(cases, case, loss, x, t, note, t_stored=None):
    """Mean loss over the batch, and its gradient for x. t_stored: the targets after Keras's own smoothing."""
    x, t = tf.constant(cases.cast(x)), tf.constant(cases.cast(t))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(t, x)
    cases.add(case, note, x=x, t=t if t_stored is None else t_stored, loss=value, dx=tape.gradient(value, x))


def bce_cases(cases):
    bce = keras.losses.BinaryCrossentropy
    x = np.concatenate([normal(rng("bce_logits"), 10, 3.0), [0.0, 40.0, -40.0, 120.0, -120.0, 1e-4]])[:, None]
    t = (np.arange(16) % 3 == 0).astype(np.float64)[:, None]
    t_seed = t * (1 - 0.1) + (1 - t) * 0.1
    t_keras = cases.cast(t) * cases.cast(0.9) + cases.cast(0.05)
    add_loss(cases, "bce_logits", bce(from_logits=True), x, t, "x are logits; hard targets")
    add_loss(cases, "bce_logits_smooth", bce(from_logits=True), x, t_seed, "targets 0 + 0.1 and 1 - 0.1")
    add_loss(
        cases,
        "bce_logits_keras_smoothing",
        bce(from_logits=True, label_smoothing=0.1),
        x,
        t,
        "label_smoothing=0.1; t holds the targets it makes, 0.05 and 0.95",
        t_keras,
    )


def loss_cases(dtype):
    cases = Cases("keras_losses", dtype, VERSIONS)
    bce_cases(cases)
    stream = rng("losses")
    x, t = normal(stream, (4, 3)), normal(stream, (4, 3))
    add_loss(cases, "mse", keras.losses.MeanSquaredError(), x, t, "mean over all elements")
    add_loss(cases, "l1", keras.losses.MeanAbsoluteError(), x, t, "mean over all elements")
    logits = normal(stream, (5, 7), 4.0)
    cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True)
    hard = np.eye(7)[[0, 3, 6, 3, 1]]
    soft = np.float32(stream.dirichlet(np.ones(7), 5)).astype(np.float64)
    add_loss(
        cases,
        "softmax_cross_entropy",
        cross_entropy,
        logits,
        hard,
        "x are logits [N,classes]; t one-hot; mean over N",
    )
    add_loss(
        cases,
        "softmax_cross_entropy_soft",
        cross_entropy,
        logits,
        soft / soft.sum(1, keepdims=True),
        "t sums to 1 per row",
    )
    cases.save()


def optimizers():
    """case: (optimizer, its slots by our names, note); legacy.* is optimizer_v2, the update of TF 1.15 to 2.10."""
    legacy = keras.optimizers.legacy
    adam = {"learning_rate": hyper(1e-3), "beta_1": hyper(0.9), "beta_2": hyper(0.999)}
    note = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999}
    return {
        "adam_eps1e-8": (legacy.Adam(epsilon=1e-8, **adam), {"m": "m", "v": "v"}, {**note, "epsilon": 1e-8}),
        "adam_eps1e-7": (legacy.Adam(epsilon=1e-7, **adam), {"m": "m", "v": "v"}, {**note, "epsilon": 1e-7}),
        "sgd": (legacy.SGD(hyper(1e-2)), {}, {"lr": 1e-2}),
        "sgd_momentum": (
            legacy.SGD(hyper(1e-2), momentum=hyper(0.9)),
            {"v": "momentum"},
            {"lr": 1e-2, "momentum": 0.9, "rule": "v = momentum v - lr g; w += v"},
        ),
        "rmsprop": (
            legacy.RMSprop(hyper(1e-3), rho=hyper(0.9), epsilon=1e-7),
            {"s": "rms"},
            {
                "lr": 1e-3,
                "rho": 0.9,
                "epsilon": 1e-7,
                "rule": "s = rho s + (1-rho) g^2; w -= lr g / (sqrt(s) + epsilon)",
            },
        ),
    }


def optimizer_cases(dtype):
    cases = Cases("keras_optimizers", dtype, VERSIONS)
    start, gradients = optimizer_inputs()
    cases.add("inputs", "w before step 1; g [step,3,4], shared by all cases", w=start, g=gradients)
    for case, (optimizer, slots, note) in optimizers().items():
        w = tf.Variable(cases.cast(start))
        for step, g in enumerate(gradients, 1):
            optimizer.apply_gradients([(tf.constant(cases.cast(g)), w)])
            if step in (1, 2, 3, 10):
                state = {f"{ours}_{step}": optimizer.get_slot(w, theirs) for ours, theirs in slots.items()}
                cases.add(case, note, **{f"w_{step}": w}, **state)
    cases.save()


INITIALIZERS = {
    "he_normal": keras.initializers.HeNormal,
    "he_uniform": keras.initializers.HeUniform,
    "glorot_normal": keras.initializers.GlorotNormal,
    "glorot_uniform": keras.initializers.GlorotUniform,
}
INITIALIZED = {"dense": (100, 12544), "conv2d": (3, 3, 32, 64), "conv2d_transpose": (3, 3, 128, 256)}
TRUNCATION = 0.87962566103423978
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def initializer_formula(initializer, shape):
    """Keras's own numbers: fans, standard deviation of the result, and the bound that no value passes."""
    fan_in, fan_out = _compute_fans(shape)
    variance = initializer.scale / {"fan_in": fan_in, "fan_avg": (fan_in + fan_out) / 2}[initializer.mode]
    if initializer.distribution == "uniform":
        bound = np.sqrt(3 * variance)
    else:
        bound = 2 * np.sqrt(variance) / TRUNCATION
    return [fan_in, fan_out, np.sqrt(variance), bound]


def initializer_cases():
    cases = Cases("keras_initializers", "float64", VERSIONS)
    keras.backend.set_floatx("float32")
    for name, kind in INITIALIZERS.items():
        for target, shape in INITIALIZED.items():
            n_draws = -(-1_000_000 // int(np.prod(shape)))
            x = np.concatenate([kind(seed=seed)(shape).numpy().ravel() for seed in range(n_draws)]).astype(np.float64)
            cases.add(
                f"{name}_{target}",
                {"shape": shape, "n": x.size},
                moments=[x.mean(), x.std(), x.min(), x.max()],
                quantiles=np.quantile(x, QUANTILES),
                formula=initializer_formula(kind(seed=0), shape),
            )
    cases.save()


def main():
    for dtype in ("float64", "float32"):
        keras.backend.set_floatx(dtype)
        layer_cases(dtype)
        batch_norm_cases(dtype)
        loss_cases(dtype)
        optimizer_cases(dtype)
    initializer_cases()
    write_versions("generate_keras.py", VERSIONS)


if __name__ == "__main__":
    main()
