"""The phrases by which a report names an earlier study, or says that there is none.

Patterns are for text in lower case, one sentence at a time; every repetition is bounded.
"""

from __future__ import annotations

import re

_STUDY_NOUN = (
    r"(?:stud(?:y|ies)|exams?|examinations?|radiographs?|films?|x-? ?rays?|x-?xxxx|cxrs?|imaging"
    r"|images?|cts?|tomograms?|scans?|reports?|evaluations?|comparisons?)\b"
)
_STUDY_WORD = (
    r"(?:chest|frontal|lateral|portable|pa|ap|plain|outside|available|multiple|most|recent|bedside"
    r"|upright|supine|radiographic|two|view|computed|thoracic|the)"
)
_STUDY = rf"(?:{_STUDY_WORD}[ -]){{0,4}}{_STUDY_NOUN}"
_BEFORE = r"(?:priors?|previous|preceding|earlier|old|older|last|most recent|recent|interim)"
_DATE = (
    r"(?:_{2,}|\d{1,2}[/-]\d{1,2}|(?:19|20)\d\d\b|yesterday|last (?:night|week|month|year)"
    r"|(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r" \d)"
)
_REDACTED = r"(?:xxxx|\[\*\*)"  # a removed word, which in these places is a date
_END = r"(?=\s*(?:[,;:)]|$))"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


# Without any of these words no pattern of `NAMED` or `GENERAL` can match.
_CUES = """
prior priors previous preceding earlier old older last recent interim compared comparison comparing
relative similar comparable since from than before previously interval stable unchanged unaltered
changed again longer re remain remains
redemonstrated redemonstrates redemonstrate redemonstration
"""
CUES = frozenset(_CUES.split())

# The sentence names a study to compare with.
NAMED = _any(
    rf"\b{_BEFORE} (?:\w+ ){{0,2}}?{_STUDY}",
    r"\b(?:compared|comparison|comparing|relative|similar|comparable)(?: is| was)?(?: made)?"
    rf" (?:to|with|from) (?!(?:the )?(?:frontal|lateral)\b)(?:\w+ ){{0,4}}?"
    rf"(?:{_BEFORE}\b|{_STUDY}|{_DATE}|{_REDACTED})",
    r"\bcomparison (?:(?:is|was) )?made\b",
    r"\bcomparison\s*:\s*(?=\w|\[|_)",
    rf"\b(?:from|to|than|on|with|over) (?:the )?{_BEFORE}{_END}",
    rf"\bsince (?:the )?(?:{_BEFORE}\b|{_STUDY}|{_DATE}|{_REDACTED})",
    rf"\b(?:from|than) {_DATE}",
    r"\b(?:as|than|from) (?:before|previously|earlier)\b",
    r"\bpreviously (?!healthy|well\b|healed|treated|operated|resected)\w+",
    r"\b(?:seen|noted|present|described|identified|visualized|visible|demonstrated) previously\b",
    r"\bin the (?:interval|interim)\b",
    r"(?<!short )(?<!short-)(?<!month )(?<!week )(?<!regular )"
    r"\binterval\b(?! (?:follow|film|imaging|surveillance|outside))",
    r"\bearlier today\b",
)

# Words that say as much of the whole examination, in a sentence without a known finding.
GENERAL = _any(
    r"(?<!hemodynamically )(?<!haemodynamically )(?<!clinically )(?<!medically )"
    r"\bstable\b(?! (?:patient|condition|vital))",
    r"\b(?:unchanged|unaltered|not (?:significantly |appreciably )?changed)\b",
    r"\bagain (?:seen|noted|demonstrated|identified|visualized|evident|present|shown|observed)\b",
    r"\b(?:seen|noted) again\b",
    r"\bremains? (?:clear|normal|unremarkable)\b",
    r"\b(?:re-demonstrat\w+|redemonstrat(?:ed|es|e|ion)\b)",
    r"\bno longer (?:seen|visualized|present|identified|evident|visible)\b",
)

# Nothing to compare with; blanked out before anything else is looked for.
NOTHING = _any(
    r"\b(?:no|without|lack of|absence of|absent)"
    r"(?: (?:an?|any|the|relevant|available|direct|immediate|other|such|suitable|recent)){0,3}"
    r" (?:priors?|previous|earlier|old|comparisons?)\b[^,;]*",
    r"\bcomparisons?\s*(?:[:-]|is|are)?\s*(?:none|no|not|unavailable|n/?a|nil)\b[^;]*",
    rf"\b(?:{_BEFORE}|{_STUDY_NOUN})[^,;]{{0,60}}\b(?:not (?:\w+ )?|un)available\b[^,;]*",
)

# Advice about studies that may exist or are still to come.
ADVICE = _any(
    r"\b(?:recommend|advis|correlat)\w*",
    r"\bsuggest(?:ed)? (?:reference|comparison|correlation|follow)",
    r"\b(?:is|are) suggested\b",
    r"\b(?:would|may|might|could) be (?:helpful|useful|of|obtained|reasonable|considered)",
    r"\bif (?:available|clinically|there|prior|previous)",
    r"\b(?:should be|consider)\b",
)

# Devices and traces of surgery: their follow-up alone is no comparison.
HARDWARE = re.compile(
    r"\b(?:wires?|sternotomy|clips?|sutures?|stents?|valves?|prosthe\w+|hardware|pacemakers?"
    r"|pacers?|pacing|leads?|a?icd|devices?|defibrillator|catheters?|lines?|tubes?|picc|port"
    r"|mediport|portacath|swan|pigtail|drains?|tracheostomy|dobb?hoff|cabg|fixation|screws?|rods?"
    r"|plates?|fusion|arthroplasty|implants?|coils?|stimulator|pump|iabp|cannula|shunt|recorder"
    r"|staples?|surgical|postsurgical|post-?operative|filter|apparatus|foreign body|bullet"
    r"|pellets?|fragments?|ett|ngt)\b"
)

# What a comparison section holds when there was no study to compare with.
NONE_GIVEN = re.compile(
    r"\W*(?:comparisons?\W+)?(?:none|no|not|unavailable|n/?a|nil|without|there (?:is|are) no)\b"
)
