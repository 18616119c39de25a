"""The repository's workflow refers only to what exists."""

import re

from tests.simulation import ROOT

WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_every_make_target_of_the_workflow_is_in_the_makefile() -> None:
    named = re.findall(r"\bmake ([a-z-]+)", WORKFLOW)
    defined = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named == ["check", "test", "package"]
    assert set(named) <= set(defined)


def test_every_action_is_pinned_by_its_commit() -> None:
    used = re.findall(r"uses: (.+)", WORKFLOW)
    assert len(used) == WORKFLOW.count("uses:") == 3
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)


def test_the_workflow_may_read_the_repository_and_nothing_else() -> None:
    assert re.findall(r"^permissions:\n((?:  .+\n)+)", WORKFLOW, re.MULTILINE) == [
        "  contents: read\n"
    ]
    assert "${{ secrets" not in WORKFLOW
