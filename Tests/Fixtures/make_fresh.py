"""Makes `fresh/`: small random models and operators of sizes that no other folder has.

    python make_fresh.py REFERENCE [FOLDER]

REFERENCE is the folder that holds the PyTorch package `graft_reference`; FOLDER is `fresh` beside this file. The same torch
gives the same numbers: every case is drawn from a seed of its own, which the manifest notes.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, sys.argv[1])
from graft_reference import dit, operators  # noqa: E402

# DiTConfig: input side, patch side, channels, width, depth, heads, MLP ratio, classes, learned sigma, attn, mlp
MODELS = [
    ("width48", 101, dit.DiTConfig(12, 2, 4, 48, 2, 3, 4.0, 7), 3),
    ("width60", 102, dit.DiTConfig(20, 4, 3, 60, 1, 5, 4.0, 5, attn={0: {"kind": "hyena_x", "dim": 60, "short_taps": 4}}), 2),
    ("width24", 103, dit.DiTConfig(32, 8, 1, 24, 3, 2, 4.0, 3, attn={2: {"kind": "swa", "dim": 24, "heads": 2, "window": [4, 4]}},
                                   mlp={1: {"kind": "mlp", "dim": 24, "ratio": 3}}), 1),
]
# name, seed, operator, batch, tokens
OPERATORS = [
    ("mha_w100", 201, {"kind": "mha", "dim": 100, "heads": 5}, 2, 5),
    ("swa_w44", 202, {"kind": "swa", "dim": 44, "heads": 4, "window": [0, 5]}, 1, 33),
    ("hyena_x_w56", 203, {"kind": "hyena_x", "dim": 56, "short_taps": 3}, 2, 7),
    ("mlp_w72", 204, {"kind": "mlp", "dim": 72, "ratio": 2}, 2, 9),
]


def double(tensors):
    return {name: value.double() for name, value in tensors.items()}


def tolerance(value, exact):
    scale = float(value.abs().max())
    gap = float((value.double() - exact).abs().max())
    return {"scale": scale, "gap": gap, "tol": float(f"{max(2e-5 * scale, 8 * gap, 1e-7):.3e}")}


def main():
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "fresh"
    folder.mkdir(exist_ok=True)
    cases = []

    def case(name, tensors, outputs, **facts):
        save_file({key: value.contiguous() for key, value in tensors.items()}, str(folder / f"{name}.safetensors"))
        cases.append({"name": name, "file": f"{name}.safetensors", **facts, "outputs": outputs})

    for name, seed, config, batch in MODELS:
        generator = torch.Generator().manual_seed(seed)
        p = dit.random_model(config, generator)
        case(name, p, {}, seed=seed, config=config.describe())
        side = config.input_size
        x = torch.randn(batch, config.in_channels, side, side, generator=generator)
        t = torch.randint(0, 1000, (batch,), generator=generator)
        y = torch.randint(0, config.num_classes + 1, (batch,), generator=generator)
        trace, exact_trace = {}, {}
        out = dit.forward(config, p, x, t, y, trace)
        exact = dit.forward(config, double(p), x.double(), t, y, exact_trace)
        blocks = {key: value for key, value in trace.items() if key.startswith("block.")}
        outputs = {"out": tolerance(out, exact)}
        outputs |= {key: tolerance(value, exact_trace[key]) for key, value in blocks.items()}
        case(f"{name}_io", {"x": x, "t": t, "y": y, "out": out} | blocks, outputs, model=name, seed=seed)

    for name, seed, config, batch, tokens in OPERATORS:
        generator = torch.Generator().manual_seed(seed)
        p = operators.random_params(operators.shapes(config), generator)
        x = torch.randn(batch, tokens, config["dim"], generator=generator)
        y = operators.apply(config, p, x)
        exact = operators.apply(config, double(p), x.double())
        tensors = {"x": x, "y": y} | {f"param.{key}": value for key, value in p.items()}
        case(name, tensors, {"y": tolerance(y, exact)}, seed=seed, config=config)

    about = f"random models and operators of odd sizes, made by make_fresh.py with torch {torch.__version__}"
    lines = ",\n".join(json.dumps(one) for one in cases)
    (folder / "manifest.json").write_text(f'{{"about": {json.dumps(about)}, "cases": [\n{lines}\n]}}\n')


main()
