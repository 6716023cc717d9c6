"""Parts of the adapter for OpenAI-compatible endpoints."""
