"""The words that the temporal direction metric knows; `docs/metrics/temporal.md` explains them.

Phrases are written in lower case with hyphens and slashes as spaces. The last word of a finding's
phrase is also known in its plural with "s".
"""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Finding:
    """A canonical finding, what more of it means, and the phrases that name it.

    ``more`` is the change that an increase is ("" where size says nothing, as for devices).
    ``lateral`` findings have a side. ``quantities`` name what a normal chest has as well: a bare
    "increased heart size" may describe the image alone, so it is a change only where
    ``bare_counts``, or where the sentence compares.
    """

    name: str
    things: str
    quantities: str = ""
    more: str = "worse"
    lateral: bool = False
    bare_counts: bool = False
    device: bool = False


FINDINGS = (
    Finding(
        "effusion",
        "effusion, pleural effusion, hydropneumothorax, hemothorax, pleural fluid, effusions,"
        " layering fluid, fissural fluid, fluid in the fissure, costophrenic angle blunting,"
        " blunting of the costophrenic angle, costophrenic blunting,"
        " blunting of the left costophrenic angle, blunting of the right costophrenic angle,"
        " empyema, hydrothorax",
        lateral=True,
    ),
    Finding("pneumothorax", "pneumothorax, pneumothoraces, ptx", lateral=True),
    Finding(
        "opacity",
        "consolidation, infiltrate, infiltration, pneumonia, pneumonias, airspace disease,"
        " air space disease, aspiration, haze, haziness, hazy opacity, infectious process,"
        " consolidative process, ground glass",
        "opacity, opacities, opacification, opacifications, density, densities",
        lateral=True,
        bare_counts=True,
    ),
    Finding(
        "atelectasis",
        "atelectasis, atelectases, atelectatic change, volume loss, loss of volume, collapse,"
        " lobar collapse, lung collapse",
        lateral=True,
    ),
    Finding(
        "edema",
        "edema, oedema, pulmonary edema, interstitial edema, vascular congestion, congestion,"
        " pulmonary congestion, venous congestion, fluid overload, volume overload, heart failure,"
        " failure, chf, vascular engorgement, cephalization, venous hypertension,"
        " pulmonary venous hypertension",
        "vascularity, pulmonary vascularity, vasculature, pulmonary vasculature,"
        " vascular prominence, vascular markings, pulmonary vessel",
    ),
    Finding(
        "heart",
        "cardiomegaly",
        "heart, heart size, cardiac size, cardiac silhouette, heart silhouette, heart shadow,"
        " cardiac shadow, cardiac contour, cardiac enlargement, enlargement of the heart,"
        " enlargement of the cardiac silhouette, enlarged heart, cardiomediastinal silhouette,"
        " cardiomediastinal contour, cardiopericardial silhouette, size of the heart",
    ),
    Finding(
        "mediastinum",
        "mediastinal widening, widening of the mediastinum, widened mediastinum, mediastinal shift,"
        " mediastinal mass",
        "mediastinum, mediastinal contour, mediastinal silhouette, superior mediastinum,"
        " mediastinal width",
    ),
    Finding(
        "hilum",
        "adenopathy, lymphadenopathy, hilar mass, lymph node",
        "hilum, hila, hilar contour, hilar structure, hilar enlargement, hilar prominence,"
        " hilar fullness",
        lateral=True,
    ),
    Finding(
        "nodule",
        "nodule, mass, masses, lesion, granuloma, metastasis, metastases, metastatic disease,"
        " nodular opacity, nodular opacities, nodular density, nodular densities, cavity, cavities,"
        " cavitary lesion, tumor, neoplasm",
        lateral=True,
    ),
    Finding(
        "lung_volumes",
        "",
        "lung volume, volume of the lung",
        more="better",
        lateral=True,
        bare_counts=True,
    ),
    Finding(
        "aeration",
        "",
        "aeration, lung aeration, ventilation, lung expansion, expansion of the lung",
        more="better",
        lateral=True,
        bare_counts=True,
    ),
    Finding(
        "interstitial",
        "interstitial disease, interstitial lung disease, interstitial abnormality,"
        " interstitial abnormalities, interstitial thickening, reticulation, septal thickening,"
        " kerley b line, septal line, peribronchial cuffing",
        "interstitial marking, bronchovascular marking, lung marking, interstitial prominence,"
        " interstitium, reticular marking, marking, interstitial opacity, interstitial opacities,"
        " reticular opacity, reticular opacities",
    ),
    Finding(
        "emphysema",
        "emphysema, emphysematous change, hyperinflation, hyperexpansion, hyperexpanded,"
        " hyperinflated, copd, bulla, bullae, bullous disease",
    ),
    Finding(
        "scarring",
        "scarring, scar, fibrosis, fibrotic change, bronchiectasis, traction bronchiectasis,"
        " pleural scarring, parenchymal scarring, biapical scarring",
        lateral=True,
    ),
    Finding(
        "pleura",
        "pleural thickening, thickening of the pleura, pleural plaque, pleural calcification",
        lateral=True,
    ),
    Finding(
        "diaphragm",
        "elevated hemidiaphragm, hemidiaphragm elevation, elevation of the hemidiaphragm,"
        " eventration, diaphragmatic elevation, elevated diaphragm",
        "hemidiaphragm, diaphragmatic contour",
        lateral=True,
    ),
    Finding("fracture", "fracture, rib deformity, rib deformities, fractured rib", lateral=True),
    Finding(
        "skeleton",
        "degenerative change, degenerative disease, degenerative disc disease, spondylosis,"
        " scoliosis, dextroscoliosis, levoscoliosis, kyphosis, osseous structure, bony structure,"
        " bony thorax, osteopenia, osteophyte, wedging, compression deformity,"
        " compression deformities, skeletal structure",
    ),
    Finding(
        "aorta",
        "tortuous aorta, ectasia of the aorta, ectasia of the thoracic aorta, aortic ectasia,"
        " aortic aneurysm, aortic tortuosity, aortic calcification, atherosclerosis,"
        " atherosclerotic calcification",
        "aorta, thoracic aorta, aortic contour, aortic arch, aortic knob",
    ),
    Finding(
        "subcutaneous_air",
        "subcutaneous emphysema, subcutaneous air, subcutaneous gas, soft tissue emphysema,"
        " soft tissue air, soft tissue gas, chest wall emphysema",
        lateral=True,
    ),
    Finding("pneumomediastinum", "pneumomediastinum, mediastinal air"),
    Finding(
        "free_air",
        "free air, pneumoperitoneum, free intraperitoneal air, intraperitoneal air,"
        " free peritoneal air, free subdiaphragmatic air",
    ),
    Finding("hernia", "hernia, hiatal hernia, hiatus hernia"),
    Finding(
        "endotracheal_tube",
        "endotracheal tube, et tube, ett, endotracheal",
        more="",
        device=True,
    ),
    Finding(
        "tracheostomy",
        "tracheostomy, tracheostomy tube, tracheostomy cannula",
        more="",
        device=True,
    ),
    Finding(
        "enteric_tube",
        "enteric tube, nasogastric tube, orogastric tube, ng tube, og tube, feeding tube, dobhoff,"
        " dobhoff tube, dobbhoff tube, gastric tube, enteric catheter, ngt, ogt, nasoenteric tube",
        more="",
        device=True,
    ),
    Finding(
        "chest_tube",
        "chest tube, pigtail catheter, pigtail, pleural catheter, thoracostomy tube, pleural drain,"
        " pleural tube, pleurx catheter, chest drain",
        more="",
        lateral=True,
        device=True,
    ),
    Finding(
        "central_line",
        "picc, picc line, central line, central venous line, central venous catheter, catheter,"
        " venous catheter, ij line, ij catheter, jugular line, jugular catheter, subclavian line,"
        " subclavian catheter, port, port a cath, portacath, chest port, mediport, swan ganz,"
        " swan ganz catheter, dialysis catheter, pa catheter, pulmonary artery catheter, cvc, cvl,"
        " jugular central venous catheter, subclavian central venous catheter,"
        " internal jugular central venous catheter, introducer, ij, venous sheath",
        more="",
        lateral=True,
        device=True,
    ),
    Finding(
        "pacemaker",
        "pacemaker, pacemaker lead, pacer, pacer lead, pacing lead, pacing wire, icd, icd lead,"
        " aicd, defibrillator, cardiac device, pacemaker wire, ventricular lead, atrial lead,"
        " generator, pulse generator, defibrillator lead, right atrial lead,"
        " right ventricular lead",
        more="",
        device=True,
    ),
    Finding("balloon_pump", "balloon pump, intra aortic balloon pump, iabp", more="", device=True),
    Finding(
        "devices",
        "support device, monitoring device, monitoring and support device, support apparatus,"
        " lines and tube, tubes and line, support line, support tube, tubes lines, lines tubes,"
        " supportive device, life support device, support hardware",
        more="",
        device=True,
    ),
    Finding(
        "chest",
        "appearance of the chest, appearance of the lung, chest findings,"
        " radiographic appearance, overall appearance, cardiopulmonary findings",
    ),
)

