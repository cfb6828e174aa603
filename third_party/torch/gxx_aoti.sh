#!/bin/sh
# The compiler for TorchInductor. What it asks for is changed where the output would depend on the
# machine or the folder that built it (-march=native: the last -march wins; paths; symbols that are
# named after files), and where it would bring along libraries that the program which loads the
# output has already: -ltorch, that is CUDA, where libtorch_cpu is enough, a second libgomp, and the
# driver, whose development files few machines have.
drop_openmp=
for arg; do
  [ "$arg" = -shared ] && drop_openmp=-fopenmp
done
for arg; do
  shift
  case $arg in
  -ltorch | -lgomp | -lcuda | "$drop_openmp") continue ;;
  -I*/torch/include) set -- "$@" "-ffile-prefix-map=${arg#-I}=torch/include" ;;
  *.wrapper.cpp) set -- "$@" "-ffile-prefix-map=$arg=wrapper.cpp" ;;
  -shared) set -- "$@" -s ;;
  esac
  set -- "$@" "$arg"
done
# Of prefix maps, too, the last one that fits wins.
exec g++ "-ffile-prefix-map=$TORCHINDUCTOR_CACHE_DIR=." "$@" -march=x86-64-v3
