"""Compares the forward pass of designs of the zoo with what their products and bytes take at least."""

import json
import subprocess
import sys

DESIGNS = [
    "dit-xl2-mha-hyena_x-100p", "dit-xl2-mha-hyena_y-100p", "dit-xl2-mha-hyena_se-100p", "dit-xl2-mha-swa-100p",
    "dit-xl2-mha-mamba_2-100p", "dit-xl2-mlp-mlp_r_3-100p", "dit-xl2-mlp-mlp_hyena_x-100p", "dit-xl2-parallel-d14",
]


def main():
    repeats = sys.argv[1] if len(sys.argv) > 1 else "5"
    print(f"{'design':32}{'forward':>9}{'products':>10}{'bytes':>8}{'ratio':>7}")
    for design in sys.argv[2:] or DESIGNS:
        command = [".build/release/graftc", "bench", design, "--base", "noise", "--random-weights", "--batch", "2"]
        command += ["--repeats", repeats, "--profile", "--json", "--quiet"]
        for line in subprocess.check_output(command, text=True).splitlines():
            found = json.loads(line)
            seconds = found["seconds"]["median"]
            products = seconds * found["blas_share"]
            # Kernels that multiply matrices have their bytes in the products' time.
            others = [k for k in found["profile"] if not k["kernel"].startswith(("Linear", "MatMul", "Attention"))]
            moved = sum(k["gigabytes_per_second"] * k["seconds"] for k in others)
            moving = moved / found["limits"]["gigabytes_per_second"]
            print(
                f"{design:32}{seconds:8.3f}s{products:9.3f}s{moving:7.3f}s{seconds / (products + moving):7.2f}", flush=True)


if __name__ == "__main__":
    main()
