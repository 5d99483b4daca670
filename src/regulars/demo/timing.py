"""Random times of simulated commands."""

from __future__ import annotations

from datetime import datetime

from regulars.crm_domain.command import Command


def when(command: Command) -> datetime:
    """When a simulated command happens."""
    assert command.occurred_at is not None
    return command.occurred_at
