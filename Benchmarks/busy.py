"""Runs graft, and PyTorch if it is there, on an idle machine and beside a process that spins on the first core."""

import importlib.util
import os
import statistics
import subprocess
import sys

from peers import Served

FORWARD = ["--batch", "2"]
SPIN = [sys.executable, "-c", "while True: pass"]


def main():
    rounds = int(sys.argv[1])
    graftc = [".build/release/graftc", "bench", "dit.xl2(image: 256)", "--random-weights", "--quiet", "--serve"]
    rows = {"graft": graftc + FORWARD}
    if importlib.util.find_spec("torch"):
        rows["torch"] = [sys.executable, "Benchmarks/peers.py", "--serve", "torch"] + FORWARD
    print(f"{'':8}{'idle':>9}{'busy':>9}{'throughput that is left':>26}")
    for row, command in rows.items():
        served = Served(command)
        served.run()
        idle, busy = [], []
        for _ in range(rounds):
            idle.append(served.run())
            spinning = subprocess.Popen(SPIN)
            os.sched_setaffinity(spinning.pid, {min(os.sched_getaffinity(0))})
            busy.append(served.run())
            spinning.kill()
            spinning.wait()
        served.end()
        left = statistics.median(one / other for one, other in zip(idle, busy))
        print(f"{row:8}{statistics.median(idle):8.3f}s{statistics.median(busy):8.3f}s{left * 100:24.0f} %", flush=True)


if __name__ == "__main__":
    main()
