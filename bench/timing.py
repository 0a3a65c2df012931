"""Measuring: medians of several runs, the contestants in turn, so that a slow moment hits all alike."""

import statistics
from collections.abc import Callable, Mapping


def medians(contestants: Mapping[str, Callable[[], float]], *, runs: int) -> dict[str, float]:
    """Run each contestant once to warm up, then all in turn; return the median of what they return."""
    for measure in contestants.values():
        measure()
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, measure in contestants.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def report(title: str, unit: str, figures: Mapping[str, float], peer: str) -> None:
    """Print a table: each figure, and its ratio to the peer's."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:<44} {value:10.1f} {unit}  {value / figures[peer]:6.2f} x {peer}")
