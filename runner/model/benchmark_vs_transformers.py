#!/usr/bin/env python3
"""Times decoder_benchmark beside Hugging Face transformers: same machine, same run, same threads, same dtype, by turns.

usage: benchmark_vs_transformers.py [--checkpoint DIR] [--binary FILE] [--dtypes float32 bfloat16] [--prompt-tokens 6000]
                                    [--decode-steps 30] [--threads 2] [--rounds 3] [--venv DIR]
                                    [--attention flash_attention_2 flash_attention_portable]

Makes a throw-away virtual environment with torch and transformers (or uses --venv, a folder that has one), writes the AWQ checkpoint as
an ordinary float32 one for transformers, and prints the median of each side's rounds and their ratio. Build the binary first:
bazel build //runner/model:decoder_benchmark
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, venv

PACKAGES = ["torch==2.11.0", "transformers", "safetensors", "numpy"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Run by the environment's python: one JSON line [prefill tokens/s, decode tokens/s] a round.
PEER = r"""
import json, sys, time, torch
from transformers import AutoModelForCausalLM, DynamicCache
folder, dtype, prompt, steps, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), attn_implementation="sdpa").eval()
ids = (torch.arange(prompt) * 2654435761 % (model.config.vocab_size - 100)).view(1, -1)
print("ready", flush=True)
for _ in sys.stdin:
    with torch.inference_mode():
        cache = DynamicCache(config=model.config)
        start = time.perf_counter()
        logits = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        prefill = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(steps):
            logits = model(logits[:, -1].argmax(-1, keepdim=True), past_key_values=cache, use_cache=True).logits
        print(json.dumps([prompt / prefill, steps / (time.perf_counter() - start)]), flush=True)
"""

# Run by the environment's python: an AWQ (gemm, 4 bit) checkpoint as an ordinary float32 one.
DEQUANTISE = r"""
import json, os, sys, torch
from safetensors.torch import load_file, save_file
source, target = sys.argv[1:]
tensors = load_file(os.path.join(source, "model.safetensors"))
def unpack(words):
    nibbles = (words.unsqueeze(-1) >> torch.tensor([0, 16, 4, 20, 8, 24, 12, 28], dtype=torch.int32)) & 15
    return nibbles.flatten(1)
result = {}
for name, tensor in tensors.items():
    module, _, kind = name.rpartition(".")
    if kind == "qweight":
        scales = tensors[module + ".scales"].float()
        repeat = tensor.shape[0] // scales.shape[0]
        zeros = unpack(tensors[module + ".qzeros"]).repeat_interleave(repeat, 0)
        weight = (unpack(tensor) - zeros).float() * scales.repeat_interleave(repeat, 0)
        result[module + ".weight"] = weight.t().contiguous()
    elif kind not in ("qzeros", "scales"):
        result[name] = tensor.float()
save_file(result, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})
config = json.load(open(os.path.join(source, "config.json")))
config.pop("quantization_config")
config["torch_dtype"] = "float32"
json.dump(config, open(os.path.join(target, "config.json"), "w"))
"""

def environment_python(folder):
    """The python of the virtual environment in `folder`, which is made and filled if it has none."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return python

def our_round(args, dtype, attention):
    command = [args.binary, args.checkpoint, dtype, str(args.prompt_tokens), str(args.decode_steps), "2", attention]
    env = dict(os.environ, OMP_NUM_THREADS=str(args.threads), GOMP_SPINCOUNT="2000")  # as the runner sets it
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    words = out.splitlines()[-1].split()   # the second run: the first one touches memory for the first time
    return float(words[1]), float(words[3])

class Peer:
    """transformers in a process of its own, so that it loads once and idles while the other side runs."""

    def __init__(self, args, python, folder, dtype):
        command = [python, "-c", PEER, folder, dtype, str(args.prompt_tokens), str(args.decode_steps), str(args.threads)]
        env = dict(os.environ, OMP_NUM_THREADS=str(args.threads))
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline().strip() == "ready", "transformers did not load the checkpoint"
        self.round()

    def round(self):
        print("go", file=self.process.stdin, flush=True)
        return tuple(json.loads(self.process.stdout.readline()))

    def close(self):
        self.process.stdin.close()
        self.process.wait()

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=os.path.join(ROOT, "testdata/mini_qwen3_moe/awq"))
    parser.add_argument("--binary", default=os.path.join(ROOT, "bazel-bin/runner/model/decoder_benchmark"))
    parser.add_argument("--attention", nargs="+", default=["flash_attention_2", "flash_attention_portable"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--prompt-tokens", type=int, default=6000)
    parser.add_argument("--decode-steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--venv")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        python = environment_python(args.venv or os.path.join(work, "venv"))
        folder = os.path.join(work, "float32")
        os.mkdir(folder)
        subprocess.run([python, "-c", DEQUANTISE, args.checkpoint, folder], check=True)
        print(f"{args.threads} threads, {args.prompt_tokens} prompt tokens, {args.decode_steps} decode steps; tokens/s, median of {args.rounds}")
        print(f"{'dtype':10} {'phase':8} {'attention':26} {'transformers':>13} {'ours':>9} {'ratio':>6}")
        for dtype in args.dtypes:
            peer = Peer(args, python, folder, dtype)
            rounds = [[peer.round()] + [our_round(args, dtype, a) for a in args.attention] for _ in range(args.rounds)]
            peer.close()
            for i, phase in enumerate(["prefill", "decode"]):
                for side, attention in enumerate(args.attention, start=1):
                    theirs, ours = (statistics.median(r[s][i] for r in rounds) for s in (0, side))
                    print(f"{dtype:10} {phase:8} {attention:26} {theirs:13.1f} {ours:9.1f} {ours / theirs:6.2f}", flush=True)

if __name__ == "__main__":
    sys.exit(main())
