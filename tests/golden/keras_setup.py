# SPDX-License-Identifier: MIT
"""tf.keras of the TensorFlow 2 line (not Keras 3), on one thread, without oneDNN: import this before tensorflow."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

from golden import packages

tf.get_logger().setLevel("ERROR")
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()
tf.keras.utils.set_random_seed(20191)

keras = tf.keras
VERSIONS = packages("tensorflow", "tf-keras", "numpy", "safetensors")


def hyper(value):
    """An optimizer's number in the full precision of floatx: Keras itself would round a Python float to float32."""
    return tf.constant(value, keras.backend.floatx())


def exact(value):
    """A layer's number likewise: as a numpy scalar it keeps its 64 bits on the way into a float64 graph."""
    return np.float64(value) if keras.backend.floatx() == "float64" else value


def leaky_relu(slope):
    """LeakyReLU. TensorFlow's kernel holds the slope as a float32 attribute; in float64 it is spelt out instead."""
    if keras.backend.floatx() == "float32":
        return keras.layers.LeakyReLU(slope)
    return keras.layers.Activation(lambda x: tf.where(x > 0, x, slope * x))
