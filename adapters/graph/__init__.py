"""Microsoft Graph, over the Azure SDK's pipeline."""
