import pytest

import minilocal as ml
from minilocal.course import check, sized, source
from minilocal.errors import InputError


def test_sizes(monkeypatch):
    monkeypatch.delenv("MINILOCAL_LESSON_SIZE", raising=False)
    assert sized(1000, 10) == 1000
    monkeypatch.setenv("MINILOCAL_LESSON_SIZE", "small")
    assert sized(1000, 10) == 10
    monkeypatch.setenv("MINILOCAL_LESSON_SIZE", "tiny")
    with pytest.raises(InputError, match="'tiny'; set it to full or small"):
        sized(1000, 10)


def test_a_claim_that_does_not_hold_stops_the_lesson(capsys):
    check("it holds", True, "1 of 1")
    assert capsys.readouterr().out == "✓ it holds (1 of 1)\n"
    with pytest.raises(AssertionError, match=r"does not hold: it holds \(0 of 1\)"):
        check("it holds", False, "0 of 1")


def test_source_shows_the_librarys_code(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    source(ml.Linear.backward, ml.softmax_cross_entropy)
    text = shown[0]["text/plain"]
    assert text.startswith("# minilocal/layers/linear.py\n\ndef backward(self")
    assert "\n\n# minilocal/losses/cross_entropy.py\n\ndef softmax_cross_entropy(" in text
    assert "<pre" in shown[0]["text/html"]
