"""The local stack: real components on this machine, none of them deployed."""
