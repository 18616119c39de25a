"""What Microsoft's Functions host does, asked of any host that serves the app in `app/`."""
