# SPDX-License-Identifier: MIT
"""The DCGAN of models/dcgan_networks.c in TensorFlow, any image and width: training in one tf.function,
generating in another; see peer.py. --jit lets XLA compile them."""
import os

import peer

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402
from tensorflow.keras import Sequential, layers as L  # noqa: E402


def up(channels, stride):
    return L.Conv2DTranspose(channels, 3, stride, "same", kernel_initializer="he_normal")


def down(channels):
    return L.Conv2D(channels, 3, 2, "same", kernel_initializer="he_normal")


def generator(h, w, c, n):
    return Sequential([
        L.Dense(h // 4 * (w // 4) * 4 * n, kernel_initializer="he_normal", input_shape=(peer.Z,)),
        L.Reshape((h // 4, w // 4, 4 * n)),
        up(2 * n, 2), L.BatchNormalization(), L.LeakyReLU(0.01),
        up(n, 1), L.BatchNormalization(), L.LeakyReLU(0.01),
        up(c, 2), L.Activation("tanh")])


def discriminator(h, w, c, n):
    return Sequential([
        L.InputLayer((h, w, c)), down(n // 2), L.LeakyReLU(0.01), down(n), L.LeakyReLU(0.01), down(2 * n),
        L.LeakyReLU(0.01), L.Flatten(), L.Dense(1)])


a = peer.parse("--jit")
if a.threads:
    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
g = generator(*a.image, a.width)


def make_training():
    d, loss = discriminator(*a.image, a.width), tf.keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros, real = tf.ones((a.batch, 1)), tf.zeros((a.batch, 1)), peer.batches(a)
    g_adam, d_adam = (tf.keras.optimizers.Adam(1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8) for _ in "gd")
    g_adam.build(g.trainable_variables)
    d_adam.build(d.trainable_variables)

    def step(adam, variables, logits, labels):
        with tf.GradientTape() as tape:
            value = loss(labels, logits())
        adam.apply_gradients(zip(tape.gradient(value, variables), variables))

    @tf.function(jit_compile=a.jit)
    def iteration(images):
        fakes = g(tf.random.normal((a.batch, peer.Z)), training=False)
        step(d_adam, d.trainable_variables, lambda: d(fakes, training=True), zeros)
        step(d_adam, d.trainable_variables, lambda: d(images, training=True), ones)
        z = tf.random.normal((a.batch, peer.Z))
        step(g_adam, g.trainable_variables, lambda: d(g(z, training=True), training=True), ones)
        return tf.reduce_sum(d.trainable_variables[-1])  # something to wait for
    return lambda: iteration(tf.constant(real())).numpy()


def make_drawing():
    @tf.function(jit_compile=a.jit)
    def pixels(n):
        images = g(tf.random.normal((n, peer.Z)), training=False)
        return tf.cast(tf.round(images * 127.5 + 127.5), tf.uint8)
    return lambda n: pixels(n).numpy()


name = f"tensorflow {tf.__version__}"
if a.what == "train":
    peer.report(name, a, train=make_training())
else:
    peer.report(name, a, draw=make_drawing())
