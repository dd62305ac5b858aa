"""Orders of addition, found from outside: which addends meet where.

The way of FPRev (Xie et al., 2024, arXiv 2411.00442): one addend is M, another -M, all others are
1, too small to be seen beside M. The ones that are left in the sum are those that are added after
M and -M have met; so the others, with M and -M, are the leaves below the place where these two
meet. Nodes with more than two children are additions that align all addends, or that are exact.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TypeAlias

import numpy as np

from msdnum.evidence.black_boxes import BlackBox
from msdnum.evidence.products_of_powers import Powers

__all__ = ["START", "Meeting", "AdditionOrder", "order_of"]

START = -1
"""The leaf that c is."""
MOST_RUNS = 4
"""Kinds of steps, one after the other, that an order is told by."""
CHECKED = 6
"""Addends that meet as many others once more, when an order has been found."""
ALL_PAIRS = 40
"""Addends of one addition of which every pair is tried; of more, neighbours and the first."""


@dataclass(frozen=True)
class Meeting:
    """One addition: what it adds, and whether a large addend hides small ones from it.

    Parameters
    ----------
    addends : tuple of int or Meeting
        Leaves, by their place in k (START: c), and sums of others.
    exact : bool
        Whether nothing is lost among the addends, as far as the format can show.
    """

    addends: "tuple[int | Meeting, ...]"
    exact: bool = False

    @property
    def leaves(self) -> tuple[int, ...]:
        """All that is below, in the order of k."""
        found = [x if isinstance(x, tuple) else (x,) for x in map(_leaves, self.addends)]
        return tuple(sorted(leaf for leaves in found for leaf in leaves))


Tree: TypeAlias = int | Meeting


def _leaves(tree: Tree) -> tuple[int, ...]:
    return tree.leaves if isinstance(tree, Meeting) else (tree,)


@dataclass(frozen=True)
class AdditionOrder:
    """The order of addition of an inner product.

    Parameters
    ----------
    tree : Meeting or int
        The last addition.
    length : int
        Number of addends without c; each stands for ``slot`` products.
    slot : int
        Products that share their scales, of which the order is not seen.
    """

    tree: Tree
    length: int
    slot: int = 1

    @property
    def steps(self) -> tuple[Meeting, ...]:
        """The additions in which the sum so far meets more: from the first on."""
        found, tree = [], self.tree
        while isinstance(tree, Meeting):
            found.append(tree)
            tree = tree.addends[0]
        return tuple(reversed(found))

    @property
    def together(self) -> int:
        """Products that the first addition of all takes at once."""
        tree, first = self.tree, 0
        while isinstance(tree, Meeting):
            first = sum(isinstance(x, int) and x != START for x in tree.addends)
            tree = next((x for x in tree.addends if 0 in _leaves(x)), 0)
        return first

    @property
    def group(self) -> int:
        """Products that most steps take."""
        sizes = Counter(
            sum(len(_leaves(x)) for x in _new(step) if x != START) for step in self.steps
        )
        most = max(sizes.items(), key=lambda item: (item[1], item[0]), default=(0, 0))[0]
        return most * self.slot

    @property
    def is_exact(self) -> bool:
        """Whether nothing was seen to be lost."""
        return isinstance(self.tree, Meeting) and self.tree.exact and len(self.steps) == 1

    @property
    def is_pairwise(self) -> bool:
        """Whether neighbours are added, then their sums, an odd one moving up."""
        trees: list[Tree] = list(range(self.length))
        while len(trees) > 1:
            pairs: list[Tree] = [
                Meeting((x, y)) for x, y in zip(trees[::2], trees[1::2], strict=False)
            ]
            trees = pairs + trees[len(trees) - len(trees) % 2 :]
        without, _ = self._without_start()
        return self.length > 2 and _sorted(without) == _sorted(trees[0])

    def _without_start(self) -> tuple[Tree, bool]:
        """Return the tree of the products where c is added to their sum, and whether it is."""
        tree = self.tree
        if isinstance(tree, Meeting) and START in tree.addends and len(tree.addends) == 2:
            return next(x for x in tree.addends if x != START), True
        return tree, False

    def __str__(self) -> str:
        """Say it in words."""
        products, late = self._without_start()
        if isinstance(products, int):
            return "one product"
        if self.is_exact or (isinstance(products, Meeting) and products.exact and late):
            return "exact, as far as the format can show"
        if self.is_pairwise:
            return "pairwise: neighbours, then their sums"
        runs = _runs([_shape(step, self.slot) for step in self.steps])
        return f"the sum so far and {', then '.join(_times(*run) for run in runs)}"

    @property
    def start(self) -> str:
        """Where c is added, in words."""
        if START not in _leaves(self.tree):
            return "not asked"
        if self._without_start()[1]:
            return "last, to the sum of all products"
        for i, step in enumerate(self.steps):
            if START in step.addends:
                together = "with the products of the first step" if not i else f"in step {i + 1}"
                return "first" if len(step.addends) == 2 and not i else together
        return "inside a partial sum"


def _runs(shapes: Sequence[str]) -> list[tuple[str, int]]:
    """Return what follows each other, and how often; what is left over at the end is left out."""
    runs = [(shape, len(list(same))) for shape, same in groupby(shapes)]
    short = len(runs) == 2 and runs[1][1] == 1 and "sum" not in runs[1][0]
    runs = runs[:1] if short else runs
    return runs if len(runs) <= MOST_RUNS else [*runs[:MOST_RUNS], ("more", 1)]


def _times(shape: str, count: int) -> str:
    return f"{shape}, {count} times" if count > 1 else shape


def _new(step: Meeting) -> tuple[Tree, ...]:
    """Return what a step adds to the sum so far: to the first leaf, where it adds but one more."""
    first = isinstance(step.addends[0], int) and len(step.addends) > 2
    return step.addends if first else step.addends[1:]


def _sorted(tree: Tree) -> Tree:
    if isinstance(tree, int):
        return tree
    return Meeting(tuple(sorted(map(_sorted, tree.addends), key=lambda x: _leaves(x))), tree.exact)


def _shape(step: Meeting, slot: int) -> str:
    """Say what meets the sum so far in a step."""
    addends = _new(step)
    products = [x for x in addends if isinstance(x, int) and x != START]
    sums = [x for x in addends if isinstance(x, Meeting)]
    words = []
    if products:
        count = len(products) * slot
        together = " at once" * (count > 1) + " without loss" * step.exact
        words.append(f"{count} product{'s' * (count > 1)}{together}")
    words += [_sum_in_words(x, slot) for x in sums]
    return " and ".join(words)


def _sum_in_words(tree: Meeting, slot: int) -> str:
    leaves = tree.leaves
    if tree.exact:
        how = "without loss"
    elif all(isinstance(x, int) for x in tree.addends):
        how = "at once" if len(leaves) > 2 else ""
    else:
        how = str(AdditionOrder(_moved(tree, leaves), len(leaves), slot))
        how = "in steps" if "(" in how else how
    spaces = {b - a for a, b in pairwise(leaves)}
    apart = f"every {spaces.pop()}th" if len(spaces) == 1 and spaces != {1} else ""
    said = ", ".join(word for word in (how, apart.replace("2th", "2nd")) if word)
    return f"a sum of {len(leaves) * slot}{f' ({said})' if said else ''}"


def _moved(tree: Tree, leaves: Sequence[int]) -> Tree:
    if isinstance(tree, int):
        return leaves.index(tree)
    return Meeting(tuple(_moved(x, leaves) for x in tree.addends), tree.exact)


# ------------------------------------------------------------------------------------------------
# Finding it
# ------------------------------------------------------------------------------------------------


@dataclass
class _Search:
    """The questions that find an order, each asked once."""

    box: BlackBox
    powers: Powers
    seen: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def products(self) -> list[int]:
        return list(range(self.box.length // self.box.slot))

    def leaves(self) -> list[int]:
        return [START] * self.box.takes_c + self.products

    def below(self, i: int, others: Sequence[int]) -> list[int]:
        """Return how many leaves are below the place where ``i`` meets each of the others."""
        new = [j for j in others if (i, j) not in self.seen]
        if new:
            for j, size in zip(new, self.ask(i, new), strict=True):
                self.seen[i, j] = self.seen[j, i] = size
        return [self.seen[i, j] for j in others]

    def ask(self, i: int, others: Sequence[int]) -> Iterator[int]:
        """Ask it, whether or not it was asked before."""
        leaves, p = self.leaves(), self.powers
        values = np.full((len(others), len(leaves)), p.of(p.small))
        place = {leaf: n for n, leaf in enumerate(leaves)}
        for row, j in enumerate(others):
            values[row, place[min(i, j)]] = p.of(p.big)
            values[row, place[max(i, j)]] = -p.of(p.big)
        start = values[:, 0] if self.box.takes_c else None
        found = p.ask(values[:, int(self.box.takes_c) :], start)
        # What a rounding of M has added is far above the count of the ones that are left.
        left = np.floor(found / p.of(p.small) + 0.5) % (1 << len(leaves).bit_length())
        yield from (len(leaves) - int(count) for count in left)

    def tree(self, leaves: Sequence[int]) -> Tree:
        """Return the additions of some leaves, which meet before they meet any other."""
        found: Tree = leaves[0]
        if len(leaves) == 1:
            return found
        count, sizes = 1, self.below(leaves[0], leaves[1:])
        for size in sorted(set(sizes)):
            members = [j for j, s in zip(leaves[1:], sizes, strict=True) if s == size]
            exact = len(members) > 1 and size == count + 1
            addends = self._without_loss(members) if exact else self._siblings(members, size)
            found = Meeting((found, *addends), exact)
            count += len(members)
        return found

    def _without_loss(self, members: Sequence[int]) -> list[Tree]:
        """Return members of an exact addition: leaves, where none is seen to lose another."""
        if set(self.below(members[0], members[1:])) == {2}:
            return list(members)
        return [self.tree(members)]

    def _siblings(self, members: Sequence[int], size: int) -> list[Tree]:
        """Return the sums among members that meet each other, and what is before, in one place."""
        addends: list[Tree] = []
        while members:
            first, rest = members[0], members[1:]
            if addends and len(members) > ALL_PAIRS and self._all_meet(members, size):
                return [*addends, *members]
            apart = [s == size for s in self.below(first, rest)]
            own = [first, *(j for j, other in zip(rest, apart, strict=True) if not other)]
            addends.append(self.tree(own))
            members = [j for j, other in zip(rest, apart, strict=True) if other]
        return addends

    def _all_meet(self, members: Sequence[int], size: int) -> bool:
        pairs = pairwise(members)
        return all(self.below(i, [j]) == [size] for i, j in pairs)


def _hidden(tree: Tree, i: int, j: int) -> int:
    """Return how many leaves are below the place where two of a tree meet, as it has them."""
    assert isinstance(tree, Meeting)
    sides = [x for x in tree.addends if {i, j} & {*_leaves(x)}]
    if len(sides) == 1:
        return _hidden(sides[0], i, j)
    return sum(len(_leaves(x)) for x in (sides if tree.exact else tree.addends))


def order_of(box: BlackBox, powers: Powers) -> AdditionOrder:
    """Return the order in which a box adds, c included where it takes one.

    Raises
    ------
    ValueError
        If sums of powers of two do not behave like additions in any order: asked again, some pair
        of addends does not meet where it should.
    """
    search = _Search(box, powers)
    leaves, rng = search.leaves(), np.random.default_rng(0)
    tree = search.tree(leaves)
    for i in rng.permutation(leaves)[:CHECKED].tolist():
        others = [j for j in rng.permutation(leaves)[:CHECKED].tolist() if j != i]
        if list(search.ask(i, others)) != [_hidden(tree, i, j) for j in others]:
            raise ValueError(
                f"{box.name} must add products in some order, the same each time, got sums of "
                f"powers of two that fit none; results of few bits count few addends only: probe a "
                f"shorter length than {box.length}"
            )
    return AdditionOrder(tree, len(search.products), box.slot)
