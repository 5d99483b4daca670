"""Maximum likelihood from several starts, on the logarithms of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import minimize

from regulars.modelling.buyers import Floats

#: The logarithm of a parameter stays within these: one that runs away, as the likelihood is flat, is stopped there.
_FARTHEST = 12.0

#: The mean log-likelihood at some logarithms of parameters, and its gradient.
Likelihood = Callable[[Floats], tuple[float, Floats]]


def maximum_likelihood(likelihood: Likelihood, starts: Iterable[Floats]) -> Floats | None:
    """The logarithms at which a mean log-likelihood is highest, of all starts that converge; None where none does.

    By SLSQP, until a step changes it by no more than 1e-13. (L-BFGS-B, which would do as well, hands its vectors of
    four to BLAS, whose threads took ten times as long on a busy machine.)
    """
    best: tuple[float, Floats] | None = None
    for start in starts:
        found = minimize(
            lambda at: tuple(-each for each in likelihood(at)),
            start,
            jac=True,
            method="SLSQP",
            bounds=[(-_FARTHEST, _FARTHEST)] * len(start),
            options={"ftol": 1e-13, "maxiter": 500},
        )
        if found.success and np.isfinite(found.fun) and (best is None or -found.fun > best[0]):
            best = -float(found.fun), np.asarray(found.x, dtype=np.float64)
    return None if best is None else best[1]
