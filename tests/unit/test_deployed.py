from fnmatch import fnmatch

from tests.simulation import ROOT


def test_of_the_requirements_only_the_apps_own_are_deployed() -> None:
    ignored = (ROOT / ".funcignore").read_text().split()
    found = [path.name for path in ROOT.glob("requirements*")]
    kept = [name for name in found if not any(fnmatch(name, pattern) for pattern in ignored)]
    assert kept == ["requirements.txt"]
