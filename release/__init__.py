"""Building and checking a release: the package, its licences, known vulnerabilities."""
