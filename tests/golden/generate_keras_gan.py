# SPDX-License-Identifier: MIT
"""Three training iterations of a small DCGAN in tf.keras, with all weights and optimizer slots. See README.md."""

from keras_setup import VERSIONS, exact, hyper, keras, leaky_relu, tf

import numpy as np

from golden import Cases, normal, rng, write_versions

layers = keras.layers

Z_DIM = 8
IMAGE = (12, 12, 1)
BATCHES = (5, 5, 3)
SLOPE = 0.01
SEED = "gan13"
NOISE = ("generator/conv2d_transpose_1/b", "generator/conv2d_transpose_2/b")
WEIGHT_NAMES = {"kernel": "w", "bias": "b"}


class UnbiasedBatchNorm(layers.BatchNormalization):
    """The factor n / (n - 1) of the fused kernel's moving variance, for float64, which has no fused kernel."""

    def __init__(self, **options):
        super().__init__(momentum=exact(0.99), epsilon=1e-3, **options)

    def call(self, inputs, training=None):
        n = tf.cast(tf.size(inputs) / inputs.shape[-1], inputs.dtype)
        self.bessel = n / (n - 1)
        return super().call(inputs, training=training)

    def _assign_moving_average(self, variable, value, momentum, inputs_size):
        if not self.fused and variable is self.moving_variance:
            value = value * self.bessel
        return super()._assign_moving_average(variable, value, momentum, inputs_size)


def generator():
    model = keras.Sequential(
        [keras.Input((Z_DIM,)), layers.Dense(3 * 3 * 8, name="dense"), layers.Reshape((3, 3, 8))], "generator"
    )
    for i, (filters, stride) in enumerate([(6, 2), (4, 1)], 1):
        model.add(layers.Conv2DTranspose(filters, 3, strides=stride, padding="same", name=f"conv2d_transpose_{i}"))
        model.add(UnbiasedBatchNorm(name=f"batch_norm_{i}"))
        model.add(leaky_relu(SLOPE))
    model.add(layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="tanh", name="conv2d_transpose_3"))
    return model


def discriminator(last):
    model = keras.Sequential([keras.Input(IMAGE)], "discriminator")
    for i, filters in enumerate((3, 4, 5), 1):
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", name=f"conv2d_{i}"))
        model.add(leaky_relu(SLOPE))
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation=last, name="dense"))
    return model


def adam():
    return keras.optimizers.legacy.Adam(hyper(1e-3), beta_1=hyper(0.9), beta_2=hyper(0.999), epsilon=1e-8)


def name_of(model, variable):
    """dense/kernel:0 -> generator/dense/w"""
    layer, weight = variable.name.split(":")[0].split("/")[-2:]
    return f"{model.name}/{layer}/{WEIGHT_NAMES.get(weight, weight)}"


def initial_weight(stream, name, shape):
    """Sizes as after some training: nothing is 0 or 1, and kernels have He's scale."""
    kind = name.rsplit("/", 1)[1]
    if kind == "w":
        fan_in = int(np.prod(shape[:-2])) * shape[-2]
        return normal(stream, shape, np.sqrt(2 / fan_in))
    if kind == "moving_variance":
        return np.abs(normal(stream, shape, 0.2, 1.0))
    if kind == "moving_mean":
        return normal(stream, shape, 0.5)
    return normal(stream, shape, 0.1, 1.0 if kind == "gamma" else 0.0)


class Gan:
    """G, D and the combined model, compiled as a Keras user does: D trainable, then frozen inside the combined one."""

    def __init__(self, last):
        loss = keras.losses.BinaryCrossentropy(from_logits=last == "linear")
        self.g, self.d = generator(), discriminator(last)
        self.g_adam, self.d_adam = adam(), adam()
        self.d.compile(loss=loss, optimizer=self.d_adam)
        self.d.trainable = False
        self.combined = keras.Sequential([self.g, self.d], "combined")
        self.combined.compile(loss=loss, optimizer=self.g_adam)
        stream = rng(SEED)
        for model in (self.g, self.d):
            for weight in model.weights:
                weight.assign(initial_weight(stream, name_of(model, weight), weight.shape))

    def step_minimax(self, z):
        """One step of G on mean log(1 - D(G(z))) = -mean softplus(logit); D must end in its logit."""
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(tf.math.softplus(self.d(self.g(z, training=True), training=True)))
        weights = self.g.trainable_weights
        self.g_adam.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss.numpy()

    def iterate(self, z1, images, z2, eps, minimax):
        """The seed's iteration: fakes on moving statistics, D on fakes, D on reals, G through the frozen D."""
        fakes = self.g.predict_on_batch(z1)
        fake_target = np.full((len(images), 1), eps, fakes.dtype)
        real_target = np.full((len(images), 1), 1 - eps, fakes.dtype)
        losses = [self.d.train_on_batch(fakes, fake_target), self.d.train_on_batch(images, real_target)]
        losses.append(self.step_minimax(z2) if minimax else self.combined.train_on_batch(z2, real_target))
        return fakes, losses

    def state(self):
        """Weights, moving statistics and Adam's m and v by name."""
        arrays = {}
        for model, optimizer in ((self.g, self.g_adam), (self.d, self.d_adam)):
            arrays.update({name_of(model, w): w.numpy() for w in model.weights})
            for w in optimizer.weights[1:]:
                layer, weight, slot = w.name.split(":")[0].split("/")[-3:]
                arrays[f"{model.name}_{slot}/{layer}/{WEIGHT_NAMES.get(weight, weight)}"] = w.numpy()
        return arrays


