"""Prediction in plain Python, slowly: matrices instead of written-out sums, lists instead of rings, everything kept."""

from __future__ import annotations

import functools
import math

import numpy as np

from posewire.predict import BANK, PredictRules
from posewire.predict.predictor import USUAL

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


@functools.lru_cache(maxsize=100_000)
def transition(step_s, lasts_s, derivatives):
    """How place, speed (and acceleration) go on in ``step_s``: [n, n]. The last one stays, or dies away."""
    generator = np.diag(np.ones(derivatives - 1), 1)
    if lasts_s:
        generator[-1, -1] = -1 / lasts_s
    return exponential(generator * step_s)


def exponential(matrix):
    """Of a matrix, by halving and its series."""
    halvings = 12
    small = matrix / 2**halvings
    term = result = np.eye(len(matrix))
    for n in range(1, 12):
        term = term @ small / n
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


@functools.lru_cache(maxsize=100_000)
def process_noise(step_s, lasts_s, derivatives):
    """Covariance of what white noise of density 1 on the last derivative adds in ``step_s``: a plain integral."""
    total = np.zeros((derivatives, derivatives))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        column = transition((node + 1) / 2 * step_s, lasts_s, derivatives)[:, -1:]
        total += weight * step_s / 2 * column @ column.T
    return total


class Kalman:
    """One member's filter of one keypoint; x and y share the covariance."""

    def __init__(self, member, place, noise_var, usual_s):
        self.member = member
        self.derivatives = 2 if member.kind == "velocity" else 3
        self.state = np.zeros((self.derivatives, 2))
        self.state[0] = place
        self.covariance = np.diag([noise_var, 100 * noise_var / usual_s**2, 100 * noise_var / usual_s**4])
        self.covariance = self.covariance[: self.derivatives, : self.derivatives]

    def update(self, place, noise_var, step_s, usual_var, usual_s):
        member, n = self.member, self.derivatives
        wander = member.wander * usual_var / usual_s
        density = usual_var * usual_s / member.averages_s ** (2 * n) + wander / member.averages_s**2
        move = transition(step_s, member.lasts_s, n)
        noise = density * process_noise(step_s, member.lasts_s, n)
        noise[0, 0] += wander * step_s
        state, covariance = move @ self.state, move @ self.covariance @ move.T + noise
        see = np.eye(n)[:1]
        gain = covariance @ see.T / (see @ covariance @ see.T + noise_var)
        self.state = state + gain @ (np.asarray([place]) - see @ state)
        self.covariance = (np.eye(n) - gain @ see) @ covariance

    def ahead(self, by_s):
        return (transition(by_s, self.member.lasts_s, self.derivatives) @ self.state)[0]


class OneEuro:
    """As in the paper, but for one cutoff for both axes, and a speed taken from what was measured."""

    def __init__(self, member, place):
        self.member, self.raw, self.place, self.speed = member, np.asarray(place), np.asarray(place), np.zeros(2)

    @staticmethod
    def low_pass(before, now, cutoff_hz, step_s):
        alpha = 1 / (1 + 1 / (2 * math.pi * cutoff_hz) / step_s)
        return alpha * np.asarray(now) + (1 - alpha) * before

    def update(self, place, noise_var, step_s, usual_var, usual_s):
        member = self.member
        self.speed = self.low_pass(self.speed, (np.asarray(place) - self.raw) / step_s, member.speed_hz, step_s)
        cutoff = member.least_hz + member.per_noise * math.hypot(*self.speed) / math.sqrt(usual_var)
        self.place = self.low_pass(self.place, place, cutoff, step_s)
        self.raw = np.asarray(place)

    def ahead(self, by_s):
        return self.place + by_s * self.speed


class Hold:
    def __init__(self, place):
        self.place = np.asarray(place)

    def update(self, place, *others):
        self.place = np.asarray(place)

    def ahead(self, by_s):
        return self.place


def begun(member, place, usual_var, usual_s):
    if member.kind == "hold":
        return Hold(place)
    if member.kind == "one-euro":
        return OneEuro(member, place)
    return Kalman(member, place, usual_var, usual_s)


class Keypoint:
    """All that is known of one keypoint of one animal."""

    def __init__(self, members):
        self.seen_ns = None
        self.place, self.score, self.filters = None, 0.0, []
        self.waiting = []  # (target_ns, every member's prediction, the one that was given)
        self.errors, self.weight, self.choice = np.zeros(members), 0.0, 0


