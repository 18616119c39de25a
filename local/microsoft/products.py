"""Microsoft's products: SKUs, by ID and part number."""

# (SKU ID, part number) as Microsoft publishes them.
SKUS = (
    ("05e9a617-0261-4cee-bb44-138d3ef5d965", "SPE_E3"),
    ("06ebc4ee-1bb5-47dd-8120-11324bc54e06", "SPE_E5"),
    ("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "SPB"),
    ("f245ecc8-75af-4f8e-b61f-27d8114de5f3", "O365_BUSINESS_PREMIUM"),
    ("f30db892-07e9-47e9-837c-80727f46fd3d", "FLOW_FREE"),
)
