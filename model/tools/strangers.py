#!/usr/bin/env python3
"""Measure how much a model claims of what it does not know, by the rule that decides a claim.

Pictures of unknown kinds come from three places: classes of --images left out in turn (their logits
are taken away, a tenth of the classes at a time, every tenth of the list, so that related classes
stay), the folders of --strangers (a sub-folder a kind), and generated plain scenes (scenes.py).

First table: rules of one bound each. The bound is set on the half of --images that gave the
temperature, where it leaves --kept percent of the right answers claimed. The other columns are
measured on the other half and on the unknown kinds:

    score            the first label's probability
    lead             the first label's probability less the second's
    score at T * x   the probability at a temperature x times as high
    spread           over how many labels the probabilities are spread: the exponential of their entropy
    largest logit    before softmax
    energy           T * logsumexp(logits / T)
    nearest mean     with --train: cosine of the pooled features to the nearest class's mean, both less the whole mean
    Mahalanobis      with --train: distance to the nearest class's mean by the covariance within classes
    spread, mean     with --train: 5 times that cosine less the spread's logarithm
    spread, distance with --train: less the spread's logarithm and 0.15 times that distance

Second table: `[observe] threshold` with and without `spread`, as goldcrest applies them to one picture.
The last four rules of the first table need features, which the program does not use for a claim. The weights of the
last two were chosen once, on pictures such as these.
"""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Callable

import numpy as np

import evaluate
import features
import images
import scenes
import scores
from features import Seen
from parts import Parts

# As in src/observe/config.rs.
MARGIN = 0.1
Rule = Callable[[Seen], np.ndarray]


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", type=Path, help="the int8 ONNX file")
    a.add_argument("--images", type=Path, required=True, help="labelled images of its classes that it was not trained on")
    a.add_argument("--strangers", type=Path, nargs="*", default=[], help="folders with a sub-folder a kind")
    a.add_argument("--known", nargs="*", default=[], metavar="KIND", help="kinds of --strangers that the model does know: left out")
    a.add_argument("--scenes", type=int, default=480, help="generated plain scenes (default: %(default)s)")
    a.add_argument("--train", type=Path, help="images that it was trained on, for the means of its classes")
    a.add_argument("--each", type=int, default=40, help="of these so many a class (default: %(default)s)")
    a.add_argument("--groups", type=int, default=10, help="groups of classes left out in turn (default: %(default)s)")
    a.add_argument("--kept", type=float, default=80, help="percent of right answers that stay claimed (default: %(default)s)")
    a.add_argument("--spread", type=float, default=3.8, help="for the second table (default: %(default)s)")
    a.add_argument("--threads", type=int, default=1, help="CPU threads of ONNX Runtime (default: %(default)s)")
    return a.parse_args()


def spread(z: np.ndarray, temperature: float) -> np.ndarray:
    """The exponential of the probabilities' entropy, for logits [N, classes]."""
    p = scores.softmax(z, temperature)
    return np.exp(-(p * np.log(p.clip(1e-300))).sum(1))


def lead(p: np.ndarray) -> np.ndarray:
    """The first probability less the second."""
    best = np.sort(p, 1)
    return best[:, -1] - best[:, -2]


def logit_rules(temperature: float) -> dict[str, Rule]:
    """Each rule's measure, the higher the surer."""
    p = lambda seen, times=1.0: scores.softmax(seen.logits, temperature * times)
    rules: dict[str, Rule] = {"score": lambda s: p(s).max(1), "lead": lambda s: lead(p(s))}
    for times in (1.3, 2.0):
        rules[f"score at T * {times:g}"] = lambda s, times=times: p(s, times).max(1)
    rules["spread"] = lambda s: -spread(s.logits, temperature)
    rules["largest logit"] = lambda s: s.logits.max(1)

    def energy(s: Seen) -> np.ndarray:
        top = s.logits.max(1)
        return top + temperature * np.log(np.exp((s.logits - top[:, None]) / temperature).sum(1))

    return rules | {"energy": energy}


