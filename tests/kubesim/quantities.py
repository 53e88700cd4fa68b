"""Kubernetes' quantities: ``64Mi``, ``1500m``, ``2``."""

from __future__ import annotations

import re

_FACTORS = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


def quantity(text: object) -> float:
    """Read a quantity."""
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text))
    if match is None or match[2] not in _FACTORS:
        raise ValueError(f"no quantity: {text!r}")
    return float(match[1]) * _FACTORS[match[2]]


def written(name: str, value: float) -> str:
    """Write a quantity of a resource as the API does, in the largest unit that fits."""
    if name.endswith("cpu") and value % 1:
        return f"{value * 1000:.0f}m"
    if name.endswith(("memory", "storage")) and value:
        for unit in ("Gi", "Mi", "Ki"):
            if value % _FACTORS[unit] == 0:
                return f"{value / _FACTORS[unit]:.0f}{unit}"
    return f"{value:.0f}"
