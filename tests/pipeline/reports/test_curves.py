"""Charts of what a training run logged."""

from pipeline.reports.curves import curves_section
from pipeline.reports.inputs import RunFiles


def drawn(figures):
    rows = [{"step": step, "train/loss": 1.0, **figures} for step in (50, 100)]
    return " ".join(str(chart) for chart in curves_section(RunFiles("x", training=rows)).charts)


def test_the_gradients_of_the_objectives_are_drawn_where_they_were_looked_at():
    own = {"train/grad_norm_mil_nce": 2.0, "train/grad_norm_cyclic": 1.0}
    charts = drawn(own | {"train/gradient_cosine": -0.25})
    assert "Gradient norm of each objective" in charts
    assert "Do the objectives pull the same way?" in charts
    assert "objective" not in drawn({"train/grad_norm": 2.0})
