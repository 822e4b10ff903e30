"""The findings of `make fuzz`, and each target's own examples, are replayed."""

from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, NAMES, load


@pytest.mark.parametrize("name", NAMES)
def test_targets_take_their_examples_and_old_findings(name: str) -> None:
    target = load(name)
    for path in target.corpus:
        target.test(path.read_bytes())
    for seed in (*target.seeds, b"", b"\0", b"\xff" * 300):
        target.test(seed)
        for cut in range(0, len(seed), max(1, len(seed) // 16)):  # broken in easy ways
            target.test(seed[:cut] + b"\x80" + seed[cut + 1 :])
            target.test(seed[:cut])


def test_each_folder_of_the_corpus_has_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(NAMES)


def test_each_module_is_a_target() -> None:
    modules = {path.stem for path in (Path(__file__).parent / "targets").glob("*.py")}
    assert modules - {"__init__", "pieces"} == set(NAMES)
