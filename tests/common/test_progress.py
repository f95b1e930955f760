"""Progress bars: a line in a terminal, one output in a notebook."""

from types import SimpleNamespace

import IPython
import pytest

from vsrlib.common import progress


class Place:
    """What stands in the one output of a cell."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def display(self, shown: dict, raw: bool, display_id: bool) -> "Place":
        assert raw and display_id and not self.texts, "a second output was made"
        self.update(shown, raw)
        return self

    def update(self, shown: dict, raw: bool) -> None:
        self.texts.append(shown["text/plain"])


def run() -> None:
    with progress.bar(3, "toy", "step") as bar:
        for _ in range(3):
            bar.set_postfix_str("loss 1", refresh=False)
            bar.update()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place()
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr("IPython.display.display", made.display)
    return made


def test_a_notebook_keeps_the_last_state_in_one_output(place: Place, capsys: pytest.CaptureFixture) -> None:
    run()
    assert place.texts[-1].startswith("toy: 100%|") and " 3/3 [" in place.texts[-1] and "loss 1" in place.texts[-1]
    assert not any("\r" in text or "\n" in text for text in place.texts)
    assert capsys.readouterr() == ("", "")


def test_a_stream_that_somebody_passes_on_gets_it_as_a_terminal_does(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(progress.STREAM, "1")
    run()
    assert not place.texts and capsys.readouterr().err.endswith("\n")
    monkeypatch.delenv(progress.STREAM)
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())  # IPython in a terminal
    run()
    assert not place.texts and " 3/3 [" in capsys.readouterr().err