# Phrases that name two findings with one noun; signs are words of their own.
JOINT_FINDINGS = {
    "mediastinal and hilar contours": ("mediastinum", "hilum"),
    "hilar and mediastinal contours": ("hilum", "mediastinum"),
    "cardiac and mediastinal contours": ("heart", "mediastinum"),
    "cardiac and mediastinal silhouettes": ("heart", "mediastinum"),
    "cardiac and mediastinal silhouette": ("heart", "mediastinum"),
    "cardiac and hilar contours": ("heart", "hilum"),
    "cardiac , mediastinal , and hilar contours": ("heart", "mediastinum", "hilum"),
    "cardiac , mediastinal and hilar contours": ("heart", "mediastinum", "hilum"),
}

# What each phrase says about the finding it belongs to. "change" is a change only where it is
# negated, "absent" only where the sentence also speaks of before.
CHANGES = {
    "more": """increase, increases, increased, increasing, enlarging, larger, bigger, greater,
        growing, grown, wider, denser, has enlarged, have enlarged, had enlarged,
        become enlarged, becoming enlarged, interval enlargement, further enlargement,
        progressive enlargement, interval growth, interval widening, more prominent,
        more conspicuous, more dense, more extensive, more pronounced, more severe, more apparent,
        more evident, more confluent, more marked, more widespread, more diffuse, more, doubled,
        reaccumulation, re accumulation, reaccumulated, re accumulated, interval accumulation,
        has expanded, have expanded""",
    "less": """decrease, decreases, decreased, decreasing, smaller, diminished, diminishing,
        diminution, reduced, reduction, lessened, lessening, shrunk, shrinking, has narrowed,
        less prominent, less conspicuous, less dense, less extensive, less pronounced,
        less severe, less apparent, less evident, less confluent, less marked, less distinct,
        less""",
    "worse": """worse, worsen, worsens, worsened, worsening, progressed, progressing, progresses,
        progression, deteriorated, deterioration, deteriorating""",
    "better": """better, improve, improves, improved, improving, improvement, improvements,
        resolving, clearing, regressed, regression, regressing, receded, receding, subsiding,
        lysis""",
    "same": """stable, stably, unchanged, unaltered, static, stabilized, stability, constant,
        similar to, similar in, similar appearance, similar compared, similar as, similar size,
        appears similar, appear similar, is similar, are similar, comparable to, comparable with,
        unchanging, not changed, has not enlarged, have not enlarged,
        little changed, changed little, minimally changed""",
    "new": """new, newly, interval development, development of, has developed, have developed,
        newly developed, interval appearance of, has appeared, have appeared, has emerged,
        emergence of, recurrence, recurred, reappeared, reappearance, interval placement,
        interval insertion, has been placed, have been placed, was placed, were placed,
        has been inserted, has received, interval introduction, not previously seen,
        not previously present,
        not previously visualized, not previously identified, not previously noted,
        not previously evident, not seen previously, not present previously, not seen on prior,
        not visualized on prior, not present on prior, not seen on the prior,
        not present on the prior, not visualized on the prior, not seen on previous,
        not seen on the previous, not present on the previous, not present on previous""",
    "gone": """resolved, resolution, cleared, no longer, removed, removal, disappeared,
        disappearance, normalized, normalised, normalization, subsided, now absent""",
    "absent": """not seen, not visualized, not identified, not evident, not present,
        not appreciated, not visible, not demonstrated, not apparent""",
    "change": "change, changes, changed",
}

