"""The models of a store: fitting one, and those that were fitted."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from regulars.adapters.progress import Progress
from regulars.asking.forecasts import FittedModel, model_meant, read_models, require_extra
from regulars.doing.transacting import Transacting
from regulars.modelling.cant_tell import CantTell
from regulars.session.session import Session

YEAR = timedelta(days=365)


class Models:
    """The models of value of one store. Get it from `Regulars.models`."""

    def __init__(self, session: Session, transacting: Transacting) -> None:
        self._session = session
        self._transacting = transacting

    def fit(
        self,
        *,
        horizon: timedelta = YEAR,
        as_of: datetime | date | None = None,
        on_progress: Progress | None = None,
    ) -> FittedModel | CantTell:
        """Fit a model to what all customers had bought as of an instant, and record it, for forecasts over a horizon.

        It takes the extra `models`. The model is MBG/NBD with Gamma-Gamma, in weeks and buying days. It can't tell
        with fewer than 30 customers who bought again, where the search for parameters doesn't converge, or where the
        90 % interval of all orders or all spend over the horizon reaches further than half to either side; then
        nothing is recorded. The same data and horizon as last time record nothing either, and return that model.
        `on_progress` is called with (samples fitted so far, samples there are to fit).

        Raises ValueError for a horizon that is no number of whole days from 1 to 3650, and for an `as_of` that is
        still to come; today is as of now.
        """
        require_extra()
        from regulars.doing.fitting import fit_model  # most programs fit none

        return fit_model(self._session, self._transacting, horizon, as_of, on_progress)

    def history(self) -> tuple[FittedModel, ...]:
        """All models that were fitted, oldest first."""
        with self._session.store.reading() as tx:
            return read_models(self._session, tx)

    def version(self, number: int | None = None) -> FittedModel:
        """The model of a number, counted from 1, or the last one. Raises NotFound."""
        with self._session.store.reading() as tx:
            return model_meant(self._session, tx, number)
