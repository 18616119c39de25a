from tests.unit.core.catalogue_sample import Word

FIRST = Word("same")
