"""The filters behind predictions: one step of each, for one keypoint, x and y alike.

A Kalman filter of constant velocity and one of constant acceleration, whose state is driven by white noise of the next
derivative, exactly integrated over any step (Bar-Shalom, Li, Kirubarajan 2001, DOI 10.1002/0471221279, 6.2); and the
One-Euro filter (Casiez, Roussel, Vogel 2012, DOI 10.1145/2207676.2208639), extrapolated by its own speed.

A state is one row of numbers. x and y have the same covariance, since they are measured together and as well.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NUMBERS = 12  # of a state

HOLD, VELOCITY, ACCELERATION, ONE_EURO = range(4)

# Places in a state. The covariance of a filter of constant velocity is three numbers, of constant acceleration six.
X, Y, SPEED_X, SPEED_Y, GAIN_X, GAIN_Y = range(6)
P = 6


@njit(nogil=True, cache=True)
def begin(state, kind, x, y, noise_var, usual_s):  # type: ignore[no-untyped-def]
    """A keypoint is there for the first time: its place is as sure as one measurement, its speed unknown."""
    state[:] = 0.0
    state[X], state[Y] = x, y
    # As if the place a usual step ago had been anywhere near: the next measurement then sets the speed.
    unsure = noise_var * 100.0
    if kind == VELOCITY:
        state[P], state[P + 2] = noise_var, unsure / (usual_s * usual_s)
    elif kind == ACCELERATION:
        state[P], state[P + 3] = noise_var, unsure / (usual_s * usual_s)
        state[P + 5] = unsure / usual_s**4
    elif kind == ONE_EURO:
        state[GAIN_X], state[GAIN_Y] = x, y


@njit(nogil=True, cache=True)
def update(state, kind, first, second, third, x, y, noise_var, usual_noise_var, usual_s, step_s):  # type: ignore[no-untyped-def]
    """``step_s`` after the last measurement comes (x, y), with an error of variance ``noise_var`` px² along each axis.

    ``first`` to ``third`` are the settings of a member of the bank (`posewire.predict.bank`), ``usual_noise_var`` and
    ``usual_s`` the noise and the step that its time constant is meant for.
    """
    if kind == VELOCITY:
        _update_velocity(state, usual_noise_var * usual_s / first**4, x, y, noise_var, step_s)
    elif kind == ACCELERATION:
        _update_acceleration(state, usual_noise_var * usual_s / first**6, x, y, noise_var, step_s)
    elif kind == ONE_EURO:
        _update_one_euro(state, first, second, third, x, y, np.sqrt(usual_noise_var), step_s)


@njit(nogil=True, cache=True)
def ahead(state, kind, by_s):  # type: ignore[no-untyped-def]
    """Where the keypoint will be ``by_s`` after its last measurement: x and y."""
    bend = 0.5 * by_s * by_s if kind == ACCELERATION else 0.0
    return (
        state[X] + by_s * state[SPEED_X] + bend * state[GAIN_X],
        state[Y] + by_s * state[SPEED_Y] + bend * state[GAIN_Y],
    )


@njit(nogil=True, cache=True)
def _update_velocity(state, density, x, y, noise_var, t):  # type: ignore[no-untyped-def]
    """``density``: of the acceleration's white noise, px²/s³."""
    a, b, c = state[P], state[P + 1], state[P + 2]
    # F P F' + Q with F = [1 t; 0 1].
    a, b = a + t * (2.0 * b + t * c) + density * t**3 / 3.0, b + t * c + density * t * t / 2.0
    c += density * t
    place, speed = a / (a + noise_var), b / (a + noise_var)
    state[X] += t * state[SPEED_X]
    state[Y] += t * state[SPEED_Y]
    off_x, off_y = x - state[X], y - state[Y]
    state[X] += place * off_x
    state[Y] += place * off_y
    state[SPEED_X] += speed * off_x
    state[SPEED_Y] += speed * off_y
    state[P], state[P + 1], state[P + 2] = (1.0 - place) * a, (1.0 - place) * b, c - speed * b


@njit(nogil=True, cache=True)
def _update_acceleration(state, density, x, y, noise_var, t):  # type: ignore[no-untyped-def]
    """``density``: of the jerk's white noise, px²/s⁵."""
    a, b, c, d, e, f = state[P], state[P + 1], state[P + 2], state[P + 3], state[P + 4], state[P + 5]
    h = 0.5 * t * t
    # F P F' + Q with F = [1 t h; 0 1 t; 0 0 1] and P = [a b c; b d e; c e f].
    row_a, row_b, row_c = a + t * b + h * c, b + t * d + h * e, c + t * e + h * f
    next_d, next_e = d + 2.0 * t * e + t * t * f, e + t * f
    a = row_a + t * row_b + h * row_c + density * t**5 / 20.0
    b = row_b + t * row_c + density * t**4 / 8.0
    c = row_c + density * t**3 / 6.0
    d = next_d + density * t**3 / 3.0
    e = next_e + density * t * t / 2.0
    f += density * t
    place, speed, gain = a / (a + noise_var), b / (a + noise_var), c / (a + noise_var)
    state[X] += t * state[SPEED_X] + h * state[GAIN_X]
    state[Y] += t * state[SPEED_Y] + h * state[GAIN_Y]
    state[SPEED_X] += t * state[GAIN_X]
    state[SPEED_Y] += t * state[GAIN_Y]
    off_x, off_y = x - state[X], y - state[Y]
    state[X] += place * off_x
    state[Y] += place * off_y
    state[SPEED_X] += speed * off_x
    state[SPEED_Y] += speed * off_y
    state[GAIN_X] += gain * off_x
    state[GAIN_Y] += gain * off_y
    state[P], state[P + 1], state[P + 2] = (1.0 - place) * a, (1.0 - place) * b, (1.0 - place) * c
    state[P + 3], state[P + 4], state[P + 5] = d - speed * b, e - speed * c, f - gain * c


@njit(nogil=True, cache=True)
def _update_one_euro(state, least_hz, per_noise, speed_hz, x, y, noise_px, t):  # type: ignore[no-untyped-def]
    """Casiez et al. 2012 with one cutoff for both axes, so that a turned picture gives a turned answer.

    The speed is low-passed at ``speed_hz``, the place at ``least_hz`` + ``per_noise`` x speed in noises per second.
    """
    share = _smoothing(speed_hz, t)
    state[SPEED_X] += share * ((x - state[GAIN_X]) / t - state[SPEED_X])
    state[SPEED_Y] += share * ((y - state[GAIN_Y]) / t - state[SPEED_Y])
    speed = np.sqrt(state[SPEED_X] ** 2 + state[SPEED_Y] ** 2)
    share = _smoothing(least_hz + per_noise * speed / noise_px, t)
    state[X] += share * (x - state[X])
    state[Y] += share * (y - state[Y])
    # The speed is that of measurements: from a filtered place, which stays behind, it would come out too great.
    state[GAIN_X], state[GAIN_Y] = x, y


@njit(nogil=True, cache=True)
def _smoothing(cutoff_hz, t):  # type: ignore[no-untyped-def]
    """Weight of the newest value in a low-pass filter of first order."""
    turn = 2.0 * np.pi * cutoff_hz * t
    return turn / (turn + 1.0)
