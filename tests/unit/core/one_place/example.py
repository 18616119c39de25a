"""A data set, as somebody adds one: a value in a module of `core/data_sets`."""

from domain.data_set import Cadence, DataSet, Many

TERMS_OF_USE = DataSet(
    name="termsOfUse",
    path="/identityGovernance/termsOfUse/agreements",
    shape=Many(),
    keep=("id", "displayName"),
    cadence=Cadence.DAILY,
    permissions=("AccessReview.Read.All",),
    roles=("Security Reader",),
    docs="https://learn.microsoft.com/graph/api/termsofusecontainer-list-agreements",
)
