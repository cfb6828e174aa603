#!/bin/bash
# What a pod's GPUs, driver and NCCL lack is named before a model is fetched or an experiment run.
source pods/testing/orchestrator.sh
use_fakes
ln -s "$runfiles/pods/nccl_bandwidth" tools/nccl_bandwidth

# A hub that says how much it would send; what is fetched in earnest leaves a trace.
cat >tools/fetch_model <<'END'
#!/bin/sh
case "$*" in *--check*) echo "bytes left 1000" && exit ;; esac
touch "$FAKE_FAULTS/fetched"
exit 1
END
chmod +x tools/fetch_model

H100="NVIDIA H100 80GB HBM3"
plan() { # GPUS [LINE]...: experiments 0 and 7 on so many H100s
  cat <<END
name: "gpu"
machine { device: "cuda" gpus: $1 gpu: "H100" hardware: "H100" cuda_version: "13.0" }
models { quant_method: "awq" repository: "a/b" revision: "0123456789abcdef0123456789abcdef01234567" }
experiments { id: 0 }
experiments { id: 7 }
END
  shift
  printf '%s\n' "$@"
}
plan 2 >plan.textproto

# refused TEXT PLAN: by check and by run, and nothing is begun.
refused() {
  expect 1 "$1" forensics check "$2" --folder=refused
  expect 1 "$1" forensics run "$2" --folder=refused
  [ ! -e faults/fetched ] && [ ! -e refused/trial ] && [ ! -e refused/results ] || fail "begun: $1"
}

echo "--- no driver"
PATH=/usr/bin:/bin
if ! command -v nvidia-smi >/dev/null; then
  refused "wrong +gpu +nvidia-smi: .*No such file" plan.textproto
fi

echo "--- a driver that is too old for one of the CUDA versions"
use_gpus 535.104.05 "$H100" "$H100"
refused "wrong +driver +driver 535.104.05 is too old for CUDA 13.0, which needs 580.65" plan.textproto
plan 2 'cuda_versions { version: "12.8" directory: "tools" }' 'cuda_versions { version: "11.8" directory: "tools" }' 'experiments { id: 6 }' >versions.textproto
use_gpus 520.61.05 "$H100" "$H100"
refused "wrong +driver +driver 520.61.05 is too old for CUDA 12.8, which needs 525.60" versions.textproto
grep -qE "ok +driver +driver 520.61.05 runs CUDA 11.8" out || fail "11.8"

echo "--- too few GPUs, or other ones"
use_gpus 580.65.06 "$H100"
refused "wrong +gpu +1 x NVIDIA H100 80GB HBM3, expected 2" plan.textproto
use_gpus 580.65.06 "$H100" "NVIDIA A100-SXM4-80GB"
refused "wrong +gpu +NVIDIA A100-SXM4-80GB, expected NVIDIA H100 80GB HBM3" plan.textproto

echo "--- GPUs that are too small"
use_gpus 580.65.06 "$H100"
sed 's/gpus: 2/gpus: 1 min_gpu_gigabytes: 80/; /id: 7/d' plan.textproto >large.textproto
expect 0 "ok +gpu +1 x NVIDIA H100" forensics check large.textproto --folder=large
memory=12288
use_gpus 580.65.06 "$H100"
refused "wrong +gpu +NVIDIA H100 80GB HBM3: 12.9 GB of memory, expected at least 80.0" large.textproto
memory=81559

echo "--- tools of another CUDA version than the plan says"
use_gpus 580.65.06 "$H100"
printf 'bundle b\ncontent 0\ntorch 2.10.0\ncuda 12.8\n' >MANIFEST
refused "wrong +cuda +machine.cuda_version: expected 12.8, which .*/exp0 is built with, found 13.0" large.textproto
sed 's/cuda_version: "13.0"//' large.textproto >bundles.textproto
expect 0 "ok +driver +driver 580.65.06 runs CUDA 12.8" forensics check bundles.textproto --folder=bundles
rm MANIFEST
expect 0 "note +driver +not looked at: neither machine.cuda_version" forensics check bundles.textproto --folder=bundles
sed 's/cuda_version: "13.0"/cuda_version: "13.9"/' large.textproto >unknown.textproto
refused "wrong +driver +which driver CUDA 13.9 needs is not known here" unknown.textproto

echo "--- no NCCL"
# Found before any other of that name, and no library.
mkdir broken
echo "no library" >broken/libnccl.so.2
export LD_LIBRARY_PATH=$PWD/broken
use_gpus 580.65.06 "$H100" "$H100"
refused "wrong +nccl .*no NCCL here: .*libnccl.so.2: (file too short|invalid ELF header)" plan.textproto
enough=$(($(df --output=size -B1 /dev/shm | tail -1) >= 1000000000))
grep -qE "$([ $enough -eq 1 ] && echo ok || echo wrong) +shm +/dev/shm: .* GB, expected at least 1$" out || fail "shm"
grep -qE "what to do: experiments 7 and 8 need an all-reduce over all GPUs" out || fail "no advice"
expect 4 "^nccl_bandwidth: .*no libtorch_cuda.so|libtorch_cuda.so cannot be loaded" tools/nccl_bandwidth --gpus=2
grep -q "^nccl_bandwidth: no NCCL here" out || fail "not all that is missing at once"
unset LD_LIBRARY_PATH

echo "--- without experiments 7 and 8 nobody asks"
plan 2 | grep -v "id: 7" >single.textproto
expect 0 "note +trial +the model is not here yet" forensics check single.textproto --folder=single
grep -q nccl out && fail "asked for NCCL"

echo "--- interrupted while the driver is asked"
printf '#!/bin/sh\ntouch asked\nexec sleep 1000\n' >driver/nvidia-smi
"$runfiles/pods/forensics_alone" check single.textproto --folder=single --tools="$PWD/tools" >out 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e asked ] && break; sleep 0.1; done
kill -TERM "$pid"
wait "$pid"
[ $? -eq 1 ] || fail "exit code"
grep -q "interrupted" out || { fail "not named"; cat out; }
grep -q "rent" out && { fail "a machine is asked for"; cat out; }

echo "--- its own command line"
expect 2 "one GPU has nothing to sum with" tools/nccl_bandwidth --gpus=1
expect 2 "expected a size such as .*found '5'" tools/nccl_bandwidth --sizes=1MiB,5
expect 2 "expected runner, nccl or both; found 'fast'" tools/nccl_bandwidth --order=fast
finish
