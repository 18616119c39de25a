"""The functions host: Microsoft's own worker library, driven as the .NET host drives it."""
