"""Slow, obvious twin of the rules' engine, part three: episodes and decisions."""

from __future__ import annotations

import math
from collections import OrderedDict

from posewire.triggers.rules import ANY, OTHER, SELF
from reference_memory import Truth, Value
from reference_scene import Scene


class Reading:
    def __init__(self, rule, min_score, frame_rate, classifiers):
        self.min_score, self.gap_ns, self.frame_rate, self.classifiers = min_score, rule.gap_ns, frame_rate, classifiers


class Life:
    """A rule's condition and one animal: the stretch it is true for, and its episode."""

    def __init__(self, rule, reading):
        self.rule = rule
        self.tree = Truth(rule.when, reading) if rule.when else Value(rule.value, reading)
        self.forget()

    def forget(self):
        self.since = self.last = self.fired = None
        self.holds, self.told = False, set()

    def lapsed(self, now):
        return self.last is not None and now - self.last > self.rule.gap_ns

    def take(self, truth, now):
        """Whether an episode ended in which it had fired."""
        ended = False
        if self.since is not None and (truth is False or self.lapsed(now)):
            ended = self.fired is not None
            self.forget()
        if truth:
            self.since = now if self.since is None else self.since
            self.last = now
            self.holds = now - self.since >= self.rule.dwell_ns
        return ended


class ReferenceEvaluator:
    """`step` returns outcomes (rule, row, animal, word, time), holding, active and values."""

    def __init__(self, rules, *, animals=8, frame_rate=100.0, classifiers=None):
        self.rules, self.animals, self.frame_rate, self.classifiers = rules, animals, frame_rate, classifiers
        self.lives = OrderedDict()  # id -> for each rule (Life, Life of the second reading or None)
        self.nobody = self.born()  # whose episodes those of unknown id have in common
        self.fired = [None] * len(rules.rules)
        self.first = self.last = None

    def born(self):
        pairs = []
        for rule in self.rules.rules:
            second = rule.when is not None and rule.min_score > 0
            readings = [Reading(rule, least, self.frame_rate, self.classifiers) for least in (rule.min_score, 0.0)]
            pairs.append((Life(rule, readings[0]), Life(rule, readings[1]) if second else None))
        return pairs

    def step(self, poses, ids, id_scores, time_ns, age_ns, image=None, predicted=None):
        count = min(len(poses), self.animals)
        ids = ([0] + [-1] * count)[:count] if ids is None else [int(i) for i in ids[:count]]
        ids = [-1 if i < 0 or i in ids[:n] else i for n, i in enumerate(ids)]
        scores = [1.0] * count if id_scores is None else [float(s) for s in id_scores[:count]]
        if self.first is None:
            self.first = time_ns
        elif time_ns <= self.last:
            time_ns = self.last + 1
        self.last = now = time_ns
        arrays = poses, poses if predicted is None else predicted
        scenes = [
            Scene(a[:count].astype(float).tolist(), ids, scores, self.rules.roles, now, now - self.first, age_ns, image)
            for a in arrays
        ]
        told = []
        for i in ids:
            if i in self.lives:
                self.lives.move_to_end(i)
        for i in ids:
            if i < 0 or i in self.lives:
                continue
            if len(self.lives) == 2 * self.animals:
                gone, pairs = self.lives.popitem(last=False)
                told += [(n, -1, gone, "ended", now) for n, (life, _) in enumerate(pairs) if life.fired is not None]
            self.lives[i] = self.born()
        here = [self.lives[i] if i >= 0 else self.born() for i in ids]
        answers = [self.one(n, rule, scenes[rule.predicted], here, told) for n, rule in enumerate(self.rules.rules)]
        return told, *(list(part) for part in zip(*answers, strict=True))

    def one(self, n, rule, scene, here, told):
        for i, pairs in [*self.lives.items(), (-1, self.nobody)]:
            if (i not in scene.ids or i < 0) and pairs[n][0].lapsed(scene.now):
                told += self.gone(n, i, pairs[n][0], scene)
        value = None
        true_of_unknown = [False, False]
        for row, pairs in enumerate(here):
            i = scene.ids[row]
            if rule.animal != ANY and i != self.rules.roles[rule.animal]:
                continue
            truths = [life and life.tree.now(scene, row) for life in pairs[n]]
            reason = self.forbids(n, rule, scene, row)
            if rule.when is None:
                if value is None and not reason and truths[0] is not None:
                    value = scaled(truths[0], rule)
                continue
            if i < 0:
                truths = [(truth and rule.dwell_ns == 0) or None for truth in truths]
                true_of_unknown = [bool(a or b) for a, b in zip(true_of_unknown, truths, strict=True)]
            life, second = pairs[n] if i >= 0 else self.nobody[n]
            told += [(n, row, i, word, scene.now) for word in self.decide(n, scene, life, truths[0], reason)]
            if second:
                second.take(truths[1], scene.now)
                if truths[1] and second.holds and not second.told and not life.holds and not reason:
                    second.told.add("score")
                    told.append((n, row, i, "score", scene.now))
        life, second = self.nobody[n]
        if life.since is not None and not true_of_unknown[0]:
            told += self.gone(n, -1, life, scene)
        if second and not true_of_unknown[1]:
            second.forget()
        lives = [pairs[n][0] for pairs in [*self.lives.values(), self.nobody]]
        holding, active = any(life.holds for life in lives), any(life.fired is not None for life in lives)
        return holding, active, math.nan if value is None else value

    @staticmethod
    def gone(n, animal, life, scene):
        fired = life.fired is not None
        life.forget()
        return [(n, -1, animal, "ended", scene.now)] if fired else []

    def decide(self, n, scene, life, now, reason):
        if life.take(now, scene.now):
            yield "ended"
        if not (now and life.holds):
            return
        repeat = life.rule.repeat_ns
        if life.fired is not None and not (repeat > 0 and scene.now - life.fired >= repeat):
            return
        if not reason:
            life.fired = self.fired[n] = scene.now
            yield "fired"
        elif reason not in life.told:
            life.told.add(reason)
            yield reason

    def forbids(self, n, rule, scene, row):
        if not rule.armed_from_ns <= scene.elapsed < rule.armed_until_ns:
            return "arming"
        if scene.age > rule.max_age_ns:
            return "age"
        if rule.min_id_score > 0:
            rows = [scene.ids.index(i) for i in named(rule, self.rules.roles) if i in scene.ids]
            if scene.ids[row] < 0 or any(not scene.id_scores[r] >= rule.min_id_score for r in [row, *rows]):
                return "id"
        if self.fired[n] is not None and scene.now - self.fired[n] < rule.refractory_ns:
            return "refractory"
        return ""


def named(rule, roles):
    """Ids of the roles that a rule's points name."""
    found, trees = set(), [rule.when or rule.value]
    while trees:
        tree = trees.pop()
        found |= {roles[point.animal] for point in tree.points if point.animal not in (SELF, OTHER)}
        trees += [*tree.inner, *filter(None, [getattr(tree, "quantity", None)])]
    return found


def scaled(value, rule):
    (a, b), (c, d) = rule.value_from, rule.value_to
    return min(max(c + (value - a) / (b - a) * (d - c), min(c, d)), max(c, d))
