"""The storage ports over Azure Table Storage."""
