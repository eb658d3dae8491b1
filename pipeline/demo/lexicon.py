"""The words of the demo world: what is shown, what the narrator calls it, what the mic mishears.

The first name of an entry is its canonical one, which the truth's sentences use. No word here
speaks of what is only seen (the cloth on the bench) or only heard (the step's sound).
"""

ACTIONS: dict[str, tuple[str, ...]] = {
    "slide": ("slide", "glide"),
    "bounce": ("bounce", "hop"),
    "spin": ("spin", "twirl"),
    "grow": ("grow", "inflate"),
    "shrink": ("shrink", "deflate"),
    "blink": ("blink", "flash"),
    "orbit": ("orbit", "revolve"),
    "shake": ("shake", "jiggle"),
}
"""Canonical action -> verbs."""

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "yellow": ("yellow", "golden", "lemon"),
    "green": ("green", "emerald", "grassy"),
    "teal": ("teal", "turquoise", "aqua"),
    "blue": ("blue", "cobalt", "navy"),
    "pink": ("pink", "magenta", "rosy"),
}
"""Canonical colour -> adjectives."""

SHAPES: dict[str, tuple[str, ...]] = {
    "disk": ("disk", "circle"),
    "square": ("square", "block"),
    "triangle": ("triangle", "wedge"),
    "star": ("star", "starfish"),
    "hoop": ("hoop", "donut"),
    "cross": ("cross", "plus"),
}
"""Canonical shape -> nouns."""

PURPOSES: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("lesson", "pupils", "teacher"),
    ("party", "guests", "wedding"),
)
"""What it is all for, by the bit that is said only."""

PURPOSE_PHRASES = ("for the {word}", "for our {word}")
"""How a cue brings in the purpose, at its end."""

DESCRIBING = (
    "now {verb} the {colour} {shape}",
    "then {verb} this {colour} {shape}",
    "please {verb} that {colour} {shape}",
    "we {verb} a {colour} {shape}",
)
"""Cues that describe a step; five words."""

CHIT_CHAT = (
    "thanks for being here again",
    "as I said last week",
    "my neighbour asked me about this",
    "let me know in the comments",
    "okay so where were we",
    "it took me a while to learn this",
    "you can always pause and come back",
    "I had a very long day honestly",
    "do not worry if it goes wrong",
    "my sister does it another way",
    "subscribe if you want more of these",
    "almost there we are doing fine",
)
"""Cues that describe nothing; at most nine words."""

MISHEARD = {
    "slide": "side",
    "bounce": "bones",
    "spin": "spain",
    "grow": "crow",
    "shrink": "drink",
    "blink": "bling",
    "orbit": "orbitz",
    "shake": "steak",
    "red": "read",
    "green": "grin",
    "blue": "blew",
    "teal": "deal",
    "pink": "think",
    "disk": "desk",
    "star": "stair",
    "square": "scare",
    "hoop": "soup",
    "cross": "crush",
    "block": "clock",
    "wedge": "hedge",
}
"""Word -> what speech recognition makes of it at times."""
