"""The local stack: real parts on this machine, none of them deployed."""
