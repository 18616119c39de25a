"""All code that does I/O: storage, queues, Microsoft Graph and identity, secrets, clock."""
