"""Statistics of logits over images of known class: accuracy, agreement, calibration, temperature."""
from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities [N, classes], f64."""
    z = logits.astype(np.float64) / temperature
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def of_outputs(outputs: np.ndarray, ending: str, temperature: float = 1.0) -> np.ndarray:
    """Scores [N, classes], f64, as Goldcrest computes them from outputs of that ending (ending.py)."""
    if ending == "logits":
        return softmax(outputs, temperature)
    return outputs.astype(np.float64).clip(0.0, 1.0)


def top(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Percent of images whose class is among the k first."""
    first = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float(100 * (first == labels[:, None]).any(1).mean())


def log_loss(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log probability of the true class, in nats."""
    return log_loss_of(softmax(logits, temperature), labels)


def log_loss_of(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The same of probabilities [N, classes]."""
    return float(-np.log(probabilities[np.arange(len(labels)), labels].clip(1e-300)).mean())


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least log loss (Guo et al., 2017), by golden section over its logarithm."""
    loss = lambda t: log_loss(logits, labels, float(np.exp(t)))
    golden = (5**0.5 - 1) / 2
    low, high = np.log(0.05), np.log(20.0)
    for _ in range(60):
        a, b = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return float(np.exp((low + high) / 2))


def calibration_error(scores: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error in percent: |accuracy - mean score| over `bins` equal bins of the top score."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [abs(right[place == b].mean() - scores[place == b].mean()) * (place == b).mean() for b in set(place.tolist())]
    return float(100 * sum(gaps))


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each row of a with that of b, both [N, classes]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).clip(1e-300)


def divergence(a: np.ndarray, b: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence of answers b from answers a, logits [N, classes], in nats."""
    p, q = softmax(a), softmax(b)
    return float((p * (np.log(p.clip(1e-300)) - np.log(q.clip(1e-300)))).sum(1).mean())


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Counts [true class, predicted class]."""
    out = np.zeros((classes, classes), np.int64)
    np.add.at(out, (labels, predicted), 1)
    return out
