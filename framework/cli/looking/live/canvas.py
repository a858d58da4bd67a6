"""A canvas of characters: eight dots of braille in each, or one letter where a terminal has no braille."""

from collections.abc import Iterable

from rich.text import Text

ACROSS, DOWN = 2, 4  # dots of braille in a character
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of each dot, from the top, in the code of the character
EMPTY = 0x2800
DASH = 4  # dots of a dash and the gap behind it


class Canvas:
    """A rectangle of dots with its origin at the lower left; each character has the colour of what was drawn there last."""

    def __init__(self, width: int, height: int, ascii_only: bool):
        """width, height: characters."""
        self._ascii, self._size = ascii_only, (width, height)
        self.width, self.height = (width, height) if ascii_only else (width * ACROSS, height * DOWN)  # dots
        self._dots: dict[tuple[int, int], int] = {}  # (column, row from the top) of a character → its dots
        self._inked: dict[tuple[int, int], tuple[str, str]] = {}  # → (letter, style)

    def dot(self, x: int, y: int, letter: str, style: str) -> None:
        """Draws one dot; what lies outside is left out."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            return
        down = self.height - 1 - y
        place = (x, down) if self._ascii else (x // ACROSS, down // DOWN)
        if not self._ascii:
            self._dots[place] = self._dots.get(place, 0) | BITS[down % DOWN][x % ACROSS]
        self._inked[place] = letter, style

    def line(self, points: Iterable[tuple[float, float]], letter: str, style: str, dashed: bool = False) -> None:
        """Joins points, x and y from 0 to 1, of ascending x. dashed: half of the dots are left out."""
        before: tuple[int, int] | None = None
        count = 0
        for x, y in points:
            here = round(x * (self.width - 1)), round(y * (self.height - 1))
            if here != before:
                for across, up in [here] if before is None else _between(before, here):
                    if not dashed or self._ascii or count % DASH < DASH // 2:
                        self.dot(across, up, letter, style)
                    count += 1
            before = here

    def upright(self, x: float, letter: str, style: str) -> None:
        """A dotted line from the bottom to the top, where nothing else is drawn yet."""
        for y in range(0, self.height, 1 if self._ascii else 2):
            self.dot(round(x * (self.width - 1)), y, letter, style)

    def lines(self) -> list[Text]:
        """The lines of text, from the top."""
        width, height = self._size
        found = []
        for row in range(height):
            line = Text()
            for column in range(width):
                letter, style = self._inked.get((column, row), (" ", ""))
                dots = self._dots.get((column, row), 0)
                line.append(letter if self._ascii else chr(EMPTY + dots) if dots else " ", style)
            found.append(line)
        return found


def _between(one: tuple[int, int], other: tuple[int, int]) -> Iterable[tuple[int, int]]:
    """The dots of a straight line, its first one left out."""
    across, up = other[0] - one[0], other[1] - one[1]
    count = max(abs(across), abs(up))
    return ((one[0] + round(across * at / count), one[1] + round(up * at / count)) for at in range(1, count + 1))