def feature_rules(pooled: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> dict[str, Rule]:
    """Rules by distance to the means of `classes` among the features of the training images."""
    centre = pooled.mean(0)
    means = np.stack([pooled[labels == k].mean(0) for k in classes])
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    toward = unit(means - centre)
    here = np.isin(labels, classes)
    within = pooled[here] - means[np.searchsorted(classes, labels[here])]
    covariance = within.T @ within / len(within)
    # A tenth of the mean variance on the diagonal: there are few pictures for 768 dimensions.
    covariance += 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whiten = np.linalg.cholesky(np.linalg.inv(covariance))
    far = means @ whiten

    def mahalanobis(s: Seen) -> np.ndarray:
        x = s.pooled @ whiten
        squares = (x**2).sum(1)[:, None] - 2 * x @ far.T + (far**2).sum(1)
        return -np.sqrt(squares.clip(0).min(1))

    return {"nearest mean": lambda s: (unit(s.pooled - centre) @ toward.T).max(1), "Mahalanobis": mahalanobis}


class Measured:
    """What the network answered to known pictures and to those of unknown kinds."""

    def __init__(self, a: argparse.Namespace, card: evaluate.Card):
        self.a, self.temperature = a, card.temperature
        val = images.load(a.images, "val").of_classes(card.labels)
        sets = {"val": val} | {str(path): self.strangers(path) for path in a.strangers}
        if a.train:
            train = images.load(a.train).of_classes(card.labels)
            sets["train"] = train.only(np.concatenate([np.flatnonzero(train.labels == k)[: a.each] for k in range(len(card.labels))]))
        depends = [a.model.read_bytes(), *(s.digest() for s in sets.values()), f"{a.scenes} {a.threads}"]
        parts = Parts("strangers", *depends)
        self.seen = {name: self.answered(parts, name, card, len(s), map(s.open, range(len(s)))) for name, s in sets.items()}
        self.seen["scenes"] = self.answered(parts, "scenes", card, a.scenes, (picture for _, picture in scenes.made(a.scenes)))
        parts.done()
        self.labels, self.classes = val.labels, np.arange(len(card.labels))
        self.val = self.seen.pop("val")
        self.train = (self.seen.pop("train"), sets["train"].labels) if a.train else None
        self.right = self.val.logits.argmax(1) == val.labels
        self.fit, self.rest = images.halves(val.labels)
        if not (self.right & self.fit).any() or len(self.classes) < 3:
            raise images.Refused(f"{a.images}: at least three classes and one right answer are needed to set a bound")

    def strangers(self, path: Path) -> images.ImageSet:
        found = images.from_folder(path)
        return found.only([i for i, k in enumerate(found.labels) if found.names[k] not in self.a.known])

    def answered(self, parts: Parts, name: str, card: evaluate.Card, count: int, pictures) -> Seen:
        began, part = time.time(), name.replace("/", "+")
        if not (found := parts.get(part)):
            seen = features.in_onnxruntime(self.a.model, (features.prepared(p, card) for p in pictures), self.a.threads)
            found = dict(logits=seen.logits, pooled=seen.pooled)
            parts.put(part, **found)
        print(f"{name}: {count} images in {time.time() - began:.0f} s", file=sys.stderr, flush=True)
        return Seen(found["logits"], found["pooled"])

    def rules(self, classes: np.ndarray) -> dict[str, Rule]:
        """All rules of a network that knows `classes` alone."""
        rules = logit_rules(self.temperature)
        if self.train:
            seen, labels = self.train
            rules |= (near := feature_rules(seen.pooled.astype(np.float64), labels, classes))
            gathered = lambda s: -np.log(spread(s.logits, self.temperature))
            rules["spread, mean"] = lambda s: gathered(s) + 5 * near["nearest mean"](s)
            rules["spread, distance"] = lambda s: gathered(s) + 0.15 * near["Mahalanobis"](s)
        return rules

    def left_out(self, rule: Callable[[dict[str, Rule], Seen], np.ndarray]) -> np.ndarray:
        """A rule's measure of each picture when the network does not know its class."""
        out = []
        groups = min(self.a.groups, len(self.classes))
        for group in range(groups):
            gone = self.classes % groups == group
            here = gone[self.labels]
            seen = Seen(self.val.logits[here][:, ~gone], self.val.pooled[here])
            out.append(rule(self.rules(self.classes[~gone]), seen))
        return np.concatenate(out)


def shares(m: Measured, known: np.ndarray, left_out: np.ndarray, others: dict[str, np.ndarray]) -> list[float]:
    """The columns, in percent: of what is claimed among the known, the left out and each other set."""
    rest = m.rest
    unknown = [left_out, *others.values()]
    columns = [known[m.right & rest].mean(), known[~m.right & rest].mean(), *(u.mean() for u in unknown), np.concatenate(unknown).mean()]
    return [float(100 * c) for c in columns]


def main() -> None:
    a = arguments()
    if not a.model.is_file():
        raise images.Refused(f"{a.model}: no such file")
    m = Measured(a, evaluate.beside(a.model))
    heads = ["bound", "right", "wrong", "left out", *(Path(n).name[:12] for n in m.seen), "unknown"]
    print(f"claimed, in percent: of {int((m.right & m.rest).sum())} right and {int((~m.right & m.rest).sum())} wrong answers, "
          f"of {len(m.labels)} pictures of classes left out, " + ", ".join(f"{len(s.logits)} of {Path(n).name}" for n, s in m.seen.items())
          + ", and of all unknown kinds together")  # fmt: skip
    print(f"\n{'':24}" + "".join(f"{h:>13}" for h in heads))
    for name, rule in m.rules(m.classes).items():
        known = rule(m.val)
        bound = np.quantile(known[m.right & m.fit], 1 - a.kept / 100)
        out = m.left_out(lambda rules, seen: rules[name](seen))
        row = shares(m, known >= bound, out >= bound, {n: rule(s) >= bound for n, s in m.seen.items()})
        print(f"{name:24}{abs(bound):13.3f}" + "".join(f"{c:13.1f}" for c in row))
    print(f"\n{'threshold, spread':24}" + "".join(f"{h:>13}" for h in heads[1:]))
    for limit in (np.inf, a.spread):
        for threshold in (0.5, 0.6, 0.7, 0.8):

            def claimed(seen: Seen) -> np.ndarray:
                p = scores.softmax(seen.logits, m.temperature)
                return (p.max(1) >= threshold) & (lead(p) >= MARGIN) & (spread(seen.logits, m.temperature) <= limit)

            row = shares(m, claimed(m.val), m.left_out(lambda _, seen: claimed(seen)), {n: claimed(s) for n, s in m.seen.items()})
            print(f"{f'{threshold:g}, {limit:g}':24}" + "".join(f"{c:13.1f}" for c in row))


if __name__ == "__main__":
    main()
