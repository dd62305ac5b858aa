"""Helpers of the tests of displays."""

import re
from html.parser import HTMLParser

from msdnum.display import html as display

by_name = {"ids": lambda fmt: fmt.name}


class Cells(HTMLParser):
    """Collects the text of every cell, row by row, and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1][-1] += data


def cells(html):
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser.rows


def shown(thing):
    return cells(thing._repr_html_())


# Arrays


def written(x):
    return re.sub("<.*?>", "", display.number(float(x)))
