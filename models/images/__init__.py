"""Images for models: reading files, preprocessing, study canvases, features kept on disk."""
