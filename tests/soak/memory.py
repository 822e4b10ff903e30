"""How a process's memory grows: a line through the least of each stretch, since peaks are noise. Pure."""

from collections.abc import Sequence

#: The stretches that a run is cut into after its warm-up, and the part of it that counts as warm-up.
STRETCHES, WARM_UP = 20, 0.25


def growth_per_hour(samples: Sequence[tuple[float, float]]) -> float:
    """Return the growth in percent an hour.

    Args:
        samples: seconds and bytes, in order.
    """
    if len(samples) < 2:
        return 0.0
    first, last = samples[0][0], samples[-1][0]
    begin = first + WARM_UP * (last - first)
    width = (last - begin) / STRETCHES
    floors: dict[int, tuple[float, float]] = {}
    for at, size in samples:
        if at >= begin:
            number = min(int((at - begin) / width), STRETCHES - 1)
            if number not in floors or size < floors[number][1]:
                floors[number] = (begin + (number + 0.5) * width, size)
    points = list(floors.values())
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    if not spread or not middle_y:
        return 0.0
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
    return slope * 3600 / middle_y * 100
