"""Makes `layouts/`: one small DiT in the names of its authors and in those of diffusers.

    python make_layouts.py [FOLDER]

FOLDER is `layouts` beside this file. Needs torch, numpy and safetensors; their versions stand in the files' metadata. The names and
the way that q, k and v are cut are those of `scripts/convert_dit_to_diffusers.py` in huggingface/diffusers; the position table is that
of facebookresearch/DiT (`get_2d_sincos_pos_embed`: double precision, columns first).
"""
import json
import pathlib
import sys

import numpy
import safetensors
import torch
from safetensors.torch import save_file

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "layouts")
(folder / "transformer").mkdir(parents=True, exist_ok=True)
SIZE, WIDTH, DEPTH, HEADS, PATCH, CHANNELS, CLASSES = 8, 16, 3, 2, 2, 4, 5
random = torch.Generator().manual_seed(7)
model = {}


def linear(name, inputs, outputs):
    model[name + ".weight"] = torch.randn(outputs, inputs, generator=random) * inputs ** -0.5
    model[name + ".bias"] = torch.randn(outputs, generator=random) * 0.1


def waves(positions, width):
    angles = numpy.outer(positions, 1 / 10000 ** (numpy.arange(width // 2) / (width / 2)))
    return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1)


side = SIZE // PATCH
rows, columns = numpy.divmod(numpy.arange(side * side, dtype=numpy.float64), side)
table = numpy.concatenate([waves(columns, WIDTH // 2), waves(rows, WIDTH // 2)], axis=1)
model["pos_embed"] = torch.from_numpy(table).float().unsqueeze(0)
linear("x_embedder.proj", CHANNELS * PATCH * PATCH, WIDTH)
model["x_embedder.proj.weight"] = model["x_embedder.proj.weight"].reshape(WIDTH, CHANNELS, PATCH, PATCH)
linear("t_embedder.mlp.0", 256, WIDTH)
linear("t_embedder.mlp.2", WIDTH, WIDTH)
model["y_embedder.embedding_table.weight"] = torch.randn(CLASSES + 1, WIDTH, generator=random)
for i in range(DEPTH):
    linear(f"blocks.{i}.attn.qkv", WIDTH, 3 * WIDTH)
    linear(f"blocks.{i}.attn.proj", WIDTH, WIDTH)
    linear(f"blocks.{i}.mlp.fc1", WIDTH, 4 * WIDTH)
    linear(f"blocks.{i}.mlp.fc2", 4 * WIDTH, WIDTH)
    linear(f"blocks.{i}.adaLN_modulation.1", WIDTH, 6 * WIDTH)
linear("final_layer.linear", WIDTH, PATCH * PATCH * 2 * CHANNELS)
linear("final_layer.adaLN_modulation.1", WIDTH, 2 * WIDTH)

other = {}


def renamed(new, old):
    for tensor in ("weight", "bias"):
        if f"{old}.{tensor}" in model:
            other[f"{new}.{tensor}"] = model[f"{old}.{tensor}"].clone()


renamed("pos_embed.proj", "x_embedder.proj")
for i in range(DEPTH):
    new, old = f"transformer_blocks.{i}", f"blocks.{i}"
    renamed(f"{new}.norm1.emb.timestep_embedder.linear_1", "t_embedder.mlp.0")
    renamed(f"{new}.norm1.emb.timestep_embedder.linear_2", "t_embedder.mlp.2")
    renamed(f"{new}.norm1.emb.class_embedder.embedding_table", "y_embedder.embedding_table")
    renamed(f"{new}.norm1.linear", f"{old}.adaLN_modulation.1")
    for tensor in ("weight", "bias"):
        for name, part in zip(("to_q", "to_k", "to_v"), torch.chunk(model[f"{old}.attn.qkv.{tensor}"], 3, dim=0)):
            other[f"{new}.attn1.{name}.{tensor}"] = part.clone()
    renamed(f"{new}.attn1.to_out.0", f"{old}.attn.proj")
    renamed(f"{new}.ff.net.0.proj", f"{old}.mlp.fc1")
    renamed(f"{new}.ff.net.2", f"{old}.mlp.fc2")
renamed("proj_out_1", "final_layer.adaLN_modulation.1")
renamed("proj_out_2", "final_layer.linear")

versions = {"torch": torch.__version__, "numpy": numpy.__version__, "safetensors": safetensors.__version__}
save_file({name: tensor.contiguous() for name, tensor in model.items()}, folder / "dit.safetensors", versions)
save_file(other, folder / "transformer" / "diffusion_pytorch_model.safetensors", versions)
inputs = {"x": torch.randn(2, CHANNELS, SIZE, SIZE, generator=random), "t": torch.tensor([3.0, 700.0]), "y": torch.tensor([1, CLASSES])}
save_file(inputs, folder / "inputs.safetensors", versions)
config = {"_class_name": "DiTTransformer2DModel", "sample_size": SIZE, "patch_size": PATCH, "in_channels": CHANNELS,
          "out_channels": 2 * CHANNELS, "num_layers": DEPTH, "num_attention_heads": HEADS, "attention_head_dim": WIDTH // HEADS,
          "num_embeds_ada_norm": CLASSES, "norm_type": "ada_norm_zero", "norm_eps": 1e-05}
(folder / "transformer" / "config.json").write_text(json.dumps(config, indent=2) + "\n")
