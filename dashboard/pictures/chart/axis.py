"""The axes of a chart: lines across and along it with their words."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.pictures.chart.scale import Scale, px
from dashboard.pictures.chart.time_axis import TimeTick

UTC = 62.0  # room for the word at the end, on a phone too


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a picture that the chart fills; what is outside holds the words."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


def grid(frame: Frame, marks: Iterable[tuple[float, str]], y: Scale) -> SafeString:
    """A line across for each marked value, its words at the left; the lowest is the axis."""
    return format_html_join(
        "",
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="label label-end" x="{}" y="{}" dy="0.35em">{}</text>',
        (
            (
                "grid",
                px(frame.left),
                px(frame.right),
                px(y.at(value)),
                px(y.at(value)),
                px(frame.left - 7),
                px(y.at(value)),
                words,
            )
            for value, words in marks
        ),
    )


def time_axis(frame: Frame, moments: Iterable[TimeTick], x: Scale) -> SafeString:
    """A line at the foot, a short stroke and words for each moment, and that it is UTC."""
    marks = format_html_join(
        "",
        '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="label label-middle" x="{}" y="{}">{}</text>',
        (
            (place, place, px(frame.bottom), px(frame.bottom + 4), place, px(frame.bottom + 20), moment.words)
            for moment in moments
            if frame.left + 12 <= x.at(moment.at) <= frame.right - UTC
            for place in [px(x.at(moment.at))]
        ),
    )
    return format_html(
        '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>{}<text class="label label-end" x="{}" y="{}">UTC</text>',
        px(frame.left),
        px(frame.right),
        px(frame.bottom),
        px(frame.bottom),
        marks,
        px(frame.right),
        px(frame.bottom + 20),
    )
