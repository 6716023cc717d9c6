"""Training recipes that come with the package."""
