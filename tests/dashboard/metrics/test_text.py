"""The text format, as Prometheus' own description has it."""

from dashboard.metrics.text import Metric, written

METRICS = (
    Metric("a_total", "counter", "First\nline, and a \\."),
    Metric("b", "gauge", "Second.", "name"),
    Metric("c", "gauge", "Third, of which there is none."),
)


def test_each_metric_has_help_type_and_samples_and_texts_are_escaped():
    samples = {"a_total": {"": 12345678901.0}, "b": {'x"\n\\': 0.25, "y": -1.0}}
    assert written(METRICS, samples) == (
        "# HELP a_total First\\nline, and a \\\\.\n"
        "# TYPE a_total counter\n"
        "a_total 12345678901\n"
        "# HELP b Second.\n"
        "# TYPE b gauge\n"
        'b{name="x\\"\\n\\\\"} 0.25\n'
        'b{name="y"} -1\n'
    )
