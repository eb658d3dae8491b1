"""Visual co-occurrence of four kinds, rebuilt small from what people wrote of pictures.

Gupta et al., "ViCo: Word Embeddings from Visual Co-occurrences", ICCV 2019, count Visual Genome's
scene graphs. Those are not to be had; the kinds are the same, their sources smaller:

    object_attribute      objects' colours, materials, shapes in Visual Genome (ViComTe); adjectives
                          before nouns in Flickr8k's captions; each word with itself
    attribute_attribute   attributes of one box (Compact-VG); adjectives before the same noun
    context               objects of one picture, of all its captions (Flickr8k)
    object_hypernym       an object of a picture and the words of its ancestors (WordNet)
"""

import gzip
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from trainers.words.counts import UNIT, Counts

KINDS = ("object_attribute", "attribute_attribute", "context", "object_hypernym")
COLOURS = "black blue brown gray green orange pink purple red silver white yellow"
MATERIALS = (
    "bronze ceramic cloth concrete cotton denim glass gold iron jade leather metal paper plastic "
    "rubber stone tin wood"
)
SHAPES = "cross heart octagon oval polygon rectangle rhombus round semicircle square star triangle"
_FILES = {"color": COLOURS, "material": MATERIALS, "shape": SHAPES}
_TOKEN = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Lexicon:
    """Which words name attributes, which name objects, and the ancestors of those."""

    attributes: frozenset[str]
    ancestors: dict[str, list[list[str]]]
    """Of each noun its own synset and those above, as lists of words."""

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """Read `wn30_noun_paths_adj.json.gz`: first senses of WordNet 3.0."""
        with gzip.open(path, "rt", encoding="utf-8") as file:
            read = json.load(file)
        return cls(frozenset(read["adjectives"]), read["noun_first_sense_hypernym_path"])

    def noun(self, token: str) -> str:
        """Return the noun that a token is, its plural's `s` or `es` taken off; else nothing."""
        if token in ENGLISH_STOP_WORDS or len(token) < 3 or token in self.attributes:
            return ""
        for word in (token.removesuffix("s"), token.removesuffix("es"), token):
            # `glass` and `bus` are no plurals: what is left must be a word, and not end alike.
            if word in self.ancestors and len(word) >= 3 and not word.endswith("s"):
                return word
        return token if token in self.ancestors else ""

    def attribute(self, token: str) -> str:
        """Return the attribute that a token is; else nothing."""
        known = token in self.attributes and token not in ENGLISH_STOP_WORDS and len(token) > 2
        return token if known else ""


def read_captions(path: Path) -> list[list[str]]:
    """Return the captions of each picture of a `Flickr8k.token.txt`, in the order of names."""
    captions: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, caption = line.partition("\t")
        captions[name.partition("#")[0]].append(caption)
    return [captions[name] for name in sorted(captions)]


def caption_counts(pictures: Iterable[Sequence[str]], lexicon: Lexicon) -> Counts:
    """Count the captions of pictures. Sums over parts of them are the counts of the whole."""
    counts = Counts()
    for captions in pictures:
        objects: set[str] = set()
        for caption in captions:
            before: list[str] = []
            for token in _TOKEN.findall(caption.lower()):
                if adjective := lexicon.attribute(token):
                    before.append(adjective)
                    continue
                if noun := lexicon.noun(token):
                    objects.add(noun)
                    _add_described(counts, noun, before)
                before = []
        for one, other in itertools.combinations(sorted(objects), 2):
            counts.add("context", one, other)
        for noun in sorted(objects):
            _add_ancestors(counts, noun, lexicon)
    return counts


def _add_described(counts: Counts, noun: str, attributes: Sequence[str]) -> None:
    for attribute in attributes:
        counts.add("object_attribute", noun, attribute)
        counts.add("object_attribute", noun, noun)
        counts.add("object_attribute", attribute, attribute)
    for one, other in itertools.combinations(sorted(set(attributes)), 2):
        counts.add("attribute_attribute", one, other)


def _add_ancestors(counts: Counts, noun: str, lexicon: Lexicon) -> None:
    above = {word for synset in lexicon.ancestors[noun] for word in synset if len(word) > 2}
    for word in sorted(above - {noun}):
        counts.add("object_hypernym", noun, word)


def attribute_counts(folder: Path) -> Counts:
    """Count ViComTe's `*-dist.jsonl`: how often an object has a colour, a material, a shape.

    Raises:
        ValueError: If an object has not a count for each of the attributes.
    """
    counts = Counts()
    for name, words in _FILES.items():
        table = json.loads((folder / f"{name}-dist.jsonl").read_text(encoding="utf-8"))
        for thing, times in sorted(table.items()):
            for attribute, number in zip(words.split(), times, strict=True):
                if number and _TOKEN.fullmatch(thing):
                    counts.add("object_attribute", thing, attribute, number)
                    counts.add("object_attribute", thing, thing, number)
                    counts.add("object_attribute", attribute, attribute, number)
    return counts


def box_counts(path: Path) -> Counts:
    """Count Compact-VG's `Attributes.txt`: attributes of the same box of a picture."""
    boxes: dict[str, set[str]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        box, _, attribute = line.strip().rpartition(",")
        if attribute:
            boxes[box].add(attribute)
    counts = Counts()
    for attributes in boxes.values():
        for one, other in itertools.combinations(sorted(attributes), 2):
            counts.add("attribute_attribute", one, other)
    return counts


def frequent(counts: Counts, floor: float) -> Counts:
    """Return the counts of words that occur `floor` times or more, over all kinds and pairs.

    Raises:
        ValueError: If that leaves none.
    """
    units: Counter[str] = Counter()
    for pairs in counts.kinds.values():
        for pair, number in pairs.items():
            for word in set(pair):
                units[word] += number
    kept = counts.of_words(word for word, number in units.items() if number >= floor * UNIT)
    if not kept.words():
        raise ValueError(f"floor must leave words, got {floor}")
    return kept
