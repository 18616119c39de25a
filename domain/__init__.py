"""The shared domain module: values, rules, errors and ports. Standard library only."""
