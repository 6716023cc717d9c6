"""Parts of the general adapter for vision-language models."""
