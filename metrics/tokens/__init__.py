"""Tokenisers, stems, synonyms and n-gram counts that the lexical metrics share."""
