"""What an endpoint shows, read as Prometheus reads it."""

from __future__ import annotations

from urllib.request import urlopen

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from src.monitoring.names import FAMILIES
from tests.servers import LOOPBACK

Samples = dict[tuple[str, ...], float]
"""Values by name and the labels' values, these in the order of the labels' names."""


def samples(text: str) -> Samples:
    """The samples of a page. Its families must be declared ones, with their help, kind and labels."""
    declared = {family.name.removesuffix("_total"): family for family in FAMILIES}
    found: Samples = {}
    for shown in text_string_to_metric_families(text):
        family = declared[shown.name]
        assert (shown.documentation, shown.type) == (family.help, family.kind.value)
        for sample in shown.samples:
            assert sample.name in family.names
            assert set(sample.labels) - {"le"} == set(family.labels)
            key = (sample.name, *(value for _, value in sorted(sample.labels.items())))
            assert key not in found, "each sample once"
            found[key] = sample.value
    return found


def shown_by(*collectors: Collector) -> Samples:
    """What these show."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return samples(generate_latest(registry).decode())


def scraped(port: int) -> Samples:
    """What the endpoint at a port of this machine shows."""
    with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=30) as answer:
        return samples(answer.read().decode())
