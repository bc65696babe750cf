#!/bin/sh
# Makes the throw-away venv that bench/run.ts and bench/web/run.ts find, and puts onnxruntime-web beside it: setup-pytorch.sh [FOLDER].
# Takes PyTorch's CPU wheel, else the default one.
set -eu
folder=${1:-${TMPDIR:-/tmp}/ddpm-bench-pytorch}
python=${PYTHON:-python3}
if "$folder/bin/python" -c 'import torch, numpy, safetensors, onnx, onnxscript' 2>/dev/null && [ -d "$folder/node_modules/onnxruntime-web" ]; then
  echo "PyTorch and onnxruntime-web are already in $folder"
  exit 0
fi
"$python" -m venv "$folder"
pip="$folder/bin/python -m pip --disable-pip-version-check install --quiet"
$pip torch==2.15.0 --retries 1 --timeout 10 --index-url https://download.pytorch.org/whl/cpu || $pip torch==2.15.0
$pip numpy safetensors==0.8.0 onnx==1.23.2 onnxscript==0.7.2
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error onnxruntime-web@1.30.0
"$folder/bin/python" -c 'import torch; print("PyTorch", torch.__version__)'
echo "Installed in $folder; measure with: npm run bench -- --python $folder/bin/python"
