"""Work on record: what a transaction decided is found again until it is done."""
