# SPDX-License-Identifier: MIT
"""Gradient penalties by double backward, and optimizer steps, of PyTorch in float64. See README.md."""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import torch
import torch.nn.functional as F

from golden import Cases, normal, optimizer_inputs, packages, rng, write_versions

VERSIONS = packages("torch", "numpy", "safetensors")
LAMBDA = 10.0
SQUARE_ADDED = 1e-12
WEIGHTS = ("conv2d_1/w", "conv2d_1/b", "conv2d_2/w", "conv2d_2/b", "dense/w", "dense/b")
ACTIVATIONS = {"tanh": torch.tanh, "leaky_relu": lambda x: F.leaky_relu(x, 0.01)}


def leaf(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def same_padding(size, kernel, stride):
    """Keras's: out = ceil(in / stride), the odd element after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv2d(x, w, b, stride):
    """x [N,H,W,Ci], w [kh,kw,Ci,Co], padding same."""
    rows, columns = (same_padding(x.shape[i + 1], w.shape[i], stride) for i in (0, 1))
    padded = F.pad(x.permute(0, 3, 1, 2), (*columns, *rows))
    return F.conv2d(padded, w.permute(3, 2, 0, 1), b, stride=stride).permute(0, 2, 3, 1)


def discriminator(x, p, activation):
    """Two convolutions of stride 2, flatten in h,w,c order, dense to one score per image: [N,1]."""
    for i in (1, 2):
        x = activation(conv2d(x, p[f"conv2d_{i}/w"], p[f"conv2d_{i}/b"], 2))
    return x.reshape(len(x), -1) @ p["dense/w"] + p["dense/b"]


def draw_weights(stream, image, filters=(4, 5)):
    """He's scale and biases that are not 0."""
    h, w, channels = image
    features = -(-(-(-h // 2)) // 2) * -(-(-(-w // 2)) // 2) * filters[1]
    shapes = [(3, 3, channels, filters[0]), (filters[0],), (3, 3, *filters), (filters[1],), (features, 1), (1,)]
    return {
        name: leaf(normal(stream, s, np.sqrt(2 / np.prod(s[:-1])) if len(s) > 1 else 0.2))
        for name, s in zip(WEIGHTS, shapes)
    }


def input_gradient(x, p, activation):
    """d(sum of scores)/dx, itself differentiable."""
    scores = discriminator(x, p, activation)
    return scores, torch.autograd.grad(scores.sum(), x, create_graph=True)[0]


def weight_gradients(value, p):
    """Gradients of value for every parameter; 0 where the parameter does not reach it."""
    gradients = torch.autograd.grad(value, list(p.values()), allow_unused=True)
    return {f"d/{name}": torch.zeros_like(w) if g is None else g for (name, w), g in zip(p.items(), gradients)}


def arrays(values):
    return {name: value.detach().numpy() for name, value in values.items()}


def add_gradient_penalty(cases, case, image, n, kind):
    """lambda mean((norm - 1)^2), norm = sqrt(sum g^2 + 1e-12), at alpha real + (1 - alpha) fake."""
    stream = rng(case)
    p = draw_weights(stream, image)
    real, fake = (leaf(normal(stream, (n, *image), 0.6)) for _ in range(2))
    alpha = leaf(np.float32(stream.random((n, 1, 1, 1))))
    mixed = (alpha * real + (1 - alpha) * fake).detach().requires_grad_()
    scores, gradient = input_gradient(mixed, p, ACTIVATIONS[kind])
    norm = torch.sqrt(gradient.square().sum((1, 2, 3)) + SQUARE_ADDED)
    penalty = LAMBDA * (norm - 1).square().mean()
    note = {
        "lambda": LAMBDA,
        "activation": kind,
        "slope": 0.01,
        "stride": 2,
        "padding": "same",
        "mixed": "alpha real + (1 - alpha) fake",
        "norm": "sqrt(sum g^2 + 1e-12)",
        "penalty": "lambda mean((norm - 1)^2)",
    }
    cases.add(
        case,
        note,
        **arrays(
            {
                "real": real,
                "fake": fake,
                "alpha": alpha,
                "mixed": mixed,
                "scores": scores,
                "dmixed": gradient,
                "norm": norm,
                "penalty": penalty,
                **p,
                **weight_gradients(penalty, p),
            }
        ),
    )


def add_r1(cases, case, image, n, kind):
    """gamma / 2 mean(sum g^2) at the reals."""
    stream = rng(case)
    p = draw_weights(stream, image)
    real = leaf(normal(stream, (n, *image), 0.6))
    scores, gradient = input_gradient(real, p, ACTIVATIONS[kind])
    penalty = LAMBDA / 2 * gradient.square().sum((1, 2, 3)).mean()
    note = {
        "gamma": LAMBDA,
        "activation": kind,
        "slope": 0.01,
        "stride": 2,
        "padding": "same",
        "penalty": "gamma / 2 mean(sum g^2)",
    }
    cases.add(
        case,
        note,
        **arrays(
            {
                "real": real,
                "scores": scores,
                "dreal": gradient,
                "penalty": penalty,
                **p,
                **weight_gradients(penalty, p),
            }
        ),
    )


def penalty_cases():
    cases = Cases("torch_penalties", "float64", VERSIONS)
    for kind in ACTIVATIONS:
        add_gradient_penalty(cases, f"gradient_penalty_{kind}", (8, 8, 2), 4, kind)
        add_gradient_penalty(cases, f"gradient_penalty_{kind}_n1_7x6", (7, 6, 1), 1, kind)
        add_r1(cases, f"r1_{kind}", (8, 8, 2), 4, kind)
        add_r1(cases, f"r1_{kind}_n1_7x6", (7, 6, 1), 1, kind)
    cases.save()


def optimizers(w):
    """case: (optimizer, its state by our names, note)."""
    adam = {
        "lr": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "rule": "w -= lr / (1-b1^t) m / (sqrt(v / (1-b2^t)) + epsilon)",
    }
    moments = {"m": "exp_avg", "v": "exp_avg_sq"}
    return {
        "adam": (torch.optim.Adam([w], lr=1e-3), moments, adam),
        "adamw": (
            torch.optim.AdamW([w], lr=1e-3, weight_decay=0.01),
            moments,
            {**adam, "weight_decay": 0.01, "decay": "w -= lr weight_decay w, before the step"},
        ),
        "sgd_momentum": (
            torch.optim.SGD([w], lr=1e-2, momentum=0.9),
            {"v": "momentum_buffer"},
            {"lr": 1e-2, "momentum": 0.9, "rule": "v = momentum v + g; w -= lr v (Keras's velocity is -lr v)"},
        ),
    }


def optimizer_cases():
    cases = Cases("torch_optimizers", "float64", VERSIONS)
    start, gradients = optimizer_inputs()
    cases.add("inputs", "w before step 1; g [step,3,4], shared by all cases", w=start, g=gradients)
    for case in optimizers(leaf(start)):
        w = leaf(start)
        optimizer, slots, note = optimizers(w)[case]
        for step, g in enumerate(gradients, 1):
            w.grad = torch.tensor(g)
            optimizer.step()
            if step in (1, 2, 3, 10):
                state = {f"{ours}_{step}": optimizer.state[w][theirs].numpy() for ours, theirs in slots.items()}
                cases.add(case, note, **{f"w_{step}": w.detach().numpy()}, **state)
    cases.save()


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    penalty_cases()
    optimizer_cases()
    write_versions("generate_torch.py", VERSIONS)


if __name__ == "__main__":
    main()