def data(cases, iteration):
    """z1, images and z2 of one iteration: the same numbers for every run and precision."""
    stream, n = rng(f"{SEED}/iteration{iteration}"), BATCHES[iteration - 1]
    images = np.clip(normal(stream, (n, *IMAGE), 0.6), -1, 1)
    return {
        "z1": cases.cast(normal(stream, (n, Z_DIM))),
        "images": cases.cast(images),
        "z2": cases.cast(normal(stream, (n, Z_DIM))),
    }


def run(group, dtype, last, eps=0.0, minimax=False, n_iterations=3):
    keras.backend.set_floatx(dtype)
    cases = Cases(group, dtype, VERSIONS)
    gan = Gan(last)
    note = {
        "lr": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "ls_epsilon": eps,
        "batches": BATCHES[:n_iterations],
        "generator_loss": "minimax" if minimax else "non_saturating",
        "bn_momentum": 0.99,
        "bn_epsilon": 1e-3,
        "moving_variance": "unbiased",
        "true_gradient_0": NOISE,
    }
    cases.add("initial", note, **gan.state())
    for i in range(1, n_iterations + 1):
        inputs = data(cases, i)
        fakes, losses = gan.iterate(**inputs, eps=eps, minimax=minimax)
        cases.add(f"iteration{i}", "", **inputs, fakes=fakes, losses=losses, **gan.state())
    return cases


def distance(name, a, b):
    """The tests' measure: relative to the largest entry, for weights at least the learning rate."""
    floor = 0 if "_m/" in name or "_v/" in name else 1e-3
    return float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), floor))


def is_noise(name):
    """A bias whose true gradient is 0, or its m or v."""
    return any(name.endswith(noise.split("/", 1)[1]) for noise in NOISE)


def holds_in_float32(name):
    """Weights, moving statistics and losses. Adam turns the noise biases' rounding into steps of up to lr, which the
    moving mean follows only at 1 %: that moves the next fakes by some 1e-4, and with them D's gradients."""
    return not is_noise(name) and "_m/" not in name and "_v/" not in name and not name.endswith("/fakes")


def worst(a, b, compared):
    """The largest distance over the compared arrays, and its name."""
    assert a.arrays.keys() == b.arrays.keys()
    return max((distance(n, a.arrays[n], b.arrays[n]), n) for n in b.arrays if compared(n))


def write_pair(group, **options):
    """Both precisions; float32 must stay well inside the tests' 1e-4, or rounding would decide them."""
    pair = {dtype: run(group, dtype, **options) for dtype in ("float64", "float32")}
    size, name = worst(pair["float32"], pair["float64"], holds_in_float32)
    print(f"{group}: float32 is {size:.1e} from float64, at {name}")
    assert size < 2e-5
    for cases in pair.values():
        cases.save()
    return pair


def check_logits(pair, **options):
    """A sigmoid output with binary_crossentropy is the loss on logits: Keras finds the logit behind the sigmoid."""
    compared = {"float64": lambda name: not is_noise(name), "float32": holds_in_float32}
    for dtype, cases in pair.items():
        size, name = worst(run("check", dtype, "linear", **options), cases, compared[dtype])
        print(f"sigmoid and logits, {dtype}: {size:.1e}, at {name}")
        assert size < {"float64": 1e-11, "float32": 2e-5}[dtype]


def main():
    for group, eps in (("keras_gan", 0.0), ("keras_gan_smooth", 0.1)):
        check_logits(write_pair(group, last="sigmoid", eps=eps), eps=eps)
    write_pair("keras_gan_minimax", last="linear", minimax=True, n_iterations=1)
    write_versions("generate_keras_gan.py", VERSIONS)


if __name__ == "__main__":
    main()
