"""The words that the edits of the sensitivity audit know; `docs/audit.md` explains them.

All are in lower case, whole words, a blank standing for any white space. Mappings give what a word
becomes; in pairs each becomes the other.
"""

from __future__ import annotations


def _both_ways(*pairs: tuple[str, str]) -> dict[str, str]:
    return {**dict(pairs), **{second: first for first, second in pairs}}


FINDING = (
    r"effusions?|pneumothora(?:x|ces)|hydropneumothorax|consolidations?|infiltrates?|opacit(?:y|ies)"
    r"|opacifications?|pneumonias?|edema|oedema|atelecta(?:sis|ses|tic)|cardiomegaly|nodules?"
    r"|nodular|mass(?:es)?|granulomas?|granulomatous|fractures?|emphysema(?:tous)?|scar(?:s|ring)?"
    r"|hernias?|calcifications?|calcified|congestion|fibrosis|fibrotic|thickening|hyperinflat\w+"
    r"|hyperexpan\w+|hyperaerat\w+|enlarged|enlargement|tortuous|tortuosity|spondylosis|degenerative"
    r"|scoliosis|kyphosis|(?:lymph)?adenopathy|airspace disease|air space disease|blunting"
    r"|widening|deformit(?:y|ies)|engorgement|metasta(?:sis|ses|tic)|lesions?|osteopenia|osteophytes?"
    r"|pneumomediastinum|pneumoperitoneum|densit(?:y|ies)|atherosclerotic|ectatic|collapse"
    r"|aspiration|low lung volumes|arthritic|cavitary"
)
"""What a sentence about a finding holds."""

DEVICE = (
    r"(?:endotracheal|nasogastric|enteric|feeding|chest|gastric|tracheostomy|orogastric|ng|et|og)"
    r" tubes?|tubes?|catheters?|picc(?: lines?)?|(?:central|venous|picc|jugular|subclavian)"
    r" lines?|arterial lines?|pacemakers?|pacers?|pacing leads?|leads?|mediport|port-a-cath"
    r"|(?:sternotomy|sternal) wires?|clips?|stents?|defibrillators?|icd|drains?|hardware"
    r"|prosthe(?:sis|ses|tic)|valves?|ett|tracheostomy|sutures?|staples?"
    r"|pigtail|balloon pump|swan-ganz"
)
"""What a sentence about a device holds."""

NO_DEVICE = r"removed|removal|extubation|views?|silhouettes?|contours?|lungs?|heart"
"""What a sentence that only says a device is there does not hold."""

NEGATED = (
    r"no|not|without|negative|absent|free of|clear of|resolved|never|nor|neither|rather than"
    r"|removed|removal|normal|unremarkable|within normal limits|rule out|versus|may|could|cannot"
)
"""What a sentence that states a finding without doubt does not hold."""

NEGATIONS = {
    "there is no evidence of": "there is evidence of",
    "there are no": "there are",
    "there is no": "there is",
    "no evidence of": "evidence of",
    "without evidence of": "with evidence of",
    "without": "with",
    "is not": "is",
    "are not": "are",
    "was not": "was",
    "were not": "were",
    "negative for": "positive for",
    "is absent": "is present",
    "are absent": "are present",
    "are free of": "show",
    "is free of": "shows",
    "no": "",
}
"""Negations, and what is left without them."""

NO_NEGATION = (
    r"no longer|(?:no|not|without)(?: \w+)?(?: \w+)? chang(?:e|es|ed)|no(?: \w+)? (?:priors?"
    r"|previous|comparisons?|others?|further|xxxx)|not(?: \w+)? (?:well|included|evaluated|imaged"
    r"|excluded?|seen on|visualized|available)|no more|without comparison|whether or not|not only"
)
"""Sentences with these are left alone: their negation is of no finding, or of a change."""

STATEMENT = r"there (?:is|are)(?: an?| some| a few)?"
"""The beginning of a sentence that states a finding; it is negated with ``no``."""

SIDES = {
    **_both_ways(("left", "right"), ("left-sided", "right-sided"), ("leftward", "rightward")),
    **{"lll": "RLL", "rll": "LLL", "lul": "RUL", "rul": "LUL"},
}
BOTH_SIDES = r"(?:left|right) (?:and|or|to|greater than) (?:left|right)|both|bilateral(?:ly)?"
"""Sentences with these are left alone: swapped sides might mean the same."""

SEVERITIES = {
    **dict.fromkeys(("tiny", "trace", "small", "minimal"), "large"),
    **dict.fromkeys(("mild", "slight"), "severe"),
    **dict.fromkeys(("mildly", "slightly", "minimally"), "severely"),
    **dict.fromkeys(("large", "massive"), "small"),
    **dict.fromkeys(("severe", "marked", "extensive"), "mild"),
    **dict.fromkeys(("severely", "markedly", "moderately"), "mildly"),
    "moderate": "minimal",
}
"""Words of severity, and one that is at least two steps from it."""
RANGE = r"to|or"
"""Between two severities: such a range is left alone."""

