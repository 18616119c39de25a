"""All data sets, by name."""

import core.data_sets
from core.catalogue import load
from domain.data_set import DataSet

DATA_SETS = load(core.data_sets, DataSet)