# Presence then and now, or a manner of changing: they give way to a stronger word on the finding.
WEAK_CHANGES = {
    "same": """persistent, persistently, persists, persist, persisting, persisted, persistence,
        again, still, redemonstrated, re demonstrated, redemonstration, re demonstration,
        as before, as previously, unresolved, continued, continuing, ongoing""",
    "worse": "progressive, progressively",
    "new": "there is now, there are now, now seen, now present, now visible",
}

# Phrases that name a finding and its change at once.
COMPOUNDS = {
    ("aeration", "better"): """better aerated, more aerated, well reexpanded, reexpanded,
        re expanded, reexpansion, re expansion, better expanded, better inflated, re aerated,
        reaerated, improved inspiration, better inspiration, improved inspiratory effort,
        improved inflation, better inspiratory effort, improved aeration""",
    ("aeration", "worse"): "less aerated, less well aerated, worse aerated, worse aeration",
    ("lung_volumes", "worse"): "lower lung volumes, lung volumes are lower",
    ("chest", "same"): """stable chest, unchanged chest, stable exam, stable examination,
        stable study, unchanged exam, unchanged examination, unchanged study, stable radiograph,
        chest is stable, chest is unchanged, exam is unchanged, examination is unchanged,
        study is unchanged, exam is stable, examination is stable, stable findings,
        findings are unchanged, findings are stable, findings are similar""",
    ("endotracheal_tube", "gone"): "extubated, extubation",
    ("endotracheal_tube", "new"): "interval intubation, newly intubated",
}