CHANGES = {
    **_both_ways(
        ("increased", "decreased"),
        ("increase", "decrease"),
        ("increases", "decreases"),
        ("increasing", "decreasing"),
        ("worsened", "improved"),
        ("worsening", "improving"),
        ("worse", "better"),
        ("larger", "smaller"),
        ("more extensive", "less extensive"),
        ("more prominent", "less prominent"),
    ),
    "improvement": "worsening",
    "progression": "regression",
    "progressed": "improved",
    "resolved": "worsened",
    "resolving": "worsening",
    "resolution": "worsening",
    "stable": "worsened",
    "unchanged": "worsened",
    "persistent": "resolved",
    "new": "stable",
}
"""Words of change, and their reverse; no change becomes a change for the worse."""
NO_CHANGE = {
    f"{no} {kind}change": f"{worse} worsening"
    for no, worse in (("no", "interval"), ("without", "with interval"))
    for kind in ("", "significant ", "interval ", "significant interval ", "acute ")
}
"""Statements that nothing changed, and their opposite."""
INVENTED = {
    "There is a small right pleural effusion.": r"effusions?|pleural fluid|costophrenic",
    "There is a small left apical pneumothorax.": r"pneumothora(?:x|ces)|ptx",
    "There is a left lower lobe consolidation.": (
        r"consolidations?|infiltrates?|airspace|air space|opacit(?:y|ies)|pneumonias?"
    ),
    "There is a 1.5 cm nodule in the right upper lobe.": (
        r"nodules?|mass(?:es)?|granulomas?|lesions?"
    ),
    "There is mild pulmonary edema.": r"edema|oedema|vascularity|vasculature|congestion",
    "There is a displaced fracture of a left lateral rib.": (
        r"fractures?|ribs?|osseous|bony|bones?|skeletal"
    ),
    "The heart is moderately enlarged.": r"heart|cardiac|cardiomegaly|cardiomediastinal|silhouette",
}
"""Sentences to invent, and the words of a text that speaks of the same thing already."""

SYNONYMS = {
    **_both_ways(
        ("bony", "osseous"),
        ("cardiomegaly", "cardiac enlargement"),
        ("vasculature", "vascularity"),
        ("is seen", "is identified"),
        ("are seen", "are identified"),
        ("radiograph", "x-ray"),
        ("bibasilar", "bilateral basilar"),
        ("demonstrated", "shown"),
        ("unchanged", "stable"),
        ("enteric tube", "gastric tube"),
    ),
    "within normal limits": "normal",
    "is normal": "is within normal limits",
    "are normal": "are within normal limits",
    "unremarkable": "normal",
    "there is no": "no evidence of",
    "there is no evidence of": "no evidence of",
    "heart size is normal": "heart is normal in size",
    "cardiac silhouette": "heart shadow",
    "is noted": "is seen",
    "are noted": "are seen",
    "is present": "is seen",
    "are present": "are seen",
    "clear bilaterally": "clear on both sides",
    "lung volumes are low": "the lung volumes are small",
}
"""Phrases, and others of the same meaning."""

ABBREVIATIONS = {
    "within normal limits": "WNL",
    "wnl": "within normal limits",
    "pneumothorax": "PTX",
    "ptx": "pneumothorax",
    "pneumothoraces": "PTXs",
    "right lower lobe": "RLL",
    "right upper lobe": "RUL",
    "right middle lobe": "RML",
    "left lower lobe": "LLL",
    "left upper lobe": "LUL",
    "rll": "right lower lobe",
    "rul": "right upper lobe",
    "rml": "right middle lobe",
    "lll": "left lower lobe",
    "lul": "left upper lobe",
    "endotracheal tube": "ETT",
    "ett": "endotracheal tube",
    "nasogastric tube": "NGT",
    "ngt": "nasogastric tube",
    "peripherally inserted central catheter": "PICC",
    "picc": "peripherally inserted central catheter",
    "congestive heart failure": "CHF",
    "chf": "congestive heart failure",
    "chronic obstructive pulmonary disease": "COPD",
    "copd": "chronic obstructive pulmonary disease",
    "thoracic spine": "T-spine",
    "t-spine": "thoracic spine",
    "superior vena cava": "SVC",
    "svc": "superior vena cava",
    "coronary artery bypass graft": "CABG",
    "cabg": "coronary artery bypass graft",
    "status post": "s/p",
    "s/p": "status post",
    "millimeters": "mm",
    "mm": "millimeters",
    "centimeters": "cm",
    "cm": "centimeters",
    "anteroposterior": "AP",
}

FOLLOWS = (
    r"this|these|that|those|it|its|they|which|however|otherwise|also|again|the former|the latter"
    r"|therefore|additionally|above|below|previously|other|remaining|same"
)
"""Words that may point to another sentence: texts with them are not put in another order."""

TEMPLATE = (
    "The lungs are clear. There is no pleural effusion or pneumothorax. The heart is normal in "
    "size. The mediastinal contours are unremarkable. No acute osseous abnormality."
)
"""One normal report for everybody."""
