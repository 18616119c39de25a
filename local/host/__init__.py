"""The functions host: Microsoft's own worker library, called as the .NET host calls it."""