# Phrases in which a change word is no change, or a finding's word no finding.
IGNORED = """better seen, better visualized, better visualised, better evaluated,
    better appreciated, better characterized, better assessed, better demonstrated,
    better delineated, better defined, better depicted, better shown, improved visualization,
    high resolution, low resolution, hemodynamically stable, haemodynamically stable,
    clinically stable, medically stable, stable condition, more likely, less likely,
    more suggestive, more compatible, more consistent, more or less, no more, more inferior,
    more superior, more medial, more lateral, more distal, more proximal, more acute, more chronic,
    more typical, less typical, likely new baseline, new york, new onset, still image, still images,
    heart border, heart borders, heart rate, right atrium, right atrial, right ventricle,
    right ventricular, left atrium, left atrial, left ventricle, left ventricular, right heart,
    left heart, mediastinal clips, mediastinal drain, mediastinal drains, increased risk,
    change in position, changed position, lower lobe, lower lobes, lower lung, lower zone,
    not only"""

SIDES = {
    "left": "left, lt, lingula, lingular",
    "right": "right, rt, middle lobe",
    "both": """bilateral, bilaterally, both, bibasilar, bibasal, biapical, bihilar,
        biventricular""",
}

# Structure words, by the kind of mark they make.
STRUCTURE = {
    "no": "no, without, neither, nor, little, negative for, absence of, free of, lack of",
    "not": "not, never, isn't, hasn't, haven't, wasn't, aren't, weren't, didn't, doesn't, don't",
    "verb": """is, are, was, were, has, have, had, appears, appear, appeared, shows, show, showed,
        demonstrates, demonstrate, reveals, reveal, seems, seem, looks, look, becomes, became,
        does, do, did""",
    "and": "and, as well as, plus",
    "or": "or, versus, vs",
    "with": "with, accompanied by",
    "break": "but, while, whereas, although, though, however, despite, yet",
    "preposition": """in, at, on, of, within, along, overlying, over, near, involving, throughout,
        to""",
    "supposed": """consistent with, compatible with, likely, suggestive, suggesting, suggests,
        suggest, representing, represent, represents, reflecting, reflect, reflects, concerning,
        due to, secondary to, related to, indicating, indicative, probably, possibly, may, could,
        might, question, worrisome""",
    "there": "there",
}
PUNCTUATION = {
    ",": "comma",
    "(": "comma",
    ")": "comma",
    ":": "comma",
    ";": "break",
    "/": "and",
    "&": "and",
    "+": "and",
}
REMAIN = "remains, remain, remained, continues, continue"  # a verb, and weakly "same"

# Words too frequent to announce a change: a sentence is read only if it holds another word of a
# change phrase.
COMMON = _words(
    "has have had is are was were there not no on in of the to as been a well lung lungs"
    " chest seen size cardiac exam study lower examination findings present visible with appear"
    " appears appearance demonstrated demonstration noted identified visualized evident"
    " appreciated apparent marked prominent severe extensive diffuse distinct dense radiograph"
    " inspiration inspiratory effort inflation aeration aerated inflated little minimally"
    " further compared become pronounced confluent visualised effusion"
)
# Words between "no" and "change" that leave it a change over time ("no acute change" is none).
DEGREES = _words(
    "significant significantly interval appreciable appreciably definite substantial substantially"
    " material relevant major marked other further in evidence of the a any clinically radiographic"
    " gross grossly obvious detectable discernible apparent if overall been great much real short"
    " meaningful measurable sizable sizeable considerable visible radiographically really"
    " noticeable perceptible remarkable there is"
)
# Degrees that turn "resolved" into "better".
PARTLY = _words(
    "near nearly almost partial partially mostly largely substantially incomplete incompletely"
    " virtually partly some"
)
WHOLLY = frozenset(["completely", "complete", "fully", "entirely", "totally", "yet", "all"])
# Comparatives that describe the distribution in one image where a place or "than" follows.
COMPARATIVES = _words("larger bigger greater smaller worse more less wider denser better")
# Words that make a sentence compare with another time.
EVIDENCE = _words(
    "interval since prior priors previous previously compared comparison comparing earlier before"
    " now today yesterday further interim recent last past currently old"
)
PAST = frozenset(["previously", "prior", "previous", "earlier"])
# A change that stands apart from its finding is followed by one of these or by nothing: in
# "effusion and unchanged surgical clips" it belongs to a noun that is not known here.
FOLLOWERS = _words(
    "from since compared as when than over by for this now interval slightly today after following"
    " during relative noted seen again size appearance position overall previously prior"
    " yesterday status per although bilaterally too also if configuration extent degree severity"
    " alignment mildly moderately somewhat further there it or only the a an been"
)
# Subjects that stand for a finding named before.
PRONOUNS = frozenset(["it", "this", "these", "that", "those", "which", "one", "ones", "they"])
PLACES = _words("base bases apex apices hilum hila lobe lobes zone zones lung lungs")
AIMS = _words("to ensure document confirm until for exclude assess evaluate show")
AIM_WORDS = frozenset(
    ["resolution", "clearing", "stability", "change", "improvement", "progression", "increase"]
)
