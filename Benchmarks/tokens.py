"""Runs single operators on 256 to 16,384 tokens, one thread a core, and draws what they take."""

import importlib.util
import math
import os
import statistics
import sys

from peers import Served, answer

WIDTH, HEADS = 1152, 16
TOKENS = [256, 1024, 4096, 16384]
OPERATORS = {
    "mha": f"mha(width: {WIDTH}, heads: {HEADS})",
    "swa": f"swa(width: {WIDTH}, heads: {HEADS}, window: [64, 64])",
    "hyena_se": f"hyena_se(width: {WIDTH})",
    "hyena_x": f"hyena_x(width: {WIDTH})",
    "hyena_y": f"hyena_y(width: {WIDTH})",
    "mamba2": f"mamba2(width: {WIDTH})",
}


def peak_megabytes(process):
    with open(f"/proc/{process.pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmHWM"].split()[0]) / 1024


def serve_attention(tokens):
    """Is PyTorch's side: the same projections around its attention."""
    import torch
    from torch.nn import functional as F

    torch.set_grad_enabled(False)
    x = torch.randn(1, tokens, WIDTH)
    into, out = torch.nn.Linear(WIDTH, 3 * WIDTH), torch.nn.Linear(WIDTH, WIDTH)

    def run():
        q, k, v = into(x).unflatten(2, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        return out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    answer(run)


def main():
    if sys.argv[1] == "--serve":
        return serve_attention(int(sys.argv[2]))
    folder, repeats = sys.argv[1], int(sys.argv[2])
    os.makedirs(folder, exist_ok=True)
    rows = list(OPERATORS) + (["torch mha"] if importlib.util.find_spec("torch") else [])
    seconds = {row: [] for row in rows}
    memory = {row: [] for row in rows}
    for tokens in TOKENS:
        served = {}
        for row in rows:
            if row in OPERATORS:
                command = [".build/release/graftc", "bench", OPERATORS[row], "--set", f"N={tokens}", "--serve", "--quiet"]
            else:
                command = [sys.executable, __file__, "--serve", str(tokens)]
            served[row] = Served(command)
        for row in rows:
            served[row].run()
        taken = {row: [] for row in rows}
        for _ in range(repeats):
            for row in rows:
                taken[row].append(served[row].run())
        for row in rows:
            seconds[row].append(statistics.median(taken[row]))
            memory[row].append(peak_megabytes(served[row].process))
            served[row].end()

    print("seconds       " + "".join(f"{tokens:>11}" for tokens in TOKENS) + "   grows as tokens to the power of")
    for row in rows:
        power = math.log(seconds[row][-1] / seconds[row][-2]) / math.log(TOKENS[-1] / TOKENS[-2])
        print(f"{row:14}" + "".join(f"{value:11.4f}" for value in seconds[row]) + f"   {power:.2f}")
    print("peak of MB    " + "".join(f"{tokens:>11}" for tokens in TOKENS) + "   KB a further token, at the end and before")
    for row in rows:
        growth = [1024 * (b - a) / (m - n) for a, b, n, m in zip(memory[row], memory[row][1:], TOKENS, TOKENS[1:])]
        print(f"{row:14}" + "".join(f"{value:11.1f}" for value in memory[row]) + f"   {growth[-1]:.1f} {growth[-2]:.1f}")
    print(f"mha / hyena_x at {TOKENS[-1]} tokens: {seconds['mha'][-1] / seconds['hyena_x'][-1]:.1f}")
    if "torch mha" in rows:
        print(f"mha / PyTorch's at {TOKENS[-1]} tokens: {seconds['mha'][-1] / seconds['torch mha'][-1]:.2f}")

    if importlib.util.find_spec("matplotlib"):
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5))
        for axis, values, title in zip(axes, (seconds, memory), ("seconds", "MB")):
            for row in rows:
                axis.plot(TOKENS, [max(value, 1e-4) for value in values[row]], marker="o", label=row)
            axis.set(xscale="log", yscale="log", xlabel="tokens", ylabel=title)
            axis.set_xticks(TOKENS, [str(tokens) for tokens in TOKENS])
            axis.grid(alpha=0.3)
        axes[0].legend()
        figure.suptitle(f"one sample, width {WIDTH}, {os.cpu_count()} cores")
        figure.tight_layout()
        figure.savefig(f"{folder}/tokens.png", dpi=110)
        print(f"{folder}/tokens.png")


if __name__ == "__main__":
    main()
