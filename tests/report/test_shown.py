"""That the checks of what notebooks show can fail."""

import base64

import pytest
from matplotlib.figure import Figure
from shown import bars, faults, images

from vsrlib.report.charts.style import Chart

GOOD = Chart(Figure(figsize=(2, 1)), "A figure")._repr_html_()


def html(text: str) -> list[dict]:
    return [{"output_type": "display_data", "data": {"text/html": text, "text/plain": ""}}]


def test_a_picture_of_the_library_has_no_fault() -> None:
    assert faults(html(GOOD)) == [] and len(images(html(GOOD))) == 1


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (html(GOOD.replace('alt="A figure."', 'alt=" "')), "without alternative text"),
        (html(GOOD.replace('alt="A figure."', "")), "without alternative text"),
        (html(GOOD.replace("max-width:200px", "max-width:400px")), "400 pixels shown 400 wide"),
        ([{"output_type": "display_data", "data": {"image/png": base64.b64encode(b"x").decode()}}], "a bare image/png"),
        ([{"output_type": "stream", "name": "stderr", "text": "\r 10%|#   | 1/10"}], "carriage returns"),
    ],
)
def test_faults_are_seen(outputs: list[dict], words: str) -> None:
    assert len(faults(outputs)) == 1 and words in faults(outputs)[0]


def test_every_line_of_a_bar_counts() -> None:
    text = "toy:  50%|##  | 1/2\ntoy: 100%|####| 2/2"
    assert len(bars([{"output_type": "stream", "text": text}, {"data": {"text/plain": "100 % done"}}])) == 2
