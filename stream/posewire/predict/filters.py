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

# Places in a member's row (`posewire.predict.bank.as_table`).
KIND, _AVERAGES, _WANDER, _LASTS, _LEAST_HZ, _PER_NOISE, _SPEED_HZ = range(7)
# Places in a state. One-Euro keeps the last measurement where others have the acceleration. The covariance of a filter
# of constant velocity is three numbers from P on, of constant acceleration six.
X, Y, SPEED_X, SPEED_Y, GAIN_X, GAIN_Y, P = range(7)
_UNSURE = 100.0  # a speed that nobody knows: the variance of a place a usual step ago, over that of the noise


@njit(nogil=True, cache=True)
def begin(state, member, x, y, usual_var, usual_s):  # type: ignore[no-untyped-def]
    """A keypoint is there for the first time: its place is as sure as one measurement, its speed unknown."""
    state[:] = 0.0
    state[X], state[Y] = x, y
    if member[KIND] == VELOCITY:
        state[P], state[P + 2] = usual_var, _UNSURE * usual_var / usual_s**2
    elif member[KIND] == ACCELERATION:
        state[P], state[P + 3] = usual_var, _UNSURE * usual_var / usual_s**2
        state[P + 5] = _UNSURE * usual_var / usual_s**4
    elif member[KIND] == ONE_EURO:
        state[GAIN_X], state[GAIN_Y] = x, y


@njit(nogil=True, cache=True)
def update(state, member, x, y, noise_var, step_s, usual_var, usual_s):  # type: ignore[no-untyped-def]
    """``step_s`` after the last measurement comes (x, y), with an error of variance ``noise_var`` px² along each axis.

    ``usual_var`` and ``usual_s``: the noise and the step that the member's numbers are meant for.
    """
    if member[KIND] == VELOCITY:
        wander = member[_WANDER] * usual_var / usual_s
        density = usual_var * usual_s / member[_AVERAGES] ** 4 + wander / member[_AVERAGES] ** 2
        _update_velocity(state, density, wander, member[_LASTS], x, y, noise_var, step_s)
    elif member[KIND] == ACCELERATION:
        _update_acceleration(state, usual_var * usual_s / member[_AVERAGES] ** 6, x, y, noise_var, step_s)
    elif member[KIND] == ONE_EURO:
        _update_one_euro(state, member, x, y, np.sqrt(usual_var), step_s)


@njit(nogil=True, cache=True)
def ahead(state, member, by_s):  # type: ignore[no-untyped-def]
    """Where the keypoint will be ``by_s`` after its last measurement: x and y."""
    kind, lasts_s = member[KIND], member[_LASTS]
    if kind == HOLD:
        return state[X], state[Y]
    if kind == ACCELERATION:
        bend = 0.5 * by_s * by_s
        return (
            state[X] + by_s * state[SPEED_X] + bend * state[GAIN_X],
            state[Y] + by_s * state[SPEED_Y] + bend * state[GAIN_Y],
        )
    if kind == VELOCITY and lasts_s > 0.0:
        by_s = -lasts_s * np.expm1(-by_s / lasts_s)
    return state[X] + by_s * state[SPEED_X], state[Y] + by_s * state[SPEED_Y]


@njit(nogil=True, cache=True)
def _update_velocity(state, density, wander, lasts_s, x, y, noise_var, t):  # type: ignore[no-untyped-def]
    """``density``: of the acceleration's white noise, px²/s³; ``wander``: of the measurement's random walk, px²/s."""
    a, b, c = state[P], state[P + 1], state[P + 2]
    # F = [1 e; 0 g], and Q of what drives the speed (an Ornstein-Uhlenbeck process where it dies away).
    if lasts_s <= 0.0 or lasts_s > 1e3 * t:
        e, g = t, 1.0
        q_place, q_both, q_speed = t**3 / 3.0, t * t / 2.0, t
    else:
        g = np.exp(-t / lasts_s)
        e = lasts_s * (1.0 - g)
        q_speed = 0.5 * lasts_s * (1.0 - g * g)
        q_both = 0.5 * e * e
        q_place = lasts_s * lasts_s * (t - 2.0 * e + q_speed)
    a, b = a + e * (2.0 * b + e * c) + density * q_place + wander * t, g * (b + e * c) + density * q_both
    c = g * g * c + density * q_speed
    place, speed = a / (a + noise_var), b / (a + noise_var)
    state[X] += e * state[SPEED_X]
    state[Y] += e * state[SPEED_Y]
    state[SPEED_X] *= g
    state[SPEED_Y] *= g
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
def _update_one_euro(state, member, x, y, noise_px, t):  # type: ignore[no-untyped-def]
    """Casiez et al. 2012, with one cutoff for both axes, so that a turned picture gives a turned answer."""
    share = _smoothing(member[_SPEED_HZ], t)
    # The speed is that of measurements: from the filtered place, which stays behind, it would come out too great.
    state[SPEED_X] += share * ((x - state[GAIN_X]) / t - state[SPEED_X])
    state[SPEED_Y] += share * ((y - state[GAIN_Y]) / t - state[SPEED_Y])
    speed = np.sqrt(state[SPEED_X] ** 2 + state[SPEED_Y] ** 2)
    share = _smoothing(member[_LEAST_HZ] + member[_PER_NOISE] * speed / noise_px, t)
    state[X] += share * (x - state[X])
    state[Y] += share * (y - state[Y])
    state[GAIN_X], state[GAIN_Y] = x, y


@njit(nogil=True, cache=True)
def _smoothing(cutoff_hz, t):  # type: ignore[no-untyped-def]
    """Weight of the newest value in a low-pass filter of first order."""
    turn = 2.0 * np.pi * cutoff_hz * t
    return turn / (turn + 1.0)
