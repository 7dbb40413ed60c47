"""N inferences of a model in ONNX Runtime, on one thread: python ort.py MODEL.onnx N"""
import sys

import numpy
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
# The input of `benches/engine.rs`.
values = ((numpy.arange(3 * 128 * 128) * 7919) % 1000 / 500 - 1) * 2
x = values.astype(numpy.float32).reshape(1, 3, 128, 128)
for _ in range(int(sys.argv[2])):
    logits = session.run(None, {"input": x})[0]
print(logits.argmax(), float(logits.max()))
