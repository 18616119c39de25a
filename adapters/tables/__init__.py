"""The storage ports in Azure Table Storage."""
