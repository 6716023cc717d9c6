"""The words that phantom reports are built from; all sentences are our own.

In a template ``np`` is the finding with its size, ``bare`` without it, ``a`` an article (or
nothing), ``grown`` and ``shrunk`` words for more and less of it. None of Libra's temporal words
stands in a template that is used without a prior.
"""

from __future__ import annotations

FINDING_SENTENCES: dict[str | None, tuple[str, ...]] = {
    None: (
        "there {is_} {a}{np}.",
        "{a}{np} {is_} present.",
        "{a}{np} {is_} seen.",
        "{np}.",
    ),
    "new": (
        "there {is_} {a}new {np}.",
        "new {np}.",
        "{a}{np} {is_} new since the prior study.",
        "{a}{np} {has} developed since the prior radiograph.",
        "interval development of {a}{np}.",
    ),
    "worse": (
        "the {bare} {has} {grown} and {is_} now {size}.",
        "{a}{np} {has} {grown} since the prior study.",
        "{np}, {grown} compared to the prior study.",
        "interval worsening of the {bare}, now {size}.",
        "the {bare} {is_} worse than on the prior radiograph and now {size}.",
    ),
    "better": (
        "the {bare} {has} {shrunk} and {is_} now {size}.",
        "{a}{np} {has} {shrunk} since the prior study.",
        "{np}, {shrunk} compared to the prior study.",
        "interval improvement of the {bare}, now {size}.",
        "the {bare} {is_} better than on the prior radiograph and now {size}.",
    ),
    "unchanged": (
        "{a}{np} {is_} unchanged.",
        "unchanged {np}.",
        "stable {np}.",
        "{a}{np} {is_} stable since the prior study.",
        "there {is_} {a}{np}, unchanged from the prior radiograph.",
        "no significant change in the {np}.",
    ),
    "resolved": (
        "the {bare} {has} resolved.",
        "the previously seen {bare} {is_} no longer seen.",
        "interval resolution of the {bare}.",
        "the {bare} seen on the prior study {has} resolved.",
    ),
}

DEVICE_SENTENCES: dict[str | None, tuple[str, ...]] = {
    None: ("{a}{device} {is_} in place.", "{a}{device} {is_} present.", "{device} {tail}."),
    "new": (
        "a new {device} {is_} in place.",
        "new {device} {tail}.",
        "interval placement of a {device}.",
    ),
    "unchanged": (
        "{a}{device} {is_} unchanged in position.",
        "unchanged {device} {tail}.",
        "stable position of the {device}.",
    ),
    "resolved": (
        "the {device} {has} been removed.",
        "interval removal of the {device}.",
        "the {device} {is_} no longer seen.",
    ),
}

IMPRESSION_PHRASES: dict[str | None, tuple[str, ...]] = {
    None: ("{np}.",),
    "new": ("new {np}.",),
    "worse": ("{np}, {grown}.", "worsening {bare}, now {size}."),
    "better": ("{np}, {shrunk}.", "improving {bare}, now {size}."),
    "unchanged": ("unchanged {np}.", "stable {np}.", "{np}, unchanged."),
    "resolved": ("resolved {bare}.", "resolution of the {bare}."),
}

GROWN = {
    "effusion": ("increased", "worsened"),
    "pneumothorax": ("increased", "worsened"),
    "opacity": ("increased", "worsened", "progressed"),
    "atelectasis": ("increased", "worsened"),
    "nodule": ("increased", "increased in size"),
    "edema": ("worsened", "progressed", "increased"),
    "cardiomegaly": ("increased", "progressed", "worsened"),
}
SHRUNK = {
    "effusion": ("decreased", "improved"),
    "pneumothorax": ("decreased", "improved"),
    "opacity": ("improved", "decreased"),
    "atelectasis": ("improved", "decreased"),
    "nodule": ("decreased", "decreased in size"),
    "edema": ("improved", "decreased"),
    "cardiomegaly": ("improved", "decreased"),
}

# For each finding: (one side, both sides). A count noun takes an article and a plural verb.
NOUNS = {
    "effusion": (("{side} pleural effusion",), ("bilateral pleural effusions",)),
    "pneumothorax": (("{side} pneumothorax",), ("bilateral pneumothoraces",)),
    "opacity": (
        (
            "{side} {zone} lung opacity",
            "{side} {zone} lung consolidation",
            "{side} {zone} zone airspace opacity",
        ),
        ("bilateral {zone} lung opacities", "bilateral {zone} lung consolidations"),
    ),
    "atelectasis": (
        ("{side} basilar atelectasis", "{side} lower lung atelectasis"),
        ("bilateral basilar atelectasis", "bibasilar atelectasis"),
    ),
    "nodule": (("{side} {zone} lung nodule", "{side} {zone} zone nodule"), ()),
    "edema": (("pulmonary edema",), ()),
    "cardiomegaly": (("cardiomegaly",), ()),
}
MASS_NOUNS = frozenset(["atelectasis", "edema", "cardiomegaly"])

DEVICE_NOUNS = {
    "pacemaker": ("{side} chest wall pacemaker", "{side} pectoral pacemaker"),
    "internal jugular": (
        "{side} internal jugular central venous catheter",
        "{side} internal jugular line",
    ),
    "picc": ("{side} PICC", "{side} PICC line"),
    "port": ("{side} chest port", "{side} chest wall port"),
    "endotracheal_tube": ("endotracheal tube",),
    "enteric_tube": ("nasogastric tube", "enteric tube"),
    "sternotomy_wires": ("median sternotomy wires",),
}
DEVICE_TAILS = {
    "pacemaker": (
        "with leads in the right atrium and right ventricle",
        "with two leads over the right heart",
    ),
    "central_line": (
        "with its tip in the superior vena cava",
        "ending in the superior vena cava",
    ),
    "endotracheal_tube": ("with its tip above the carina", "ending above the carina"),
    "enteric_tube": ("with its tip in the stomach", "passing below the diaphragm"),
    "sternotomy_wires": ("in the midline", "in normal alignment"),
}

LUNGS_CLEAR = (
    "the lungs are clear.",
    "lungs are clear without focal consolidation.",
    "both lungs are well aerated and clear.",
)
NO_OPACITY = ("no focal consolidation.", "there is no focal consolidation.")
NO_PLEURA = (
    "no pleural effusion or pneumothorax.",
    "there is no pleural effusion or pneumothorax.",
    "no pneumothorax or pleural effusion is seen.",
)
NO_EFFUSION = ("no pleural effusion.", "there is no pleural effusion.")
NO_PNEUMOTHORAX = ("no pneumothorax.", "there is no pneumothorax.", "no pneumothorax is seen.")
NO_EDEMA = ("no pulmonary edema.", "there is no pulmonary edema.")
HEART_NORMAL = (
    "heart size is normal.",
    "the heart is normal in size.",
    "the cardiac silhouette is within normal limits.",
    "the cardiomediastinal silhouette is normal.",
)
MEDIASTINUM_NORMAL = (
    "mediastinal and hilar contours are normal.",
    "the mediastinal contours are unremarkable.",
)
BONES_NORMAL = (
    "no acute osseous abnormality.",
    "the visualized bones are intact.",
    "osseous structures are unremarkable.",
)
NOTHING_ACUTE = (
    "no acute cardiopulmonary process.",
    "no acute cardiopulmonary abnormality.",
    "no radiographic evidence of acute cardiopulmonary disease.",
)
NO_CHANGE = ("no significant interval change.", "no relevant change since the prior study.")
