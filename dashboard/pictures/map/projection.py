"""The projection of the world map: Robinson's, as the outlines in the package of maps have it."""

import math

# Robinson's table, for every five degrees of latitude: length of the parallel, and distance from the equator.
LENGTHS = (1, 0.9986, 0.9954, 0.99, 0.9822, 0.973, 0.96, 0.9427, 0.9216, 0.8962, 0.8679, 0.835, 0.7986, 0.7597, 0.7186,
           0.6732, 0.6213, 0.5722, 0.5322)  # fmt: skip
DISTANCES = (0, 0.062, 0.124, 0.186, 0.248, 0.31, 0.372, 0.434, 0.4958, 0.5571, 0.6176, 0.6769, 0.7346, 0.7903, 0.8435,
             0.8936, 0.9394, 0.9761, 1)  # fmt: skip

# Fitted to the marks that the outlines carry for two dozen small countries; they agree to five units of 2,754.
MIDDLE = (1359.9, 754.6)  # where the central meridian meets the equator
MERIDIAN = 11.97  # the central one, in degrees; the map is cut through the Bering Strait
A_DEGREE = 7.6225  # units along the equator
TO_THE_POLE = 690.2  # units


def projected(latitude: float, longitude: float) -> tuple[float, float]:
    """The place of these degrees in the units of the outlines."""
    east = (longitude - MERIDIAN + 180.0) % 360.0 - 180.0
    up = math.copysign(_between(DISTANCES, latitude), latitude)
    return MIDDLE[0] + A_DEGREE * _between(LENGTHS, latitude) * east, MIDDLE[1] - TO_THE_POLE * up


def _between(table: tuple[float, ...], latitude: float) -> float:
    step = min(abs(latitude), 90.0) / 5.0
    index = min(int(step), len(table) - 2)
    return table[index] + (table[index + 1] - table[index]) * (step - index)
