"""Durations as people write them on an axis."""

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def short(seconds: float) -> str:
    """Three digits at most and a unit: `850 µs`, `12.5 ms`, `3 s`."""
    for size, unit in UNITS:
        if seconds >= size * 0.9995:
            return f"{_digits(seconds / size)} {unit}"
    return "0 s" if seconds <= 0 else f"{_digits(seconds * 1e6)} µs"


def _digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}".removesuffix(".0") if value >= 9.995 else f"{value:.2f}".rstrip("0").rstrip(".")
