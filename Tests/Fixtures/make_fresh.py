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
sys.path.insert(0, str(Path(__file__).parent))
from graft_reference import dit, operators  # noqa: E402
import more_operators  # noqa: E402, F401

# DiTConfig: input side, patch side, channels, width, depth, heads, MLP ratio, classes, learned sigma, attn, mlp
MODELS = [
    ("width48", 101, dit.DiTConfig(12, 2, 4, 48, 2, 3, 4.0, 7), 3),
    ("width60", 102, dit.DiTConfig(20, 4, 3, 60, 1, 5, 4.0, 5, attn={0: {"kind": "hyena_x", "dim": 60, "short_taps": 4}}), 2),
    ("width24", 103, dit.DiTConfig(32, 8, 1, 24, 3, 2, 4.0, 3, attn={2: {"kind": "swa", "dim": 24, "heads": 2, "window": [4, 4]}},
                                   mlp={1: {"kind": "mlp", "dim": 24, "ratio": 3}}), 1),
    ("hybrid28", 104, dit.DiTConfig(12, 2, 2, 28, 7, 4, 4.0, 6, attn={
        0: {"kind": "hyena_se", "dim": 28, "short_taps": 3, "inner_taps": 5},
        1: {"kind": "gqa", "dim": 28, "heads": 4, "kv_heads": 2},
        2: {"kind": "mamba2", "dim": 28, "d_state": 10, "d_conv": 3, "expand": 3, "headdim": 12},
        3: {"kind": "linear_attention", "dim": 28, "heads": 4},
        4: {"kind": "mha_kv", "dim": 28, "heads": 4, "ratio": 3, "qk_norm": True, "grid": [6, 6]},
        5: {"kind": "grid_conv", "dim": 28, "kernel": 3, "grid": [6, 6]},
        6: {"kind": "hyena_y", "dim": 28, "inner_taps": 2}},
        mlp={1: {"kind": "mlp_hyena_x", "dim": 28, "ratio": 3, "short_taps": 2, "tokens": 36},
             2: {"kind": "swiglu", "dim": 28, "hidden": 35, "bias": False}, 5: {"kind": "mlp", "dim": 28, "ratio": 2.5}}), 2),
    ("both_ways20", 105, dit.DiTConfig(10, 2, 3, 20, 4, 2, 4.0, 4, attn={
        0: {"kind": "hyena_se_bi", "dim": 20, "short_taps": 4, "inner_taps": 3}, 1: {"kind": "hyena_x_bi", "dim": 20, "short_taps": 5},
        2: {"kind": "hyena_y_bi", "dim": 20, "inner_taps": 4},
        3: {"kind": "mamba2_bi", "dim": 20, "d_state": 6, "d_conv": 4, "expand": 2, "headdim": 8}}), 2),
]
# name, seed, operator, batch, tokens
OPERATORS = [
    ("mha_w100", 201, {"kind": "mha", "dim": 100, "heads": 5}, 2, 5),
    ("swa_w44", 202, {"kind": "swa", "dim": 44, "heads": 4, "window": [0, 5]}, 1, 33),
    ("hyena_x_w56", 203, {"kind": "hyena_x", "dim": 56, "short_taps": 3}, 2, 7),
    ("mlp_w72", 204, {"kind": "mlp", "dim": 72, "ratio": 2}, 2, 9),
    ("hyena_se_w33", 205, {"kind": "hyena_se", "dim": 33, "short_taps": 5, "inner_taps": 7}, 2, 19),
    ("hyena_se_w12_one", 206, {"kind": "hyena_se", "dim": 12, "short_taps": 1, "inner_taps": 2}, 1, 1),
    ("hyena_y_w21", 207, {"kind": "hyena_y", "dim": 21, "inner_taps": 9}, 3, 5),
    ("mlp_hyena_x_w18", 208, {"kind": "mlp_hyena_x", "dim": 18, "ratio": 3, "short_taps": 5, "tokens": 11}, 2, 11),
    ("mlp_w30_fraction", 209, {"kind": "mlp", "dim": 30, "ratio": 2.7}, 1, 6),
    ("mamba2_w36", 210, {"kind": "mamba2", "dim": 36, "d_state": 5, "d_conv": 2, "expand": 3, "headdim": 27}, 2, 41),
    ("mamba2_w40_heads", 211, {"kind": "mamba2", "dim": 40, "d_state": 33, "d_conv": 7, "expand": 1, "headdim": 5}, 1, 300),
    ("mamba2_w24_groups", 212, {"kind": "mamba2_groups", "dim": 24, "d_state": 9, "d_conv": 4, "expand": 2, "headdim": 8, "groups": 3}, 2, 29),
    ("mha_kv_w30", 213, {"kind": "mha_kv", "dim": 30, "heads": 3, "ratio": 3, "qk_norm": True, "grid": [9, 6]}, 2, 54),
    ("mha_kv_w20", 214, {"kind": "mha_kv", "dim": 20, "heads": 5, "ratio": 1, "qk_norm": False, "grid": [5, 3]}, 1, 15),
    ("gqa_w48", 215, {"kind": "gqa", "dim": 48, "heads": 6, "kv_heads": 2}, 2, 23),
    ("gqa_w35_window", 216, {"kind": "gqa", "dim": 35, "heads": 5, "kv_heads": 1, "window": [3, 2]}, 1, 20),
    ("linear_attention_w36", 217, {"kind": "linear_attention", "dim": 36, "heads": 4}, 2, 27),
    ("swiglu_w26", 218, {"kind": "swiglu", "dim": 26, "hidden": 69, "bias": False}, 2, 7),
    ("swiglu_w16_bias", 219, {"kind": "swiglu", "dim": 16, "hidden": 40, "bias": True}, 1, 5),
    ("grid_conv_w22", 220, {"kind": "grid_conv", "dim": 22, "kernel": 5, "grid": [7, 4]}, 2, 28),
    ("hyena_se_bi_w24", 221, {"kind": "hyena_se_bi", "dim": 24, "short_taps": 3, "inner_taps": 4}, 2, 13),
    ("hyena_x_bi_w20", 222, {"kind": "hyena_x_bi", "dim": 20, "short_taps": 4}, 2, 9),
    ("hyena_y_bi_w18", 223, {"kind": "hyena_y_bi", "dim": 18, "inner_taps": 6}, 1, 10),
    ("mamba2_bi_w24", 224, {"kind": "mamba2_bi", "dim": 24, "d_state": 11, "d_conv": 4, "expand": 2, "headdim": 6}, 2, 37),
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
