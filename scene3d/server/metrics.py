"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """One registry per server, so that two in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "scene3d_requests", "Requests by route and status.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "scene3d_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.batch = Histogram(
            "scene3d_batch_questions",
            "Questions answered together.",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )
        self.waiting = Gauge("scene3d_waiting", "Requests that wait, by queue.", ("queue",), registry=self.registry)
        self.scenes = Gauge("scene3d_scenes", "Scenes kept.", registry=self.registry)
        self.stored_bytes = Gauge("scene3d_stored_bytes", "What they take on disk.", registry=self.registry)
