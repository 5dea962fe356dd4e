"""The smallest drift that a window could have shown: what "nothing found" means.

A test finds a drift with probability `power` if its p falls to `level` that often. Below the sizes here a drift is more
likely to be missed; a window without alert says that there was none larger, no more.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from mpm_elk.metrics import Floats
from mpm_elk.metrics.correlation import Shift
from mpm_elk.metrics.dispersion import Dispersion, critical
from mpm_elk.metrics.divergence import noncentrality
from mpm_elk.metrics.moments import Moments

POWER = 0.9
LEVEL = 0.001
"""About the p that one test needs: 0.01 for a look, shared by three tests of a few subjects."""


def smallest_mean_shift(
    window: Moments, reference: Moments, dispersion: Dispersion | None, *, level: float = LEVEL, power: float = POWER
) -> Floats:
    """Give the shift of the mean, in the reference's sd, that the mean's test finds with `power`.

    (c + z(power)·√φ)·√(σ₁²/n + σ₀²/m)/σ₀, where c is the z beyond which p is below `level`: two-sided normal, or, with
    `dispersion`, by the law of past windows where that asks for more. 0.145, 0.048, 0.020 sd for n = 1,000, 10,000,
    100,000 against m = 100,000 without overdispersion. nan for n < 2 or a constant reference.
    """
    alone = critical(level, 1.0)
    ratio = alone if dispersion is None else np.maximum(alone, critical(level, 1.0, dispersion))
    phi = 1.0 if dispersion is None else dispersion.phi
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(window.variance / window.count + reference.variance / reference.count)
        sd = np.where(reference.variance > 0, reference.sd, np.nan)
        z = np.sqrt(ratio) + float(special.ndtri(power)) * np.sqrt(phi)
        return np.asarray(z * error / sd, dtype=np.float64)


def smallest_psi(
    df: npt.ArrayLike,
    n: npt.ArrayLike,
    m: npt.ArrayLike,
    dispersion: Dispersion | None,
    *,
    level: float = LEVEL,
    power: float = POWER,
) -> Floats:
    """Give the true PSI that the χ² of cells, with `df`, finds with `power`.

    Under drift χ²/φ ~ noncentral χ²(df, PSI₀/(sφ)), as PSI does; so PSI₀ = s·φ·λ with the λ under which χ² stays below
    its critical value with probability 1 − power. For PSI₀ up to about 0.5; beyond, it is rough. nan for df < 1.
    """
    n, m = (np.where(np.asarray(side) > 0, side, np.nan) for side in (n, m))
    phi = np.asarray(1.0 if dispersion is None else dispersion.phi)
    df = np.asarray(df, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled, df = np.broadcast_arrays(critical(level, np.where(df >= 1, df, np.nan), dispersion) * df / phi, df)
        return np.asarray(noncentrality(scaled, df, 1 - power) * phi * (1 / n + 1 / m), dtype=np.float64)


def smallest_correlation_shift(
    pair: Shift, dispersion: Dispersion | None, *, level: float = LEVEL, power: float = POWER
) -> Floats:
    """Give the change of a pair's correlation that its test finds with `power`, towards zero.

    (c + z(power)·√φ) standard errors of Fisher's z, as for means, taken from that of the reference's correlation.
    """
    alone = critical(level, 1.0)
    ratio = alone if dispersion is None else np.maximum(alone, critical(level, 1.0, dispersion))
    phi = 1.0 if dispersion is None else dispersion.phi
    before = np.abs(pair.reference)
    away = (np.sqrt(ratio) + float(special.ndtri(power)) * np.sqrt(phi)) * pair.error
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(before - np.tanh(np.arctanh(before) - away), dtype=np.float64)
