"""What the use cases need from outside, a port each; adapters and fakes subclass them."""
