from tests.unit.core.catalogue_sample import Word

SECOND = Word("same")  # equal, but a different value