class SlowPredictor:
    """`posewire.predict.Predictor`, for any number of animals."""

    def __init__(self, keypoints, *, noise_px=1.0, bank=BANK, rules: PredictRules = USUAL):
        self.count, self.noise_px, self.bank, self.rules = keypoints, noise_px, bank, rules
        self.animals = {}
        self.last_ns, self.usual_s = None, 0.0
        self.scored = []  # (keypoint, error of what was given, error of holding)

    def step(self, poses, ids, time_ns, target_ns):
        if self.last_ns is not None:
            time_ns = max(time_ns, self.last_ns)
            passed = (time_ns - self.last_ns) * 1e-9
            if 0 < passed < 0.5:
                self.usual_s += int((passed - self.usual_s) * 1e9 / (50 if self.usual_s else 1)) * 1e-9
        self.last_ns = time_ns
        target_ns = max(target_ns, time_ns)
        predicted, used = np.full(poses.shape, np.nan, np.float32), np.full(poses.shape[:2], -1)
        for a, number in enumerate(ids):
            if number < 0:
                predicted[a] = poses[a]
                used[a] = np.where(np.isnan(poses[a, :, 0]), -1, 0)
                continue
            if number not in self.animals:
                self.animals[number] = [Keypoint(len(self.bank)) for _ in range(self.count)]
            for k, keypoint in enumerate(self.animals[number]):
                predicted[a, k], used[a, k] = self.one(keypoint, k, poses[a, k], time_ns, target_ns)
        return predicted, used

    def one(self, keypoint, k, measured, time_ns, target_ns):
        usual_s = self.usual_s or 0.01
        place, score = measured[:2].astype(float), float(measured[2])
        if np.isfinite(place).all():
            self.judge(keypoint, k, place, time_ns, usual_s)
            since = keypoint.seen_ns
            if since is None or time_ns - since > self.rules.restart_s * 1e9:
                keypoint.filters = [begun(member, place, self.noise_px**2, usual_s) for member in self.bank]
            else:
                for one in keypoint.filters:
                    if isinstance(one, Hold):
                        one.update(place)
                    elif time_ns > since:
                        noise_var = self.noise_px**2 / max(score, 0.1) ** 2
                        one.update(place, noise_var, (time_ns - since) * 1e-9, self.noise_px**2, usual_s)
            keypoint.seen_ns, keypoint.place, keypoint.score = time_ns, place, score
        keypoint.waiting = [entry for entry in keypoint.waiting if entry[0] > time_ns]
        since = keypoint.seen_ns
        coast_ns = int(self.rules.coast_s * 1e9)
        if since is None or time_ns - since > coast_ns:
            return (np.nan, np.nan, score), -1
        self.choose(keypoint)
        everyone = [one.ahead((target_ns - since) * 1e-9).astype(np.float32) for one in keypoint.filters]
        keypoint.waiting.append((target_ns, everyone, keypoint.choice))
        return (*everyone[keypoint.choice], keypoint.score * (1 - (time_ns - since) / coast_ns)), keypoint.choice

    def judge(self, keypoint, k, place, time_ns, usual_s):
        since = keypoint.seen_ns
        if since is None or not 0 < (time_ns - since) * 1e-9 <= max(0.1, 3 * usual_s):
            return
        fade = math.exp(-(time_ns - since) * 1e-9 / max(self.rules.memory_s, 30 * usual_s))
        keypoint.errors *= fade
        keypoint.weight *= fade
        for target_ns, everyone, given in keypoint.waiting:
            if since < target_ns <= time_ns:
                there = keypoint.place + (target_ns - since) / (time_ns - since) * (place - keypoint.place)
                errors = np.array([math.hypot(*(one.astype(float) - there)) for one in everyone])
                keypoint.errors += errors
                keypoint.weight += 1
                self.scored.append((k, errors[given], errors[0]))

    def choose(self, keypoint):
        if keypoint.weight < self.rules.least_scored:
            keypoint.choice = 0
            return
        best, now = int(np.argmin(keypoint.errors)), keypoint.errors[keypoint.choice]
        if keypoint.errors[best] < self.rules.loyalty * now or now > keypoint.errors[0]:
            keypoint.choice = best
