# SPDX-License-Identifier: MIT
"""The DCGAN of models/dcgan_networks.c in PyTorch, any image and width: training, generating; see peer.py."""
import peer
import torch
from torch import nn


def norm(n):
    return nn.BatchNorm2d(n, eps=1e-3, momentum=0.01)


def generator(h, w, c, n):
    return nn.Sequential(
        nn.Linear(peer.Z, h // 4 * (w // 4) * 4 * n), nn.Unflatten(1, (4 * n, h // 4, w // 4)),
        nn.ConvTranspose2d(4 * n, 2 * n, 3, 2, 1, 1), norm(2 * n), nn.LeakyReLU(0.01),
        nn.ConvTranspose2d(2 * n, n, 3, 1, 1), norm(n), nn.LeakyReLU(0.01),
        nn.ConvTranspose2d(n, c, 3, 2, 1, 1), nn.Tanh())


def discriminator(h, w, c, n):
    return nn.Sequential(
        nn.Conv2d(c, n // 2, 3, 2, 1), nn.LeakyReLU(0.01),
        nn.Conv2d(n // 2, n, 3, 2, 1), nn.LeakyReLU(0.01),
        nn.Conv2d(n, 2 * n, 3, 2, 1), nn.LeakyReLU(0.01),
        nn.Flatten(), nn.Linear(2 * n * -(-h // 8) * -(-w // 8), 1))


a = peer.parse("--channels-last", "--compile")
if a.threads:
    torch.set_num_threads(a.threads)
layout = torch.channels_last if a.channels_last else torch.contiguous_format
g = generator(*a.image, a.width).to(memory_format=layout)
d = discriminator(*a.image, a.width).to(memory_format=layout)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)


def make_training():
    g_adam, d_adam, loss = adam(g), adam(d), nn.BCEWithLogitsLoss()
    ones, zeros, real = torch.ones(a.batch, 1), torch.zeros(a.batch, 1), peer.batches(a)

    def d_step(images, labels):
        d_adam.zero_grad(set_to_none=True)
        loss(d(images), labels).backward()
        d_adam.step()

    def g_step():
        g_adam.zero_grad(set_to_none=True)
        d.requires_grad_(False)
        loss(d(g(torch.randn(a.batch, peer.Z))), ones).backward()
        d.requires_grad_(True)
        g_adam.step()

    if a.compile:
        d_step, g_step = torch.compile(d_step), torch.compile(g_step)

    def train():
        g.eval()
        with torch.no_grad():
            fakes = g(torch.randn(a.batch, peer.Z))
        g.train()
        d_step(fakes, zeros)
        d_step(torch.from_numpy(real()).permute(0, 3, 1, 2).contiguous(memory_format=layout), ones)
        g_step()
    return train


def make_drawing():
    def pixels(n):
        return (g(torch.randn(n, peer.Z)) * 127.5 + 127.5).round().to(torch.uint8)
    g.eval()
    return torch.inference_mode()(torch.compile(pixels, dynamic=False) if a.compile else pixels)


name = f"torch {torch.__version__}"
if a.what == "train":
    peer.report(name, a, train=make_training())
else:
    peer.report(name, a, draw=make_drawing())
