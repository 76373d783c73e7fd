"""Makes `onnx/`: the small DiT of `layouts/dit.safetensors` as both exporters of PyTorch leave it.

    python make_onnx.py [FOLDER]

FOLDER is `onnx` beside this file. Needs torch, onnx, onnxscript and safetensors; their versions stand in the files' metadata. Structure
and names are those of facebookresearch/DiT (`models.py`).
"""
import math
import pathlib
import sys

import onnx
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here / "onnx")
folder.mkdir(parents=True, exist_ok=True)
weights = load_file(here / "layouts" / "dit.safetensors")
SIZE, WIDTH, DEPTH, HEADS, PATCH, CHANNELS, CLASSES = 8, 16, 3, 2, 2, 4, 5


def modulated(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Embedder(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class PatchEmbedder(Embedder):
    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TimeEmbedder(Embedder):
    def forward(self, t):
        rates = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
        angles = t[:, None].float() * rates[None]
        return self.mlp(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1))


class LabelEmbedder(Embedder):
    def forward(self, y):
        return self.embedding_table(y)


class Attention(Embedder):
    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width))


class Mlp(Embedder):
    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(qkv=nn.Linear(WIDTH, 3 * WIDTH), proj=nn.Linear(WIDTH, WIDTH))
        self.norm2 = nn.LayerNorm(WIDTH, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(fc1=nn.Linear(WIDTH, 4 * WIDTH), fc2=nn.Linear(4 * WIDTH, WIDTH))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, 6 * WIDTH))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attn(modulated(self.norm1(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulated(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_final = nn.LayerNorm(WIDTH, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(WIDTH, PATCH * PATCH * 2 * CHANNELS)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, 2 * WIDTH))

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulated(self.norm_final(x), shift, scale))


class DiT(nn.Module):
    def __init__(self):
        super().__init__()
        self.x_embedder = PatchEmbedder(proj=nn.Conv2d(CHANNELS, WIDTH, PATCH, stride=PATCH))
        self.t_embedder = TimeEmbedder(mlp=nn.Sequential(nn.Linear(256, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH)))
        self.y_embedder = LabelEmbedder(embedding_table=nn.Embedding(CLASSES + 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, (SIZE // PATCH) ** 2, WIDTH), requires_grad=False)
        self.blocks = nn.ModuleList([Block() for _ in range(DEPTH)])
        self.final_layer = FinalLayer()

    def forward(self, x, t, y):
        x = self.x_embedder(x) + self.pos_embed
        c = self.t_embedder(t) + self.y_embedder(y)
        for block in self.blocks:
            x = block(x, c)
        x = self.final_layer(x, c)
        side = SIZE // PATCH
        x = x.reshape(x.shape[0], side, side, PATCH, PATCH, 2 * CHANNELS)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(x.shape[0], 2 * CHANNELS, SIZE, SIZE)


model = DiT().eval()
model.load_state_dict(weights)
inputs = (torch.randn(2, CHANNELS, SIZE, SIZE), torch.tensor([3.0, 700.0]), torch.tensor([1, CLASSES]))
names = {"input_names": ["x", "t", "y"], "output_names": ["out"]}
versions = {"torch": torch.__version__, "onnx": onnx.__version__}
for name, options in {
        "script": {"dynamo": False, "opset_version": 17},
        "script-unfolded": {"dynamo": False, "opset_version": 17, "do_constant_folding": False},
        "dynamo": {"dynamo": True, "external_data": False, "verbose": False},
        "dynamo-unoptimized": {"dynamo": True, "external_data": False, "optimize": False, "verbose": False}}.items():
    path = folder / f"{name}.onnx"
    torch.onnx.export(model, inputs, path, **names, **options)
    exported = onnx.load(path)
    exported.metadata_props.extend(onnx.StringStringEntryProto(key=key, value=text) for key, text in versions.items())
    for node in exported.graph.node:
        # Where in whose files the exporter was: of no use to a reader, and nobody's business.
        kept = [entry for entry in node.metadata_props if entry.key in ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(exported, path)
