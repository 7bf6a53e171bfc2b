"""You as a predictor: name some birds, and see your score with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

import torch
from ipywidgets import HTML, Button, GridBox, Layout, VBox
from matplotlib.figure import Figure

from course_utils.data import ImageSet, Pair
from course_utils.errors import CourseError
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook import plots
from course_utils.notebook.described import describe, image_tag
from course_utils.notebook.style import readable_names, relatives_together
from course_utils.notebook.widgets import Panel

COLUMNS = 4


class Game:
    """Some pictures, shown one by one; the player says which class each is.

    Attributes:
        images: Where the pictures are.
        rows: Which ones are shown, in order.
        said: The class that the player named for each picture so far.
    """

    def __init__(
        self,
        images: ImageSet,
        *,
        pairs: Sequence[Pair] = (),
        number: int = 10,
        seed: int = 0,
    ) -> None:
        """Choose pictures at random, no class twice before every other has come.

        Args:
            images: The pictures to choose from.
            pairs: Look-alikes; who takes one for the other is told the mark.
            number: How many to name.
            seed: Decides which.

        Raises:
            CourseError: Fewer pictures than asked for.
        """
        if not 1 <= number <= len(images):
            raise CourseError(
                f"number is {number}; expected 1 to {len(images)}, as many pictures as there are."
            )
        generator = torch.Generator().manual_seed(seed)
        self.images, self.pairs = images, pairs
        shuffled = torch.randperm(len(images), generator=generator).tolist()
        self.rows: list[int] = _kinds_in_turn(shuffled, images.labels.tolist())[:number]
        self.said: list[int] = []

    @property
    def over(self) -> bool:
        """Whether every picture has been named."""
        return len(self.said) == len(self.rows)

    @property
    def truth(self) -> list[int]:
        """The class of each picture."""
        return [int(self.images.labels[row]) for row in self.rows]

    @property
    def right(self) -> int:
        """How many were named rightly so far."""
        return sum(a == b for a, b in zip(self.said, self.truth, strict=False))

    def name(self, label: int) -> str:
        """Name the picture at hand; return what to say to the player."""
        true = self.truth[len(self.said)]
        self.said.append(label)
        if label == true:
            return f"Yes: {self._readable(true)}."
        said = f"No, not {self._readable(label)}: {self._readable(true)}."
        mistaken = {self.images.classes[true], self.images.classes[label]}
        marks = [pair.mark_name for pair in self.pairs if set(pair.classes) == mistaken]
        return f"{said} What tells them apart: {marks[0]}." if marks else said

    def _readable(self, label: int) -> str:
        return readable_names(self.images.classes)[label]

    def score(self) -> str:
        """What the player reached, in words."""
        n = len(self.said)
        low, high = accuracy_interval(self.right / n, n)
        return (
            f"You named {self.right} of {n} rightly: {self.right / n:.0%}. So few pictures say little: the 95% "
            f"interval runs from {low:.0%} to {high:.0%}. A guess reaches {1 / len(self.images.classes):.0%}."
        )


def _kinds_in_turn(rows: Sequence[int], labels: Sequence[int]) -> list[int]:
    """The rows in their order, but first one of each class, then a second one of each, and so on."""
    seen: Counter[int] = Counter()
    turns = []
    for row in rows:
        turns.append(seen[labels[row]])
        seen[labels[row]] += 1
    return [row for _, row in sorted(zip(turns, rows, strict=True), key=lambda turn_and_row: turn_and_row[0])]


def name_the_birds(images: ImageSet, *, pairs: Sequence[Pair] = (), number: int = 10, seed: int = 0) -> Panel:
    """A game: one picture after the other and a button for each class; in the end the score and all pictures.

    Args:
        images: The pictures to choose from.
        number: How many to name.
        seed: Decides which; another round takes the next seed.
        pairs: Look-alikes; who takes one for the other is told the mark.
    """
    game = Game(images, number=number, seed=seed, pairs=pairs)
    picture, said, again = HTML(), HTML(), Button(description="Another round", button_style="info")
    order = relatives_together(images.classes)
    buttons = {
        k: Button(description=readable_names(images.classes)[k], layout=Layout(width="auto")) for k in order
    }
    board = GridBox(
        list(buttons.values()),
        layout=Layout(grid_template_columns=f"repeat({COLUMNS}, 14em)", grid_gap="2px"),
    )

    def show() -> None:
        place = len(game.said)
        for button in buttons.values():
            button.disabled = game.over
        again.layout.display = "" if game.over else "none"
        if game.over:
            shown = all_named(game)
            alt = f"The {number} birds, each with its name. {describe(shown)}"
            picture.value = image_tag(shown, alt)
            said.value += f"<br><strong>{escape(game.score())}</strong>"
            return
        shown = plots.show_grid([images.pixels[game.rows[place]]], [""], columns=1)
        shown.set_size_inches(3.2, 3.2)
        picture.value = f"<b>Bird {place + 1} of {number}</b><br>{image_tag(shown, 'A bird to name.')}"

    def answer(label: int) -> None:
        said.value = escape(game.name(label))
        show()

    def start(_: object) -> None:
        nonlocal game, seed
        seed += 1
        game, said.value = Game(images, number=number, seed=seed, pairs=pairs), ""
        show()

    for label, button in buttons.items():
        button.on_click(lambda _, label=label: answer(label))
    again.on_click(start)
    show()
    still = numbered(game)
    text = f"{number} birds to name, each with a number; their names stand upside down below."
    controls = {"picture": picture, "said": said, "again": again, "board": board}
    return Panel(VBox([picture, board, said, again]), still=still, text=text, controls=controls)


def numbered(game: Game) -> Figure:
    """The pictures with numbers, and their names upside down below: the game on paper."""
    figure = _grid(game, [str(place) for place in range(1, len(game.rows) + 1)])
    kinds = readable_names(game.images.classes)
    names = [f"{place} {kinds[k]}" for place, k in enumerate(game.truth, 1)]
    lines = [", ".join(names[i : i + 4]) for i in range(0, len(names), 4)]
    figure.supxlabel("\n".join(lines), fontsize=11, rotation=180)
    return figure


def all_named(game: Game) -> Figure:
    """The pictures after the game: the name of each, and what was said where that was wrong."""
    names = readable_names(game.images.classes)
    captions = [
        names[true] if true == said else f"{names[true]}\n(you: {names[said]})"
        for true, said in zip(game.truth, game.said, strict=True)
    ]
    return _grid(game, captions)


def _grid(game: Game, captions: Sequence[str]) -> Figure:
    pictures = [game.images.pixels[row] for row in game.rows]
    return plots.show_grid(pictures, captions, columns=min(5, len(pictures)))
