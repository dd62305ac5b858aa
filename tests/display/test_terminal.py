"""Lines fit a terminal and stand out there; a pipe gets them as they are."""

import io

import pytest

from msdnum.display.terminal import coloured_words, fitted, for_terminal

WORDS = {"holds": "good", "fails": "bad"}
ROW = "  CEIL, s2 = s1/8   alpha/64  alpha/64   1  holds  3f80 [3f14]; exhaustive 1,572,605 of them"
LINES = [
    "C2  two-pass MXFP4 leaves at most alpha/64: holds only under a named convention",
    "  convention        promised     found  ratio  verdict  evidence",
    ROW,
    "",
    "witness           worst block in BF16 (eight digits: BINARY32), [its worst element], etc.",
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")


def test_lines_fit_and_lose_no_word():
    found = fitted(LINES, 60)
    assert max(map(len, found)) <= 60
    assert " ".join(found).split() == " ".join(LINES).split()


def test_a_row_that_fits_stays_in_its_columns():
    assert fitted(LINES[1:3], 100) == LINES[1:3]


def test_what_continues_a_list_stands_below_its_second_column():
    first, second = fitted(LINES[-1:], 60)
    assert second.startswith(" " * first.index("worst"))


def test_a_pipe_gets_the_lines_as_they_are():
    assert for_terminal(LINES, WORDS, io.StringIO()) == LINES


def test_a_terminal_gets_verdicts_in_colour():
    text = "\n".join(for_terminal(LINES, WORDS, Terminal()))
    assert "\x1b[32mholds\x1b[0m" in text
    assert text.count("\x1b[32m") == 1


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert "\x1b" not in "".join(for_terminal(LINES, WORDS, Terminal()))


def test_a_word_is_coloured_as_a_cell_only():
    assert coloured_words("  what fails here  fails  x", WORDS).count("\x1b[1;31m") == 1
    assert "\x1b" in coloured_words("C1  a claim: fails", WORDS)
