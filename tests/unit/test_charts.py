"""Charts: exact geometry that a reader can redo, text alternatives, and two milliseconds."""

from __future__ import annotations

import time

import pytest

from serving.pages.charts import Bar, Line, Span, Step, bars, line, stacked, timeline, waterfall


def _waterfall(steps: int = 2):
    return waterfall(
        "why", "PD rose from 2 % to 9 %", "From base to PD", base=Bar(label="Base", value=2.0, shown="2.0 %"),
        steps=[Step(label=f"family {k}", change=7.0 / steps, shown="+") for k in range(steps)],
        total=Bar(label="PD", value=9.0, shown="9.0 %"), head=("Step", "Points"),
    )  # fmt: skip


def test_each_step_of_a_waterfall_starts_where_the_one_before_ended():
    chart = waterfall(
        "why", "t", "d", base=Bar(label="Base", value=2.0, shown="2"),
        steps=[Step(label="late", change=6.0, shown="+6"), Step(label="rating", change=-4.0, shown="-4")],
        total=Bar(label="PD", value=4.0, shown="4"), head=("Step", "Points"),
    )  # fmt: skip
    # 44 % of the width are for 0 to 8, from 40 %: 2 lies at 40 + 44·2/8 = 51, 8 at 84, 4 at 62
    svg = str(chart.svg)
    assert 'class="total" x="40.00%" y="5" width="11.00%"' in svg
    assert 'class="raises" x="51.00%" y="31" width="33.00%"' in svg
    assert 'class="lowers" x="62.00%" y="57" width="22.00%"' in svg
    assert chart.rows == (("Base", "2"), ("late", "+6"), ("rating", "-4"), ("PD", "4"))


def test_a_waterfall_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="must lead to its total"):
        waterfall(
            "why", "t", "d", base=Bar(label="b", value=1.0, shown=""), steps=[Step(label="s", change=1.0, shown="")],
            total=Bar(label="t", value=2.1, shown=""), head=("", ""),
        )  # fmt: skip


def test_every_chart_has_a_title_a_description_and_its_numbers_as_a_table_and_takes_two_milliseconds():
    span = Span(label="I1", start=0, due=30, end=55, is_open=True, fill="late1", shown="25 days", cells=("I1", "25"))
    made = {
        "waterfall": lambda: _waterfall(9),
        "bars": lambda: bars("b", "t", "d", rows=[Bar(label="a", value=3, shown="3")] * 12, head=("a", "b")),
        "stacked": lambda: stacked("s", "t", "d", parts=[Bar(label="a", value=1, shown="1")] * 5, head=("a", "b")),
        "line": lambda: line(
            "l", "t", "d", drawn=Line(points=[(k, k, k - 1, k + 1) for k in range(25)], marks=[(3, 3, "approved")]),
            ticks=[(0, "0"), (25, "25")], ends=("2023", "2024"), head=("a", "b"), rows=[("a", "b")] * 25,
        ),
        "timeline": lambda: timeline("p", "t", "d", spans=[span] * 40, ends=("2023", "2024"), head=("a", "b")),
    }  # fmt: skip
    for name, make in made.items():
        chart = make()
        svg = str(chart.svg)
        assert f'<title id="{chart.name}-title">' in svg, name
        assert f'<desc id="{chart.name}-desc">' in svg, name
        assert chart.rows, name
        times = []
        for _ in range(9):
            start = time.perf_counter()
            make()
            times.append(time.perf_counter() - start)
        assert sorted(times)[4] < 0.002, name


def test_what_a_user_typed_is_escaped():
    chart = bars("b", "<script>", "d", rows=[Bar(label='<a href="x">', value=1, shown="1")], head=("a", "b"))
    assert "<script>" not in chart.svg
    assert "&lt;a href=" in chart.svg
