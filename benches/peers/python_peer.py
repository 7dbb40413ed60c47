"""ONNX Runtime or OpenVINO as one of the peers: python_peer.py RUNTIME MODEL INPUTS.f32 THREADS

For each line of standard input, a count, it runs so often over the inputs in turn and prints the milliseconds of each
run as one line of JSON.
"""
import itertools
import json
import sys
import time

import numpy as np


def in_onnxruntime(model: str, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"input": x})[0]


def in_openvino(model: str, threads: int):
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda x: request.infer([x])[0]


def main() -> None:
    runtime, model, inputs, threads = sys.argv[1:5]
    infer = {"onnxruntime": in_onnxruntime, "openvino": in_openvino}[runtime](model, int(threads))
    next_input = itertools.cycle(np.fromfile(inputs, "<f4").reshape(-1, 1, 3, 128, 128)).__next__
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            x = next_input()
            begun = time.perf_counter()
            infer(x)
            times.append(1000 * (time.perf_counter() - begun))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
