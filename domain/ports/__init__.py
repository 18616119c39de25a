"""The ports of the use cases, one module each; adapters and fakes subclass them."""
