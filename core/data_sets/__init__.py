"""The data sets, one module per topic; `core.known_data_sets` collects them."""
