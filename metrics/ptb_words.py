"""Words that Penn Treebank style tokenisation treats by name, observed one by one.

Every string of two to four letters was put before ``. lung`` and ``. 5`` and the tokens of
Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1) were looked at; longer ones were tried by hand.
"""

# ruff: noqa: SIM905 -- word lists are read, and mended, as words

from __future__ import annotations

ABBREVIATIONS = frozenset(
    """
    adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bancorp bhd bldg
    blvd brig bros calif capt cf cie cmdr co col colo comdr conn corp cos cpl ct dak dec
    dept det dr drs ed.d elec ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind
    insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich
    minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph
    ph.d plc ppte ppty pres prof profs pte ptes pty ptys pvt rd rep reps rev rt sen sens sep
    sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs treas tue tues univ
    va vs vt wed wis wisc wm wyo
    """.split()
)
"""Keep their full stop wherever they stand."""

CAPITALISED_ABBREVIATIONS = frozenset("ark az del ill la mass miss ore pa tex wash".split())
"""Keep their full stop if they begin with a capital: they are words otherwise."""

BEFORE_NUMBERS = frozenset("art ca fig figs no nos op pp prop".split())
"""Keep their full stop before a number."""

SENTENCE_STARTERS = frozenset(
    """
    a about according additionally after an as at but earlier he her here however if in it last many
    more now once one other our she since so some such that the their then there these they this we
    what when while yet you
    """.split()
)
"""With a capital, they begin a sentence: a single letter before them loses its full stop."""

SPLIT_WORDS = {
    "cannot": 3,
    "gonna": 3,
    "gotta": 3,
    "wanna": 3,
    "gimme": 3,
    "lemme": 3,
}
"""Are two tokens; the number of letters of the first."""
