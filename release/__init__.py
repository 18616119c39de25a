"""What a release is made of, and proved with: the package, its licences, known vulnerabilities."""
