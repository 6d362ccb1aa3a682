"""A second step, that leaves a mark as well."""

from __future__ import annotations

from tests.contract.steps.marked import change as change
