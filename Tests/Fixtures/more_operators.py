"""Operators that the PyTorch reference does not hold, in the reference's own form: `shapes(cfg)` and `apply(cfg, p, x)`.

Written from the papers, not from graft. Importing this file adds them to the reference's table.
"""
import torch
import torch.nn.functional as F

from graft_reference import operators
from graft_reference.operators import attend, causal_taps, dense, linear, split_heads, taps, window_mask


# ---- attention ----

def gqa_shapes(c):
    narrow = c["dim"] // c["heads"] * c["kv_heads"]
    return (dense("q_proj", c["dim"], c["dim"]) | dense("k_proj", c["dim"], narrow) | dense("v_proj", c["dim"], narrow)
            | dense("o_proj", c["dim"], c["dim"]))


def gqa(c, p, x):
    """Head h of the queries reads head h // (heads / kv_heads) of the keys and values."""
    q = split_heads(linear(p, "q_proj", x), c["heads"])
    k, v = (split_heads(linear(p, name, x), c["kv_heads"]) for name in ("k_proj", "v_proj"))
    k, v = (t.repeat_interleave(c["heads"] // c["kv_heads"], dim=1) for t in (k, v))
    allowed = window_mask(x.shape[1], *c["window"]) if "window" in c else None
    return linear(p, "o_proj", attend(q, k, v, allowed))


def linear_attention_shapes(c):
    return dense("in_proj", c["dim"], 3 * c["dim"]) | dense("out_proj", c["dim"], c["dim"])


def linear_attention(c, p, x):
    """The quadratic form: weights f(q) . f(k), divided by their sum; f(x) = elu(x) + 1."""
    q, k, v = (split_heads(part, c["heads"]) for part in linear(p, "in_proj", x).chunk(3, dim=-1))
    weight = (F.elu(q) + 1) @ (F.elu(k) + 1).transpose(-1, -2)
    y = weight @ v / (weight.sum(-1, keepdim=True) + 1e-6)
    return linear(p, "out_proj", y.transpose(1, 2).flatten(2))


# ---- MLP ----

def swiglu_shapes(c):
    return (dense("gate_proj", c["dim"], c["hidden"], c["bias"]) | dense("up_proj", c["dim"], c["hidden"], c["bias"])
            | dense("down_proj", c["hidden"], c["dim"], c["bias"]))


def swiglu(c, p, x):
    return linear(p, "down_proj", F.silu(linear(p, "gate_proj", x)) * linear(p, "up_proj", x))


# ---- convolution over the grid ----

def grid_conv_shapes(c):
    d, k = c["dim"], c["kernel"]
    return (dense("in_proj", d, 2 * d) | {"filter.weight": (d, 1, k, k), "filter.bias": (d,)} | dense("out_proj", d, d))


def grid_conv(c, p, x):
    value, gate = linear(p, "in_proj", x).chunk(2, dim=-1)
    picture = value.transpose(1, 2).unflatten(-1, c["grid"])
    picture = F.conv2d(picture, p["filter.weight"], p["filter.bias"], padding=c["kernel"] // 2, groups=c["dim"])
    return linear(p, "out_proj", F.silu(gate) * picture.flatten(2).transpose(1, 2))


# ---- Mamba-2 with groups ----

def mamba2_shapes(c):
    """As the reference's; each of `groups` groups of heads has a B and a C of its own."""
    inner = c["expand"] * c["dim"]
    heads, conv = inner // c["headdim"], inner + 2 * c["groups"] * c["d_state"]
    return ({"dt_bias": (heads,), "A_log": (heads,), "D": (heads,)}
            | dense("in_proj", c["dim"], inner + conv + heads, bias=False) | taps("conv1d", conv, c["d_conv"])
            | {"norm.weight": (inner,)} | dense("out_proj", inner, c["dim"], bias=False))


def mamba2(c, p, x):
    """The masked product: y_i = sum over j <= i of (C_i . B_j) exp(sum of dt a over j + 1 ... i) dt_j v_j + D v_i."""
    inner, groups, state = c["expand"] * c["dim"], c["groups"], c["d_state"]
    heads = inner // c["headdim"]
    z, u, dt = linear(p, "in_proj", x).split([inner, inner + 2 * groups * state, heads], dim=-1)
    u = F.silu(causal_taps(u.transpose(1, 2), p["conv1d.weight"], p["conv1d.bias"])).transpose(1, 2)
    v, b, cc = u.split([inner, groups * state, groups * state], dim=-1)
    v = split_heads(v, heads)                                                       # [B, H, L, P]
    b, cc = (split_heads(t, groups).repeat_interleave(heads // groups, dim=1) for t in (b, cc))
    dt = F.softplus(dt + p["dt_bias"]).transpose(1, 2)                              # [B, H, L]
    total = (-torch.exp(p["A_log"])[:, None] * dt).cumsum(-1)
    past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    memory = (total[..., :, None] - total[..., None, :]).masked_fill(~past, float("-inf")).exp()
    y = (cc @ b.transpose(-1, -2) * memory * dt[..., None, :]) @ v + p["D"][:, None, None] * v
    y = y.transpose(1, 2).flatten(2) * F.silu(z)
    part = y.unflatten(-1, (groups, -1))
    y = (part * torch.rsqrt(part.square().mean(-1, keepdim=True) + 1e-5)).flatten(2) * p["norm.weight"]
    return linear(p, "out_proj", y)


# ---- two directions ----

OWN = ("short_filter", "inner_filter", "conv1d", "norm", "dt_bias", "A_log", "D")


def one_way(c):
    return c | {"kind": c["kind"].removesuffix("_bi")}


def bidirectional_shapes(c):
    own = operators.shapes(one_way(c))
    back = {}
    for name, shape in own.items():
        first, _, rest = name.partition(".")
        if first in OWN:
            back[first + "_back" + ("." + rest if rest else "")] = shape
    return own | back


def bidirectional(c, p, x):
    """The mean of the operator on the tokens and of the operator with the other filters on the reversed tokens."""
    back = dict(p)
    for name, value in p.items():
        if "_back" in name:
            back[name.replace("_back", "")] = value
    own = {name: value for name, value in p.items() if "_back" not in name}
    back = {name: value for name, value in back.items() if "_back" not in name}
    forth = operators.apply(one_way(c), own, x)
    return (forth + operators.apply(one_way(c), back, x.flip(1)).flip(1)) / 2


operators.OPERATORS |= {
    "gqa": (gqa_shapes, gqa), "linear_attention": (linear_attention_shapes, linear_attention),
    "swiglu": (swiglu_shapes, swiglu), "grid_conv": (grid_conv_shapes, grid_conv),
    "mamba2_groups": (mamba2_shapes, mamba2),
    **{kind + "_bi": (bidirectional_shapes, bidirectional) for kind in ("hyena_se", "hyena_x", "hyena_y", "mamba2")},
}
